//! Mistakes of nodes, told as soon as they are seen to whoever waits for the test.

use std::collections::BTreeSet;

use super::Interpreter;
use crate::checker::exceptions;
use crate::client::Completion;

/// How many are told before the end of a test, of all nodes and kinds. More would push each other
/// off the screen; in the end all are warnings.
const MOST_NOTICES: usize = 16;

/// Who is told, a sentence at a time.
type Listener = Box<dyn Fn(&str)>;

/// Who is told, and how much was.
#[derive(Default)]
pub(super) struct Notices {
    listener: Option<Listener>,
    told: usize,
    /// The nodes of which a malformed reply was told.
    malformed: BTreeSet<usize>,
}

impl Interpreter {
    /// Tells `listener` the first mistake of each kind that each node makes.
    pub fn tell_mistakes(&mut self, listener: impl Fn(&str) + 'static) {
        self.notices.listener = Some(Box::new(listener));
    }

    /// Tells the mistakes that were noted since.
    pub(super) fn tell_news(&mut self) {
        for news in self.mistakes.take_news() {
            self.notices.tell(&news);
        }
    }

    /// Tells of a malformed reply, if that is what this came of, and if it is the node's first one.
    pub(super) fn tell_malformed(&mut self, node: usize, f: &str, completion: &Completion) {
        let message = completion.exception.as_ref().and_then(exceptions::malformed);
        if let Some(message) = message
            && self.notices.malformed.insert(node)
        {
            let node = &self.nodes[node];
            self.notices.tell(&format!("node {node} answered {f} wrongly. {message}"));
        }
    }
}

impl Notices {
    pub(super) fn tell(&mut self, text: &str) {
        let Some(listener) = &self.listener else { return };
        self.told += 1;
        if self.told <= MOST_NOTICES {
            listener(text);
        }
        if self.told == MOST_NOTICES {
            listener("other mistakes of nodes are told when the test is over");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::*;

    #[test]
    fn not_more_is_told_than_somebody_reads() {
        let heard = Rc::new(RefCell::new(Vec::new()));
        let (mut notices, told) = (Notices::default(), Rc::clone(&heard));
        notices.tell("nobody hears this");
        notices.listener = Some(Box::new(move |text| told.borrow_mut().push(text.to_owned())));
        (0..100).for_each(|number| notices.tell(&number.to_string()));
        let heard = heard.borrow();
        assert_eq!(heard[..2], ["0", "1"]);
        assert_eq!(heard.len(), MOST_NOTICES + 1);
        assert!(heard[MOST_NOTICES].starts_with("other mistakes"), "{heard:?}");
    }
}
