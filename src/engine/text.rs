//! Where a piece of JSON text is: held in memory, or at a place in an open file. The engine passes texts
//! around without reading them; the store reads them when it must. A text keeps its file open, so it stays
//! readable after the file was superseded or deleted. A value in a log is checked when it is read: if another process
//! has moved or changed it, reading fails with [`Displaced`] and gives no other value.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::BuildHasher;
use std::io;
use std::sync::{Arc, LazyLock, OnceLock};

use hashbrown::DefaultHashBuilder;

use crate::disk::{DiskFile, read_exact_at, read_exact_into};

/// Tells a text from others, as far as three bytes can: so much room is left in a [`Text`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Check([u8; 3]);

impl Check {
    /// Fits every text.
    pub const NONE: Self = Self([0; 3]);

    /// The check of a text.
    pub fn of(bytes: &[u8]) -> Self {
        static HASHER: LazyLock<DefaultHashBuilder> = LazyLock::new(DefaultHashBuilder::default);
        let [a, b, c, ..] = HASHER.hash_one(bytes).to_le_bytes();
        if [a, b, c] == [0; 3] { Self([1; 3]) } else { Self([a, b, c]) }
    }

    pub(super) fn must_fit(self, bytes: &[u8]) -> io::Result<()> {
        match self == Self::NONE || self == Self::of(bytes) {
            true => Ok(()),
            false => Err(Displaced.into()),
        }
    }
}

/// A value is not where it was: another process has written to the log.
#[derive(Debug)]
pub struct Displaced;

impl std::fmt::Display for Displaced {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a value is not where it was written: another process has changed the log")
    }
}

impl std::error::Error for Displaced {}

impl From<Displaced> for io::Error {
    fn from(displaced: Displaced) -> Self {
        Self::new(io::ErrorKind::InvalidData, displaced)
    }
}

/// Whether reading failed because a value is not where it was.
pub fn is_displaced(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<Displaced>())
}

/// A piece of immutable JSON text.
#[derive(Clone)]
pub enum Text {
    /// In memory.
    Held(Arc<[u8]>),
    /// Part of what is in memory.
    Part {
        /// What it is a part of.
        whole: Arc<[u8]>,
        /// Where it begins.
        start: u32,
        /// Its length in bytes.
        len: u32,
    },
    /// In a file.
    At {
        /// The open file.
        file: Arc<dyn DiskFile>,
        /// Where the text begins, in bytes.
        offset: u64,
        /// Its length in bytes.
        len: u32,
        /// What it must be.
        check: Check,
    },
    /// A value of an older schema version, and its migrated form once there is one. Every holder of the text sees the
    /// migrated form from the same moment on.
    Aged(Arc<Aged>),
}

/// A value of an older schema version.
#[derive(Debug)]
pub struct Aged {
    raw: Text,
    version: u32,
    migrated: OnceLock<Arc<[u8]>>,
}

impl Aged {
    /// A value that was written by a program of this version.
    pub fn new(raw: Text, version: u32) -> Self {
        Self { raw, version, migrated: OnceLock::new() }
    }

    /// The version of the program that wrote it.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// What the program wrote.
    pub(super) fn raw(&self) -> &Text {
        &self.raw
    }

    /// Whether it was migrated.
    pub fn is_migrated(&self) -> bool {
        self.migrated.get().is_some()
    }

    /// Says what it was migrated to. The first who says so is right.
    pub fn migrate(&self, text: &[u8]) {
        self.migrated.get_or_init(|| text.into());
    }
}

impl Text {
    /// No text.
    pub fn empty() -> Self {
        static EMPTY: OnceLock<Arc<[u8]>> = OnceLock::new();
        Self::Held(Arc::clone(EMPTY.get_or_init(Arc::default)))
    }

    /// A text in a file that is not checked when it is read, as a line that says itself what it is.
    pub fn at(file: &Arc<dyn DiskFile>, offset: u64, len: usize) -> Self {
        Self::At { file: Arc::clone(file), offset, len: len as u32, check: Check::NONE }
    }

