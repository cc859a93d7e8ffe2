//! Writing of a history's two files.

use std::io::{self, Write};

use super::{History, Op};
use crate::edn::Value;

impl History {
    /// Writes a history.edn: an entry a line, with Jepsen's order of keys.
    pub fn write_edn(&self, mut out: impl Write) -> io::Result<()> {
        self.ops.iter().try_for_each(|op| op.write_edn(&mut out))
    }

    /// Writes a history.txt, for people: process, type, function, value and error between tabs.
    pub fn write_txt(&self, mut out: impl Write) -> io::Result<()> {
        self.ops.iter().try_for_each(|op| writeln!(out, "{}", op.to_txt()))
    }
}

impl Op {
    /// Writes the entry's line in a history.edn.
    pub fn write_edn(&self, mut out: impl Write) -> io::Result<()> {
        let Op { index, time, kind, process, f, value, error, extra } = self;
        write!(out, "{{:index {index}, :time {time}, :type {kind}, :process {process}")?;
        write!(out, ", :f {}, :value {value}", Value::keyword(f.clone()))?;
        for (key, value) in extra {
            write!(out, ", :{key} {value}")?;
        }
        if let Some(error) = error {
            write!(out, ", :error {error}")?;
        }
        out.write_all(b"}\n")
    }

    /// The entry's line in a history.txt.
    pub fn to_txt(&self) -> String {
        let Op { kind, process, f, value, error, .. } = self;
        let error = error.as_ref().map_or(String::new(), |error| format!("\t{}", error.plain()));
        format!("{process}\t{kind}\t:{f}\t{value}{error}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EDN: &str = "\
{:index 0, :time 1, :type :invoke, :process 0, :f :cas, :value [1 [2 \"a\"]], :final? true}
{:index 1, :time 2, :type :fail, :process 0, :f :cas, :value [1 [2 \"a\"]], :final? true, \
:error [:precondition-failed \"it is 3\"]}
{:index 2, :time 3, :type :info, :process :nemesis, :f :start-partition, :value :one}
";

    fn written(write: impl Fn(&History, &mut Vec<u8>) -> io::Result<()>) -> String {
        let mut out = Vec::new();
        write(&History::read_edn(EDN).unwrap(), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_history_is_written_as_it_was_read() {
        assert_eq!(written(|history, out| history.write_edn(out)), EDN);
    }

    #[test]
    fn a_history_txt_has_tabs() {
        let txt = "0\t:invoke\t:cas\t[1 [2 \"a\"]]\n\
                   0\t:fail\t:cas\t[1 [2 \"a\"]]\t[:precondition-failed it is 3]\n\
                   :nemesis\t:info\t:start-partition\t:one\n";
        assert_eq!(written(|history, out| history.write_txt(out)), txt);
    }
}
