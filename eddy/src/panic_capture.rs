//! The capture of panic messages, which are not printed when they happen: those of the tests that a
//! search for a smaller test runs, and those of seeds that are not the lowest to fail.

use std::cell::{Cell, RefCell};
use std::panic;
use std::sync::Once;
use std::thread;

thread_local! {
    static IS_CAPTURING: Cell<bool> = const { Cell::new(false) };
    static LAST_MESSAGE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs `work` and captures the messages of this thread's panics in place of printing them.
pub(crate) fn capture_panics<T>(work: impl FnOnce() -> T) -> T {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if IS_CAPTURING.get() {
                let name = thread::current().name().unwrap_or("?").to_owned();
                LAST_MESSAGE.set(Some(format!("thread '{name}' {info}")));
            } else {
                usual(info);
            }
        }));
    });
    let before = IS_CAPTURING.replace(true);
    // A guard, so that a panic of the work resets the flag too.
    let _restored = RestoreOnDrop(before);
    work()
}

/// Takes the message of the last captured panic of this thread.
pub(crate) fn take_last_message() -> Option<String> {
    LAST_MESSAGE.take()
}

struct RestoreOnDrop(bool);

impl Drop for RestoreOnDrop {
    fn drop(&mut self) {
        IS_CAPTURING.set(self.0);
    }
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;

    use super::*;

    #[test]
    fn a_captured_panic_is_kept_and_not_printed() {
        assert!(capture_panics(|| catch_unwind(|| panic!("this is not printed"))).is_err());
        let text = take_last_message().unwrap();
        assert!(text.starts_with("thread '") && text.ends_with("this is not printed"), "{text}");
        assert!(!IS_CAPTURING.get());
    }
}
