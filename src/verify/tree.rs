//! Files of declared indexes: each page is what it would be if the index were made from its snapshot now.

use std::sync::Arc;

use super::{Remedy, Subject, Verifier};
use crate::disk::{OpenMode, read_exact_at};
use crate::error::{Error, Result};
use crate::fields::{self, Judged};
use crate::format::tree::{Header, PAGE, open_page, page_offset};
use crate::layout;
use crate::snapshot::{self, Indexing};

impl Verifier<'_> {
    /// Checks the file of a declared index.
    pub(super) fn tree(&mut self, subject: &Subject) -> Result<()> {
        let page = read_exact_at(&*subject.file, 0, PAGE.min(subject.len as usize))
            .map_err(|source| subject.failed(source))?;
        let Some(header) = Header::parse(&page) else {
            if !Header::is_of_another_format(&page) {
                self.damaged(subject, 0, Remedy::Rebuild, "the first page of the index is damaged");
            }
            return Ok(());
        };
        if subject.len != header.file_len() {
            let what = format!("the index should have {} bytes", header.file_len());
            self.damaged(subject, subject.len.min(header.file_len()), Remedy::Rebuild, what);
            return Ok(());
        }
        let mut is_whole = true;
        for number in 0..header.pages() as u32 {
            let bytes = read_exact_at(&*subject.file, page_offset(number), PAGE)
                .map_err(|source| subject.failed(source))?;
            if open_page(&bytes, number).is_none() {
                is_whole = false;
                let what = format!("page {number} of the index is damaged");
                self.damaged(subject, page_offset(number), Remedy::Rebuild, what);
            }
            self.reach(page_offset(number));
        }
        self.report.entries += header.entries;
        if is_whole { self.compare_tree(subject, &header) } else { Ok(()) }
    }

    /// Compares an index with the one that its snapshot makes.
    fn compare_tree(&mut self, subject: &Subject, header: &Header) -> Result<()> {
        let Some(name) = layout::snapshot_of_tree(&subject.relative) else { return Ok(()) };
        let path = layout::at(self.root, &format!("{}/{name}", layout::SNAPSHOTS));
        if self.unsound.contains(&path) || self.disk.open(&path, OpenMode::Read).is_err() {
            return Ok(());
        }
        let indexing =
            Indexing { path: path.clone(), from_bytes: u64::MAX, write: false, progress: Arc::default() };
        // What is wrong with the snapshot is told where that is checked.
        let Ok(loaded) = snapshot::load(self.disk, &path, &indexing) else { return Ok(()) };
        let judged = fields::judge(&loaded.base, header, |number, expected| {
            let found = read_exact_at(&*subject.file, page_offset(number), PAGE)?;
            Ok(found == expected)
        });
        match judged.map_err(|source| Error::io("read", &subject.path, source))? {
            Judged::Fits => {}
            Judged::Stale => {
                let what = "the index was made from another snapshot, or is of another kind";
                self.damaged(subject, 0, Remedy::Rebuild, what);
            }
            Judged::Differs(number) => {
                let what = format!("page {number} of the index is not what its snapshot says");
                self.damaged(subject, page_offset(number), Remedy::Rebuild, what);
            }
        }
        Ok(())
    }
}
