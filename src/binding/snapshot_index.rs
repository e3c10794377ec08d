//! The index of a snapshot that a backend writes, built from its bytes as they pass by.

use napi::bindgen_prelude::BufferSlice;
use napi_derive::napi;

use super::INDEX_FROM_BYTES;
use super::catch::plain;
use crate::engine::index::{Printing, Stream};

/// An index that grows with its snapshot, and is printed afterwards.
#[napi]
pub struct NativeSnapshotIndex {
    stream: Stream,
    printing: Option<Printing>,
}

impl NativeSnapshotIndex {
    pub(super) fn of(stream: Stream) -> Self {
        Self { stream, printing: None }
    }
}

#[napi]
impl NativeSnapshotIndex {
    /// Takes the next bytes of the snapshot.
    #[napi]
    pub fn add(&mut self, bytes: &[u8]) -> napi::Result<()> {
        plain(|| self.stream.push(bytes))
    }

    /// Ends the snapshot. Returns the length of the index file; `null` if the snapshot needs none, or was not one of lines.
    #[napi]
    pub fn finish(&mut self) -> napi::Result<Option<f64>> {
        plain(|| {
            self.printing = std::mem::take(&mut self.stream).finish(INDEX_FROM_BYTES);
            self.printing.as_ref().map(|printing| printing.file_len() as f64)
        })
    }

    /// Writes the next part of the index file: as many whole pages as there is room for. Returns the number of bytes; 0 at the end.
    #[napi]
    pub fn print(&mut self, mut into: BufferSlice<'_>) -> napi::Result<u32> {
        plain(|| self.printing.as_mut().map_or(0, |printing| printing.print(&mut into) as u32))
    }
}
