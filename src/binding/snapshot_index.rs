//! The index of a snapshot that a backend writes, built from its bytes as they pass by.

use napi::bindgen_prelude::Buffer;
use napi_derive::napi;

use super::INDEX_FROM_BYTES;
use super::catch::plain;
use crate::engine::index::Stream;

/// An index that grows with its snapshot.
#[napi]
pub struct NativeSnapshotIndex {
    pub(super) stream: Stream,
}

#[napi]
impl NativeSnapshotIndex {
    /// Takes the next bytes of the snapshot.
    #[napi]
    pub fn add(&mut self, bytes: &[u8]) -> napi::Result<()> {
        plain(|| self.stream.push(bytes))
    }

    /// The index file; `null` if the snapshot needs none, or was not one of lines. Afterwards this is empty.
    #[napi]
    pub fn finish(&mut self) -> napi::Result<Option<Buffer>> {
        plain(|| std::mem::take(&mut self.stream).finish(INDEX_FROM_BYTES).map(Buffer::from))
    }
}
