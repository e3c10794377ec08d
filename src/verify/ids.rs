//! Indexes of the ids in sealed logs: each is what it would be if it were made from its log now. One that belongs to another
//! state of its log is read by no call, and only its blocks are checked.

use super::{Remedy, Subject, Verifier};
use crate::disk::{OpenMode, read_exact_at};
use crate::engine::index::Hash;
use crate::error::{Error, Result};
use crate::format::ids::{BLOCK, HEADER, Header, block_offset};
use crate::history::build_ids;
use crate::layout;

impl Verifier<'_> {
    /// Checks an index of ids.
    pub(super) fn ids(&mut self, subject: &Subject) -> Result<()> {
        let head = read_exact_at(&*subject.file, 0, HEADER.min(subject.len as usize));
        let Some(header) = Header::parse(&head.map_err(|source| subject.failed(source))?) else {
            self.damaged(subject, 0, Remedy::Rebuild, "the header of the index is damaged");
            return Ok(());
        };
        if subject.len != header.file_len() {
            let what = format!("the index should have {} bytes", header.file_len());
            self.damaged(subject, subject.len.min(header.file_len()), Remedy::Rebuild, what);
            return Ok(());
        }
        let mut found = Vec::new();
        let mut is_whole = true;
        for number in 0..header.blocks() {
            let at = block_offset(number);
            let bytes = read_exact_at(&*subject.file, at, BLOCK).map_err(|source| subject.failed(source))?;
            match header.block(number, &bytes) {
                Some(entries) => found.extend(entries),
                None => {
                    is_whole = false;
                    let what = format!("block {number} of the index is damaged");
                    self.damaged(subject, at, Remedy::Rebuild, what);
                }
            }
            self.reach(at);
        }
        let Some(name) = layout::log_of_ids(&subject.relative).filter(|_| is_whole) else { return Ok(()) };
        let path = layout::at(self.root, &format!("{}/{name}", layout::OPS));
        let Ok(log) = self.disk.open(&path, OpenMode::Read) else { return Ok(()) };
        if log.info().map_err(|source| Error::io("fstat", &path, source))?.len != header.len {
            return Ok(());
        }
        match build_ids(&*log, &path, Hash::with_key(header.key))? {
            Some(built) if built.header.tail == header.tail && built.entries != found => {
                let what = "the index is not what its log says";
                self.damaged(subject, 0, Remedy::Rebuild, what);
            }
            _ => {}
        }
        Ok(())
    }
}
