//! The log that a store writes, and those around it.

use std::path::PathBuf;

use crate::store::checkpoint::switch::Switch;
use crate::store::foreign::Former;
use crate::wal::{Unsynced, Writer};

/// The current log, the next one and the one before.
pub(in crate::store) struct Logs {
    /// The current one.
    pub(in crate::store) wal: Writer,
    /// What else must be durable for what is in `wal` to count: the name of the manifest that was found, and logs
    /// that writes went to before.
    pub(in crate::store) left: Vec<Unsynced>,
    /// The next log, while a checkpoint is under way.
    pub(in crate::store) switch: Switch,
    /// The log before this one.
    pub(in crate::store) former: Option<Former>,
    /// How much of the log its index file speaks of.
    pub(in crate::store) indexed: u64,
    /// Whether each line of the log is an operation.
    pub(in crate::store) is_plain: bool,
}

impl Default for Logs {
    fn default() -> Self {
        Self {
            wal: Writer::new(PathBuf::new(), String::new(), None, 0),
            left: Vec::new(),
            switch: Switch::default(),
            former: None,
            indexed: 0,
            is_plain: true,
        }
    }
}
