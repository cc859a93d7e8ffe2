//! Parsers of arguments that are names. A typo is answered with the nearest name, and shells can
//! complete the names.

use std::ffi::OsStr;
use std::fmt::Display;
use std::str::FromStr;

use clap::builder::{PossibleValue, TypedValueParser};
use clap::{Arg, Command, Error};

use eddy::Fault;

/// Parser of the names of these values.
pub(super) struct NameParser<T: 'static>(pub(super) &'static [T]);

/// Parser of a fault's name, with advice for likely mistakes.
#[derive(Clone)]
pub(super) struct FaultParser;

impl<T> Clone for NameParser<T> {
    fn clone(&self) -> NameParser<T> {
        NameParser(self.0)
    }
}

impl<T> TypedValueParser for NameParser<T>
where
    T: FromStr<Err: Display> + Display + Clone + Send + Sync + 'static,
{
    type Value = T;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<T, Error> {
        // Our parser, not clap's check of possible values, because it recognizes more typos.
        let parse = |received: &str| received.trim().parse::<T>().map_err(|e| e.to_string());
        parse.parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.0.iter().map(|one| PossibleValue::new(one.to_string()))))
    }
}

impl TypedValueParser for FaultParser {
    type Value = Fault;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<Fault, Error> {
        let known = NameParser(&Fault::ALL);
        let what = match value.to_str() {
            Some("none") => "there are no faults without --nemesis; leave it out",
            Some("") => {
                "a fault has no name; expected names separated by commas, without spaces, as in \
                 partition,kill"
            }
            _ => return known.parse_ref(command, argument, value),
        };
        let refuse = move |_: &str| Err::<Fault, _>(what);
        refuse.parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let names: Vec<_> = Fault::ALL.iter().map(ToString::to_string).collect();
        Some(Box::new(names.into_iter().map(PossibleValue::new)))
    }
}
