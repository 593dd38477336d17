//! Calls of libraries that panic at some texts.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    /// Whether this thread is in a guarded call.
    static IS_GUARDED: Cell<bool> = const { Cell::new(false) };
    /// How many panics were caught in it.
    static CAUGHT: Cell<usize> = const { Cell::new(0) };
}

static HOOK: Once = Once::new();

/// Calls a library that may panic; `None` if it does. Nothing is printed of that: the caller has an error to give.
pub(crate) fn guarded<T>(call: impl FnOnce() -> T) -> Option<T> {
    HOOK.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !IS_GUARDED.try_with(Cell::get).unwrap_or(false) {
                usual(info);
            }
        }));
    });
    let before = IS_GUARDED.replace(true);
    // What the call changed is dropped or looked at no more after a panic.
    let called = panic::catch_unwind(AssertUnwindSafe(call));
    IS_GUARDED.set(before);
    if called.is_err() {
        CAUGHT.set(CAUGHT.get() + 1);
    }
    called.ok()
}

/// How many panics were caught in this thread.
#[cfg(any(test, fuzzing))]
pub(crate) fn caught_panics() -> usize {
    CAUGHT.get()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panics_end_in_nothing_and_guards_nest() {
        let outer = guarded(|| {
            assert_eq!(guarded(|| -> u8 { panic!("inner") }), None);
            assert!(IS_GUARDED.get());
            7
        });
        assert_eq!(outer, Some(7));
        assert!(!IS_GUARDED.get());
    }
}
