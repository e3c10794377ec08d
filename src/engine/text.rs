//! Where a piece of JSON text is: held in memory, or at a place in an open file. The engine passes texts
//! around without reading them; the store reads them when it must. A text keeps its file open, so it stays
//! readable after the file was superseded or deleted.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io;
use std::sync::{Arc, OnceLock};

use crate::disk::{DiskFile, read_exact_at, read_exact_into, read_full_at};

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
    },
    /// A value of an older schema version: what it was migrated to, and until then what it was. Whoever has the text
    /// sees it migrated from one moment on.
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

    /// Reads the text; costs one `pread` when it is in a file.
    ///
    /// # Errors
    /// What the system says, `UnexpectedEof` when the file was cut by another hand.
    pub fn read(&self) -> io::Result<Cow<'_, [u8]>> {
        match self {
            Self::Held(bytes) => Ok(Cow::Borrowed(bytes)),
            Self::Part { whole, start, len } => {
                let range = *start as usize..(*start + *len) as usize;
                Ok(Cow::Borrowed(whole.get(range).unwrap_or_default()))
            }
            Self::At { file, offset, len } => read_exact_at(&**file, *offset, *len as usize).map(Cow::Owned),
            Self::Aged(aged) => match aged.migrated.get() {
                Some(bytes) => Ok(Cow::Borrowed(bytes)),
                None => aged.raw.read(),
            },
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
            Self::At { file, offset, len } => read_exact_into(&**file, *offset, *len as usize, out),
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
            Self::At { file, offset, .. } => Self::At {
                file: Arc::clone(file),
                offset: offset + range.start as u64,
                len: (range.end - range.start) as u32,
            },
            Self::Aged(aged) => match aged.migrated.get() {
                Some(bytes) => Self::Held(Arc::clone(bytes)).slice(range),
                None => aged.raw.slice(range),
            },
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
            *text = now.slice(*start as usize..(*start + *len) as usize);
        }
    }
}

/// Reads texts one after the other. Where they follow each other in a file, many are read at once.
#[derive(Default)]
pub struct Nearby {
    file: Option<Arc<dyn DiskFile>>,
    start: u64,
    block: Vec<u8>,
}

/// How much is read at once where texts follow each other.
const BLOCK: usize = 128 * 1024;
/// How far apart two texts are that follow each other: lines hold more than the value.
const GAP: u64 = 4096;

impl Nearby {
    /// Reads a text.
    ///
    /// # Errors
    /// As for [`Text::read`].
    pub fn read<'a>(&'a mut self, text: &'a Text) -> io::Result<&'a [u8]> {
        let text = match text {
            Text::Aged(aged) if !aged.is_migrated() => &aged.raw,
            text => text,
        };
        let Text::At { file, offset, len } = text else {
            return match text.read()? {
                Cow::Borrowed(bytes) => Ok(bytes),
                Cow::Owned(_) => Err(io::ErrorKind::Unsupported.into()),
            };
        };
        let len = *len as usize;
        let end = self.start + self.block.len() as u64;
        let is_same = self.file.as_ref().is_some_and(|known| Arc::ptr_eq(known, file));
        if !is_same || *offset < self.start || offset + len as u64 > end {
            let follows = is_same && (self.start..end + GAP).contains(offset);
            self.block.resize(if follows { BLOCK.max(len) } else { len }, 0);
            self.file = Some(Arc::clone(file));
            self.start = *offset;
            let read = read_full_at(&**file, &mut self.block, *offset);
            self.block.truncate(*read.as_ref().unwrap_or(&0));
            read?;
        }
        let from = (offset - self.start) as usize;
        self.block.get(from..from + len).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
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
