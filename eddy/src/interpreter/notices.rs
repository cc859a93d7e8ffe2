//! Notices of mistakes of nodes, reported while the test is running.

use std::collections::BTreeSet;

use super::Interpreter;
use crate::checkers::exceptions;
use crate::client::Completion;

/// Maximum number of notices of a test, of all nodes and kinds. More would scroll off the screen;
/// fewer would hide mistakes until the end, when all are warnings.
const MAX_NOTICES: usize = 16;

/// A function that is called with each notice, a sentence.
type NoticeListener = Box<dyn Fn(&str)>;

/// The notices of a test.
#[derive(Default)]
pub(super) struct Notices {
    listener: Option<NoticeListener>,
    /// The number of notices so far, including those beyond the limit.
    reported: usize,
    /// The nodes of which a malformed reply was reported.
    reported_malformed: BTreeSet<usize>,
}

impl Interpreter {
    /// Calls `listener` with a sentence for the first mistake of each kind that each node makes.
    pub fn on_mistake(&mut self, listener: impl Fn(&str) + 'static) {
        self.notices.listener = Some(Box::new(listener));
    }

    /// Reports the mistakes in replies that were not reported yet.
    pub(super) fn report_mistakes(&mut self) {
        for notice in self.reply_mistakes.take_unreported() {
            self.notices.report(&notice);
        }
    }

    /// Reports the malformed reply that led to this completion, if it did and if it is the first
    /// one of the node.
    pub(super) fn report_malformed(&mut self, node: usize, f: &str, completion: &Completion) {
        let message = completion.exception.as_ref().and_then(exceptions::malformed);
        if let Some(message) = message
            && self.notices.reported_malformed.insert(node)
        {
            let node = &self.nodes[node];
            self.notices.report(&format!("node {node} answered {f} wrongly. {message}"));
        }
    }
}

impl Notices {
    /// Reports a sentence, unless the limit is reached.
    pub(super) fn report(&mut self, text: &str) {
        let Some(listener) = &self.listener else { return };
        self.reported += 1;
        if self.reported <= MAX_NOTICES {
            listener(text);
        }
        if self.reported == MAX_NOTICES {
            listener("further mistakes of nodes are reported when the test is over");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::*;

    #[test]
    fn notices_are_limited() {
        let heard = Rc::new(RefCell::new(Vec::new()));
        let (mut notices, told) = (Notices::default(), Rc::clone(&heard));
        notices.report("nobody hears this");
        notices.listener = Some(Box::new(move |text| told.borrow_mut().push(text.to_owned())));
        (0..100).for_each(|number| notices.report(&number.to_string()));
        let heard = heard.borrow();
        assert_eq!(heard[..2], ["0", "1"]);
        assert_eq!(heard.len(), MAX_NOTICES + 1);
        assert!(heard[MAX_NOTICES].starts_with("further mistakes"), "{heard:?}");
    }
}
