//! Lets two activities on one disk alternate in a fixed order: one interrupts the other, pauses in the middle of one of
//! its own calls, and goes on later. Only one of them runs at any moment, so that a run can be repeated.

use std::cell::RefCell;
use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

/// When the interrupting activity pauses, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Pause {
    /// Before which of its own syncs, 1 being the first.
    pub before_sync: u64,
    /// How many calls the interrupted activity makes meanwhile.
    pub calls: u64,
}

/// The part of an activity that runs on the thread of its own.
struct Own {
    syncs_left: u64,
    paused: Sender<()>,
    resumed: Receiver<()>,
}

thread_local! {
    static OWN: RefCell<Option<Own>> = const { RefCell::new(None) };
}

/// An activity that pauses.
pub struct Paused {
    thread: JoinHandle<()>,
    resume: Sender<()>,
}

impl Paused {
    /// Runs an activity until it pauses. `None` if it came to its end first.
    pub fn start(pause: Pause, run: impl FnOnce() + Send + 'static) -> Option<Self> {
        let (paused, pauses) = channel();
        let (resume, resumed) = channel();
        let own = Own { syncs_left: pause.before_sync, paused, resumed };
        let thread = thread::spawn(move || {
            OWN.set(Some(own));
            run();
        });
        match pauses.recv() {
            Ok(()) => Some(Self { thread, resume }),
            Err(_) => {
                join(thread);
                None
            }
        }
    }

    /// Lets it go on, and waits for its end.
    pub fn finish(self) {
        let _ = self.resume.send(());
        join(self.thread);
    }
}

fn join(thread: JoinHandle<()>) {
    if let Err(panic) = thread.join() {
        resume_unwind(panic);
    }
}

/// Whether this thread interrupts another.
pub fn is_interrupting() -> bool {
    OWN.with_borrow(Option::is_some)
}

/// An interrupting activity is about to sync: it may be time to pause.
pub fn before_sync() {
    OWN.with_borrow_mut(|own| {
        let Some(own) = own else { return };
        own.syncs_left = own.syncs_left.saturating_sub(1);
        if own.syncs_left == 0 {
            own.syncs_left = u64::MAX;
            let _ = own.paused.send(());
            let _ = own.resumed.recv();
        }
    });
}
