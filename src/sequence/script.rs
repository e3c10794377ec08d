//! Drivers for the tests of sequences: they note each step, and fail, or panic, at one.

use std::cell::RefCell;
use std::rc::Rc;

/// What a driver is told to do, and what it did.
#[derive(Clone, Default)]
pub(super) struct Script {
    pub(super) done: Rc<RefCell<Vec<&'static str>>>,
    /// The step that fails.
    pub(super) fails_at: Option<&'static str>,
    /// The step that panics.
    pub(super) panics_at: Option<&'static str>,
    pub(super) facts: Facts,
}

/// What holds for the driver, and what other writers do.
///
/// One struct: a test names those that it needs.
#[derive(Clone, Copy, Default)]
pub(super) struct Facts {
    pub(super) changes_go_on: bool,
    pub(super) archives: bool,
    pub(super) others_wait: bool,
    /// How many publications others are faster than.
    pub(super) refusals: u32,
    /// How many attempts are overtaken.
    pub(super) overtaken: u32,
    pub(super) is_held: bool,
    pub(super) is_needless: bool,
    /// A publication that fails may be in force.
    pub(super) is_uncertain: bool,
    /// An earlier attempt took effect.
    pub(super) is_in_force: bool,
}

impl Script {
    pub(super) fn of(facts: Facts) -> Self {
        Self { facts, ..Self::default() }
    }

    pub(super) fn step(&self, name: &'static str) -> Result<(), &'static str> {
        self.done.borrow_mut().push(name);
        assert!(self.panics_at != Some(name), "a defect that is scripted");
        if self.fails_at == Some(name) { Err(name) } else { Ok(()) }
    }

    /// What was done, in order.
    pub(super) fn story(&self) -> String {
        self.done.borrow().join(" ")
    }
}
