//! Damage in a file, as an [`io::Error`] that carries file and place to where it becomes an error of the store.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// A part of a file that is not what it must be.
#[derive(Debug, Clone)]
pub struct Damage {
    /// The file.
    pub path: PathBuf,
    /// Where the part begins.
    pub offset: u64,
    /// What is wrong with it.
    pub detail: String,
}

impl Damage {
    /// Says that a part of a file is damaged; the kind is `InvalidData`.
    pub fn error(path: &Path, offset: u64, detail: &str) -> io::Error {
        let damage = Self { path: path.to_path_buf(), offset, detail: detail.to_owned() };
        io::Error::new(io::ErrorKind::InvalidData, damage)
    }

    /// The damage that an error tells of.
    pub fn of(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} (at byte {})", self.path.display(), self.detail, self.offset)
    }
}

impl std::error::Error for Damage {}
