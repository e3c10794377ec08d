//! The log that a store writes, and those around it.

use std::path::PathBuf;

use crate::store::checkpoint::switch::Switch;
use crate::store::foreign::FormerLog;
use crate::store::reading::indexed::Indexed;
use crate::store::writing::older::Older;
use crate::wal::Writer;

/// The current log, the next one and the one before: each is an owner, whose fields are its own.
pub(in crate::store) struct Logs {
    /// The current one.
    pub(in crate::store) wal: Writer,
    /// What else must be durable for what is in `wal` to count.
    pub(in crate::store) older: Older,
    /// The next log, while a checkpoint is under way.
    pub(in crate::store) switch: Switch,
    /// The log before this one.
    pub(in crate::store) former: FormerLog,
    /// Its index.
    pub(in crate::store) indexed: Indexed,
}

impl Default for Logs {
    fn default() -> Self {
        Self {
            wal: Writer::new(PathBuf::new(), String::new(), None, 0),
            older: Older::default(),
            switch: Switch::default(),
            former: FormerLog::default(),
            indexed: Indexed::default(),
        }
    }
}
