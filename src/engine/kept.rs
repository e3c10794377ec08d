//! What an undo cuts off the log while a reader still has the records of an earlier moment: kept for those readers, who have no
//! lock. The store calls [`Moments::cut`] before it cuts; a reader who finds that [`Kept::cuts`] has changed while it
//! read, reads the same again, and gets from here what the file has no more.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::text::Text;
use crate::disk::DiskFile;

/// A line that was cut off, with the file in which it stood.
type Line = (Arc<dyn DiskFile>, Arc<[u8]>);

/// Lines that a moment knows, and that its log has no more.
pub struct Kept {
    cuts: AtomicU64,
    lines: Mutex<Lines>,
}

struct Lines {
    /// Up to here nothing was cut off the log since the moment; what stands behind it now came later.
    intact: u64,
    cut: BTreeMap<u64, Line>,
}

impl Kept {
    /// For a moment at which the log had this length.
    pub(super) fn new(len: u64) -> Self {
        Self { cuts: AtomicU64::new(0), lines: Mutex::new(Lines { intact: len, cut: BTreeMap::new() }) }
    }

    /// How often something was cut off.
    pub fn cuts(&self) -> u64 {
        self.cuts.load(Ordering::SeqCst)
    }

    /// A text that was cut off: its line, and where in the line it begins.
    pub(super) fn find(
        &self,
        file: &Arc<dyn DiskFile>,
        offset: u64,
        len: usize,
    ) -> Option<(Arc<[u8]>, usize)> {
        if self.cuts() == 0 {
            return None;
        }
        let lines = self.lines.lock();
        let (start, (known, line)) = lines.cut.range(..=offset).next_back()?;
        let from = (offset - start) as usize;
        (Arc::ptr_eq(known, file) && from + len <= line.len()).then(|| (Arc::clone(line), from))
    }

    fn cut(&self, file: &Arc<dyn DiskFile>, offset: u64, line: &Arc<[u8]>) {
        let mut lines = self.lines.lock();
        // NOTE: behind that stands what was written after the moment, in the place of what is kept.
        if offset < lines.intact {
            lines.intact = offset;
            lines.cut.insert(offset, (Arc::clone(file), Arc::clone(line)));
        }
        self.cuts.fetch_add(1, Ordering::SeqCst);
    }
}

/// The moments of a store that are still read.
#[derive(Default)]
pub struct Moments(Vec<Weak<Kept>>);

impl Moments {
    /// A moment begins, at which the log has this length.
    pub fn begin(&mut self, len: u64) -> Arc<Kept> {
        let kept = Arc::new(Kept::new(len));
        self.0.retain(|known| known.strong_count() > 0);
        self.0.push(Arc::downgrade(&kept));
        kept
    }

    /// A line is about to be cut off the log.
    ///
    /// # Errors
    /// Those of reading it.
    pub fn cut(&self, line: &Text) -> io::Result<()> {
        let Text::At { file, offset, .. } = line else { return Ok(()) };
        let readers: Vec<Arc<Kept>> = self.0.iter().filter_map(Weak::upgrade).collect();
        if readers.is_empty() {
            return Ok(());
        }
        let bytes: Arc<[u8]> = line.read()?.into();
        for kept in readers {
            kept.cut(file, *offset, &bytes);
        }
        Ok(())
    }
}