    /// Reads the text; costs one `pread` when it is in a file.
    ///
    /// # Errors
    /// What the system says, `UnexpectedEof` when another process cut the file, [`Displaced`].
    pub fn read(&self) -> io::Result<Cow<'_, [u8]>> {
        match self {
            Self::Held(bytes) => Ok(Cow::Borrowed(bytes)),
            Self::Part { whole, start, len } => {
                let range = *start as usize..(*start + *len) as usize;
                Ok(Cow::Borrowed(whole.get(range).unwrap_or_default()))
            }
            Self::At { file, offset, len, check } => {
                let bytes = read_exact_at(&**file, *offset, *len as usize)?;
                check.must_fit(&bytes)?;
                Ok(Cow::Owned(bytes))
            }
            Self::Aged(aged) => match aged.migrated.get() {
                Some(bytes) => Ok(Cow::Borrowed(bytes)),
                None => aged.raw.read(),
            },
        }
    }

    /// Whether bytes that were read from its place are what it must be.
    pub fn is_intact(&self, bytes: &[u8]) -> bool {
        match self {
            Self::At { len, check, .. } => bytes.len() == *len as usize && check.must_fit(bytes).is_ok(),
            Self::Held(_) | Self::Part { .. } | Self::Aged(_) => true,
        }
    }

    /// What is to be migrated of it, if it is.
    pub fn unmigrated(&self) -> Option<&Aged> {
        match self {
            Self::Aged(aged) if !aged.is_migrated() => Some(aged),
            _ => None,
        }
    }

    /// As [`Text::read`], appending to a buffer.
    ///
    /// # Errors
    /// As for [`Text::read`]; nothing is appended then.
    pub fn read_into(&self, out: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Self::At { file, offset, len, check } => {
                let from = out.len();
                read_exact_into(&**file, *offset, *len as usize, out)?;
                let fits = check.must_fit(out.get(from..).unwrap_or_default());
                if fits.is_err() {
                    out.truncate(from);
                }
                fits
            }
            Self::Held(_) | Self::Part { .. } | Self::Aged(_) => {
                out.extend_from_slice(&self.read()?);
                Ok(())
            }
        }
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        match self {
            Self::Held(bytes) => bytes.len(),
            Self::Part { len, .. } | Self::At { len, .. } => *len as usize,
            Self::Aged(aged) => aged.migrated.get().map_or_else(|| aged.raw.len(), |bytes| bytes.len()),
        }
    }

    /// Whether there is no text at all, which stands for JS `undefined`.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A part of this text.
    pub fn slice(&self, range: std::ops::Range<usize>) -> Self {
        match self {
            Self::Held(whole) => Self::Part {
                whole: Arc::clone(whole),
                start: range.start as u32,
                len: (range.end - range.start) as u32,
            },
            Self::Part { whole, start, .. } => Self::Part {
                whole: Arc::clone(whole),
                start: start + range.start as u32,
                len: (range.end - range.start) as u32,
            },
            Self::At { file, offset, .. } => {
                Self::at(file, offset + range.start as u64, range.end - range.start)
            }
            Self::Aged(aged) => match aged.migrated.get() {
                Some(bytes) => Self::Held(Arc::clone(bytes)).slice(range),
                None => aged.raw.slice(range),
            },
        }
    }

    /// A part of this text, which is `whole`, that is checked when it is read.
    pub fn part(&self, range: std::ops::Range<usize>, whole: &[u8]) -> Self {
        match self.slice(range.clone()) {
            at @ Self::At { .. } => at.checked(Check::of(whole.get(range).unwrap_or_default())),
            held => held,
        }
    }

    /// The same text, checked when it is read from a file.
    pub fn checked(self, check: Check) -> Self {
        match self {
            Self::At { file, offset, len, .. } => Self::At { file, offset, len, check },
            held => held,
        }
    }
}

/// Where texts went that were held in memory.
#[derive(Default)]
pub struct Moved(HashMap<*const u8, Text>);

impl Moved {
    /// Notes that a held text is found elsewhere, at the same distance from its beginning. The text must live as
    /// long as this.
    pub fn note(&mut self, held: &Text, now: &Text) {
        if let Text::Held(whole) = held {
            self.0.insert(whole.as_ptr(), now.clone());
        }
    }

    /// Lets a part of a text that has moved be a part of what it is now.
    pub fn follow(&self, text: &mut Text) {
        if let Text::Part { whole, start, len } = text
            && let Some(now) = self.0.get(&whole.as_ptr())
        {
            *text = now.part(*start as usize..(*start + *len) as usize, whole);
        }
    }
}

impl std::fmt::Debug for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Held(bytes) => write!(f, "Held({})", String::from_utf8_lossy(bytes)),
            Self::Part { start, len, .. } => write!(f, "Part({start}, {len})"),
            Self::At { offset, len, .. } => write!(f, "At({offset}, {len})"),
            Self::Aged(aged) => write!(f, "Aged({:?}, {})", aged.raw, aged.version),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_takes_no_room() {
        assert_eq!(size_of::<Text>(), 32);
        assert_eq!(size_of::<Option<Text>>(), 32);
    }
}
