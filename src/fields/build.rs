//! Makes the tree of an index from the records of a snapshot: one pass over them, and a sort in memory, of some 60 bytes for each.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::tree::{Tree, source};
use crate::disk::Disk;
use crate::engine::Base;
use crate::engine::index::Hash;
use crate::error::{Error, Result};
use crate::format::tree::{Entry, Filling, Header, Source};
use crate::progress::Progress;
use crate::publish::Draft;
use crate::query::Definition;

/// The entries that are sorted.
#[derive(Default)]
struct Entries {
    keys: Vec<u8>,
    places: Vec<Place>,
}

struct Place {
    /// What the key begins with, so that most comparisons need no look at it.
    begins: u64,
    key: u64,
    key_len: u32,
    tag: u32,
    offset: u64,
    len: u32,
}

impl Entries {
    fn push(&mut self, entry: &Entry<'_>) {
        let mut begins = [0; 8];
        begins.iter_mut().zip(entry.key).for_each(|(to, from)| *to = *from);
        let Entry { key, offset, len, tag } = *entry;
        self.places.push(Place {
            begins: u64::from_be_bytes(begins),
            key: self.keys.len() as u64,
            key_len: key.len() as u32,
            tag,
            offset,
            len,
        });
        self.keys.extend_from_slice(key);
    }

    fn key(&self, place: &Place) -> &[u8] {
        let from = place.key as usize;
        self.keys.get(from..from + place.key_len as usize).unwrap_or_default()
    }

    fn sort(&mut self) {
        let mut places = std::mem::take(&mut self.places);
        // NOTE: they come in the order of their offsets, and what is equal stays in its order.
        crate::order::sort_by(&mut places, |one, other| {
            one.begins.cmp(&other.begins).then_with(|| self.key(one).cmp(self.key(other)))
        });
        self.places = places;
    }
}

/// Builds an index over a base. `None` if its lines do not stand in the order of the records, or it was cancelled.
///
/// # Errors
/// Those of reading the base.
pub fn build(
    base: &Base,
    definition: &Definition,
    progress: &Progress,
    cancelled: &AtomicBool,
) -> io::Result<Option<Tree>> {
    Ok(made(base, definition, Hash::random(), progress, cancelled)?
        .map(|(header, pages)| Tree::held(pages, header)))
}

fn made(
    base: &Base,
    definition: &Definition,
    hash: Hash,
    progress: &Progress,
    cancelled: &AtomicBool,
) -> io::Result<Option<(Header, Vec<u8>)>> {
    let mut entries = Entries::default();
    let (mut is_plain, mut end, mut count) = (true, 0, 0_u64);
    let mut lines = base.lines(0);
    while let Some((offset, line)) = lines.next_line()? {
        if offset < end {
            return Ok(None);
        }
        end = offset + line.len() as u64;
        let record = base.record(offset, line)?;
        let keys = definition.keys(&record.id, line.get(record.data.clone()).unwrap_or_default());
        is_plain &= keys.is_plain;
        let tag = hash.tag(&record.id);
        for key in &keys.keys {
            entries.push(&Entry { key, offset, len: line.len() as u32, tag });
        }
        count += 1;
        if count & 0xFFF == 0 {
            progress.reach(count);
            if cancelled.load(Ordering::Relaxed) {
                return Ok(None);
            }
        }
    }
    entries.sort();
    let source = match base.file() {
        Some(file) => source(&**file)?,
        None => Source { len: 0, head: 0, tail: 0 },
    };
    let (levels, pages) = pages_of(&entries);
    let header = Header {
        source,
        key: hash.key(),
        entries: entries.places.len() as u64,
        is_plain,
        levels,
        name: definition.name().as_bytes().to_vec(),
        is_unique: definition.is_unique(),
    };
    Ok(Some((header, pages)))
}

/// What an index is, beside its snapshot.
pub enum Judged {
    /// What the snapshot makes.
    Fits,
    /// Not of this snapshot.
    Stale,
    /// Something else in this page.
    Differs(u32),
}

/// Compares an index with what its snapshot makes; `is_page` says whether a page of it is this.
///
/// # Errors
/// Those of reading.
pub fn judge(
    base: &Base,
    header: &Header,
    is_page: impl Fn(u32, &[u8]) -> io::Result<bool>,
) -> io::Result<Judged> {
    let Ok(definition) = &Definition::named(&header.name) else { return Ok(Judged::Stale) };
    let (progress, never) = (Progress::default(), AtomicBool::new(false));
    let made = made(base, definition, Hash::with_key(header.key), &progress, &never)?;
    let Some((expected, pages)) = made else { return Ok(Judged::Stale) };
    if (Header { is_unique: header.is_unique, ..expected }) != *header {
        return Ok(Judged::Stale);
    }
    for (number, page) in pages.chunks(crate::format::tree::PAGE).enumerate() {
        if !is_page(number as u32, page)? {
            return Ok(Judged::Differs(number as u32));
        }
    }
    Ok(Judged::Fits)
}

/// The pages of all levels, and how many each has.
fn pages_of(entries: &Entries) -> (Vec<u32>, Vec<u8>) {
    let mut pages = Vec::new();
    let mut number = 0;
    let mut filling = Filling::default();
    // The first entry of each page, by its number.
    let mut firsts: Vec<(usize, u32)> = vec![(0, 0)];
    for (at, place) in entries.places.iter().enumerate() {
        let entry = Entry { key: entries.key(place), offset: place.offset, len: place.len, tag: place.tag };
        if !filling.push(&entry) {
            filling.finish(number, &mut pages);
            number += 1;
            firsts.push((at, number));
            filling.push(&entry);
        }
    }
    filling.finish(number, &mut pages);
    number += 1;
    let mut levels = vec![number];
    while firsts.len() > 1 {
        let below = std::mem::take(&mut firsts);
        let from = number;
        for (at, page) in below {
            let key = entries.places.get(at).map(|place| entries.key(place)).unwrap_or_default();
            if firsts.is_empty() {
                firsts.push((at, number));
            }
            if !filling.push_child(key, page) {
                filling.finish(number, &mut pages);
                number += 1;
                firsts.push((at, number));
                filling.push_child(key, page);
            }
        }
        filling.finish(number, &mut pages);
        number += 1;
        levels.push(number - from);
    }
    (levels, pages)
}

/// Builds an index over a base and writes its file. `None` as for [`build`].
///
/// # Errors
/// `OPSLOG_IO`; there is no file then, or the one that was there before.
pub fn write(
    disk: &dyn Disk,
    path: &Path,
    base: &Base,
    definition: &Definition,
    progress: &Progress,
    cancelled: &AtomicBool,
) -> Result<bool> {
    let made = made(base, definition, Hash::random(), progress, cancelled);
    let Some((header, pages)) = made.map_err(|source| Error::io("read", path, source))? else {
        return Ok(false);
    };
    if let Some(folder) = path.parent() {
        disk.create_folder(folder).map_err(|source| Error::io("mkdir", folder, source))?;
    }
    let draft = Draft::create(disk, path)?;
    draft.write(&header.print())?;
    draft.write(&pages)?;
    draft.sync()?;
    draft.rename(path)?;
    Ok(true)
}
