//! Panics that nobody needs to see when they happen: those of a test that is run again and again to
//! be made smaller, and those of seeds that are not the lowest that fails.

use std::cell::{Cell, RefCell};
use std::panic;
use std::sync::Once;
use std::thread;

thread_local! {
    static IS_QUIET: Cell<bool> = const { Cell::new(false) };
    static LAST: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Works without printing panics of this thread.
pub(crate) fn quietly<T>(work: impl FnOnce() -> T) -> T {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if IS_QUIET.get() {
                let name = thread::current().name().unwrap_or("?").to_owned();
                LAST.set(Some(format!("thread '{name}' {info}")));
            } else {
                usual(info);
            }
        }));
    });
    let before = IS_QUIET.replace(true);
    // Also when the work panics.
    let _restored = Restore(before);
    work()
}

/// What would have been printed of the last panic of this thread.
pub(crate) fn last() -> Option<String> {
    LAST.take()
}

struct Restore(bool);

impl Drop for Restore {
    fn drop(&mut self) {
        IS_QUIET.set(self.0);
    }
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;

    use super::*;

    #[test]
    fn a_quiet_panic_is_kept_in_place_of_being_printed() {
        assert!(quietly(|| catch_unwind(|| panic!("nobody hears this"))).is_err());
        let text = last().unwrap();
        assert!(text.starts_with("thread '") && text.ends_with("nobody hears this"), "{text}");
        assert!(!IS_QUIET.get());
    }
}
