//! Appends to one WAL and cuts it. Invariant: after every call, whether it succeeded or not, the file ends
//! at `len` with a complete line, or `broken` says why that is not known and nothing more is written. Unless another hand
//! appends too, as a process may that no lock keeps out: up to `sure` the file is what is known of it, and behind that
//! its length shows whether there is more than what this writer put there.

use std::cmp::Ordering;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::recent::Recent;
use super::watch::{Extent, Watch, Watchers};
use super::{Unsynced, append};
use crate::disk::{Disk, DiskFile, FileInfo, OpenMode, append_all, read_exact_at, write_all_at};
use crate::error::{Error, Result};
use crate::format::operation::Marks;

/// After so many bytes the file should be looked at. What was appended since the last look must be in memory.
const UNLOOKED: u64 = 1 << 20;
/// How many bytes at the end of a log are compared with what was written there.
const COMPARED: usize = 4096;

/// An open WAL.
pub struct Writer {
    path: PathBuf,
    relative: String,
    file: Option<Arc<dyn DiskFile>>,
    len: u64,
    /// Up to here the file held what is known of it when it was last looked at.
    sure: u64,
    /// The file ends with a part of a line that another hand wrote.
    ends_in_part: bool,
    /// How long the file was when what stands behind `sure` was read, and could not be taken for lines yet.
    unread_end: Option<u64>,
    /// Something was not where it was written: all of the file is to be read anew.
    is_distrusted: bool,
    cuts: u64,
    cut_unmarked: bool,
    after: Option<String>,
    broken: Option<String>,
    /// From here on, all lines are this writer's own.
    own_from: u64,
    recent: Recent,
    watchers: Watchers,
    /// Something was written since the last sync began; and the file's name may not be durable.
    unsynced: bool,
    is_new: bool,
}

/// What a look at the path showed.
#[derive(Debug, PartialEq, Eq)]
pub enum Standing {
    /// The path leads to our file and no other process wrote to it.
    Sound,
    /// Another hand appended; the file is longer than we know.
    Grew,
    /// The path leads nowhere or to another file.
    Replaced,
    /// Another hand cut it; the file is shorter than we know.
    Shrank,
}

impl Writer {
    /// Takes over a WAL whose good end is known. `file` is `None` when it does not exist yet: it is created
    /// by the first append.
    pub fn new(path: PathBuf, relative: String, file: Option<Arc<dyn DiskFile>>, len: u64) -> Self {
        // The process that created it, or wrote to it before, may not have synced that.
        let unsynced = file.is_some();
        Self {
            path,
            relative,
            file,
            len,
            sure: len,
            ends_in_part: false,
            unread_end: None,
            is_distrusted: false,
            own_from: len,
            cuts: 0,
            cut_unmarked: false,
            after: None,
            broken: None,
            recent: Recent::default(),
            watchers: Watchers::default(),
            unsynced,
            is_new: unsynced,
        }
    }

    /// Creates a WAL that must not exist yet. The caller makes its name durable.
    ///
    /// # Errors
    /// `OPSLOG_IO`.
    pub fn create(disk: &dyn Disk, path: PathBuf, relative: String, after: Option<String>) -> Result<Self> {
        let file =
            disk.open(&path, OpenMode::CreateNew).map_err(|source| Error::io("open", &path, source))?;
        let mut writer = Self::new(path, relative, Some(file), 0);
        writer.after = after;
        writer.is_new = false;
        Ok(writer)
    }

    /// The file's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path as the manifest spells it.
    pub fn relative(&self) -> &str {
        &self.relative
    }

    /// The open file, if it exists.
    pub fn file(&self) -> Option<&Arc<dyn DiskFile>> {
        self.file.as_ref()
    }

    /// Length of what is known to be good.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Takes note of what a reader of the file found: its number of cuts.
    pub fn set_cuts(&mut self, cuts: u64) {
        self.cuts = cuts;
    }

    /// How often it was cut.
    pub fn cuts(&self) -> u64 {
        self.cuts
    }

    /// Says which WAL this one follows, until its first line says so.
    pub fn set_after(&mut self, after: Option<String>) {
        self.after = after;
    }

    /// Which WAL this one follows, if its first line is still to say so.
    pub fn after(&self) -> Option<&str> {
        self.after.as_deref()
    }

    /// Lets a backup of the log know what becomes of it.
    pub fn watch(&mut self) -> Watch {
        self.watchers.add(Extent { file: self.file.clone(), len: self.len, intact: u64::MAX })
    }

    fn tell(&self, changed_from: u64) {
        self.watchers.tell(self.file.as_ref(), self.len, changed_from);
    }

    /// Takes note of lines that another hand appended.
    pub fn grown_to(&mut self, len: u64) {
        self.read_up_to(len, len, false);
    }

    /// Takes note of what the file holds: up to `len` what was read, of which the end behind `sure` may still become
    /// something else.
    pub fn read_up_to(&mut self, sure: u64, len: u64, ends_in_part: bool) {
        let changed_from = self.sure.min(sure);
        self.len = len;
        self.sure = sure;
        self.ends_in_part = ends_in_part;
        self.unread_end = (sure < len).then_some(len);
        self.is_distrusted = false;
        self.own_from = len;
        // NOTE: it is kept by where it was believed to be.
        self.recent.clear();
        self.tell(changed_from);
    }

    /// As [`Writer::read_up_to`], when what was read is to be read again: it was passed over.
    pub fn passed_over(&mut self, len: u64, ends_in_part: bool) {
        self.read_up_to(self.sure, len, ends_in_part);
        self.unread_end = Some(0);
    }

    /// Keeps what was read from an offset on in memory, as what was appended is.
    pub fn keep(&mut self, offset: u64, bytes: &[u8]) {
        self.recent.push(offset, bytes);
    }

    /// Up to where the file held what is known of it when it was last looked at.
    pub fn sure(&self) -> u64 {
        self.sure
    }

    /// Says that the file is as long as it is believed to be: then all that was appended is where it was believed to
    /// go, for another hand can only have made it longer.
    pub fn note_sure(&mut self) {
        if self.unread_end.is_none() && !self.is_distrusted {
            self.sure = self.len;
        }
    }

    /// Says that it is not sure what the file holds from this place on.
    pub fn doubt_from(&mut self, sure: u64) {
        self.sure = self.sure.min(sure);
    }

    /// Says that something is not where it was written: nothing of the file is sure.
    pub fn distrust(&mut self) {
        self.sure = 0;
        self.is_distrusted = true;
    }

    /// Whether all of the file is to be read anew.
    pub fn is_distrusted(&self) -> bool {
        self.is_distrusted
    }

    /// Whether the file is to be read anew although it is as long as it is believed to be.
    pub fn wants_reading(&self) -> bool {
        self.is_distrusted || self.unread_end.is_some_and(|read| read < self.len)
    }

    /// Whether something was appended since the file was looked at, and nothing else is to be read.
    pub fn is_unlooked(&self) -> bool {
        self.sure < self.len && self.unread_end.is_none()
    }

    /// Whether so much was appended since the last look that the file should be looked at.
    pub fn wants_look(&self) -> bool {
        self.len - self.sure > UNLOOKED
    }

    /// What was appended lately at an offset, or read there, from memory.
    pub fn recent(&self, offset: u64, len: usize) -> Option<&[u8]> {
        self.recent.get(offset, len)
    }

    /// The marks that the next line must carry.
    pub fn marks(&self) -> Marks<'_> {
        Marks {
            batch: None,
            cuts: if self.cut_unmarked { self.cuts } else { 0 },
            after: if self.len == 0 { self.after.as_deref() } else { None },
        }
    }

    /// Whether the next line needs no mark of the log, and the log ends where it begins.
    pub fn takes_lines_as_they_are(&self) -> bool {
        self.file.is_some()
            && !self.ends_in_part
            && !self.cut_unmarked
            && (self.len > 0 || self.after.is_none())
    }

    /// Appends complete lines and returns where they begin. After a failure the file is as it was.
    ///
    /// # Errors
    /// `OPSLOG_IO`; `OPSLOG_FAILED` once a failed append could not be cut back.
    pub fn append(&mut self, disk: &dyn Disk, bytes: &[u8]) -> Result<u64> {
        self.usable()?;
        if self.ends_in_part {
            // NOTE: what another hand has not finished, or never will, must not swallow this.
            self.put(disk, b"\n")?;
            self.ends_in_part = false;
        }
        let at = self.put(disk, bytes)?;
        self.cut_unmarked = false;
        Ok(at)
    }

    fn put(&mut self, disk: &dyn Disk, bytes: &[u8]) -> Result<u64> {
        let at = self.len;
        let file = match &self.file {
            Some(file) => file,
            None => {
                let open = disk.open(&self.path, OpenMode::CreateNew);
                self.is_new = true;
                self.file.insert(open.map_err(|source| Error::io("open", &self.path, source))?)
            }
        };
        self.unsynced = true;
        let file = Arc::clone(file);
        if let Err(failure) = append::append_whole(disk, &self.path, &*file, at, bytes) {
            if let Some(error) = failure.uncut {
                self.broken = Some(format!("a failed append could not be cut back: {error}"));
            }
            return Err(Error::io("write", &self.path, failure.source));
        }
        self.len += bytes.len() as u64;
        self.recent.push(at, bytes);
        self.tell(u64::MAX);
        Ok(at)
    }

    /// Lets what is appended next begin a line, if another hand has written a part of one since the file was looked at.
    ///
    /// # Errors
    /// `OPSLOG_IO`.
    pub fn begin_line(&mut self) -> Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let info = file.info().map_err(|source| Error::io("fstat", &self.path, source))?;
        if info.len > self.len {
            let last = read_exact_at(&**file, info.len - 1, 1);
            self.ends_in_part = last.map_err(|source| Error::io("read", &self.path, source))? != b"\n";
        }
        Ok(())
    }

    /// Forgets what was kept in memory of the log: the file is not what was written to it any more.
    pub fn forget_recent(&mut self) {
        self.recent.clear();
    }

    /// Whether this is a place in the held file behind which no other process wrote before this writer did.
    pub fn is_own(&self, file: &Arc<dyn DiskFile>, offset: u64) -> bool {
        offset >= self.own_from && self.file.as_ref().is_some_and(|own| Arc::ptr_eq(own, file))
    }

    /// Cuts the file to a length, which must be the end of a line. `false`, and nothing is done, if the file is not as
    /// long as it is believed to be: what another hand appended must not go.
    ///
    /// # Errors
    /// `OPSLOG_IO`; nothing is changed then.
    pub fn cut(&mut self, len: u64) -> Result<bool> {
        self.usable()?;
        if let Some(file) = &self.file {
            self.unsynced = true;
            let cut = append::cut(&**file, self.len, len);
            if !cut.map_err(|source| Error::io("ftruncate", &self.path, source))? {
                return Ok(false);
            }
        }
        self.len = len;
        self.sure = self.sure.min(len);
        if self.unread_end.is_some_and(|read| read > len) {
            self.unread_end = None;
            self.ends_in_part = false;
        }
        self.note_sure();
        self.own_from = self.own_from.min(len);
        self.recent.cut(len);
        self.cuts = self.cuts.saturating_add(1);
        self.cut_unmarked = true;
        self.tell(len);
        Ok(true)
    }

    /// Takes a line out that is not the last one: makes as many blank lines of it.
    ///
    /// # Errors
    /// As for [`Writer::overwrite`].
    pub fn blank(&mut self, disk: &dyn Disk, offset: u64, len: usize) -> Result<()> {
        self.overwrite(disk, offset, &vec![b'\n'; len])?;
        self.cuts = self.cuts.saturating_add(1);
        self.cut_unmarked = true;
        Ok(())
    }

    /// Overwrites bytes in place with as many others.
    ///
    /// # Errors
    /// `OPSLOG_IO`; `OPSLOG_FAILED` when it happened in part.
    pub fn overwrite(&mut self, disk: &dyn Disk, offset: u64, bytes: &[u8]) -> Result<()> {
        self.overwrite_all(disk, &[offset], bytes)
    }

    /// Overwrites bytes at several places.
    ///
    /// # Errors
    /// As for [`Writer::overwrite`]; the places before the failure are overwritten.
    pub fn overwrite_all(&mut self, disk: &dyn Disk, offsets: &[u64], bytes: &[u8]) -> Result<()> {
        if offsets.is_empty() {
            return Ok(());
        }
        self.usable()?;
        self.recent.clear();
        self.tell(offsets.iter().copied().min().unwrap_or(u64::MAX));
        let file = disk
            .open(&self.path, OpenMode::ReadWrite)
            .map_err(|source| Error::io("open", &self.path, source))?;
        self.unsynced = true;
        for &offset in offsets {
            if let Err((written, source)) = write_all_at(&*file, bytes, offset) {
                if written > 0 {
                    self.broken = Some(format!("a line was overwritten in part: {source}"));
                }
                return Err(Error::io("pwrite", &self.path, source));
            }
        }
        Ok(())
    }

    /// Makes what was appended durable.
    ///
    /// # Errors
    /// `OPSLOG_IO`. A failed sync is never retried: the writer refuses everything afterwards.
    pub fn sync(&mut self) -> Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        self.unsynced = self.is_new;
        file.sync().map_err(|source| {
            self.broken = Some(format!("a sync failed: {source}"));
            Error::io("fdatasync", &self.path, source)
        })
    }

    /// Whether something was written since [`Writer::take_unsynced`].
    pub fn is_unsynced(&self) -> bool {
        self.unsynced
    }

    /// What is to be synced, if anything was written since this was last asked.
    pub fn take_unsynced(&mut self) -> Option<Unsynced> {
        if !std::mem::take(&mut self.unsynced) {
            return None;
        }
        let is_new = std::mem::take(&mut self.is_new);
        Some(Unsynced::log(&self.path, self.file.as_ref()?, is_new))
    }

    /// Compares the held file with its path.
    ///
    /// # Errors
    /// `OPSLOG_IO`, with `EACCES` as an open by path would say, when the file was made read-only.
    pub fn standing(&self, disk: &dyn Disk) -> Result<Standing> {
        let (standing, info) = self.look(disk)?;
        if info.is_some_and(|info| !info.writable) {
            disk.open(&self.path, OpenMode::Append)
                .map_err(|source| Error::io("open", &self.path, source))?;
        }
        Ok(standing)
    }

    /// Compares the length of the held file with what it is believed to be.
    ///
    /// # Errors
    /// `OPSLOG_IO`.
    pub fn length(&self) -> Result<Standing> {
        let Some(file) = &self.file else { return Ok(Standing::Sound) };
        let info = file.info().map_err(|source| Error::io("fstat", &self.path, source))?;
        Ok(self.compare(info.len))
    }

    fn compare(&self, len: u64) -> Standing {
        match len.cmp(&self.len) {
            Ordering::Greater => Standing::Grew,
            Ordering::Equal => Standing::Sound,
            Ordering::Less => Standing::Shrank,
        }
    }

    /// As [`Writer::standing`], for a caller that only reads; and what the system knows of the held file, if it is
    /// the one at its path.
    ///
    /// # Errors
    /// `OPSLOG_IO`.
    pub fn look(&self, disk: &dyn Disk) -> Result<(Standing, Option<FileInfo>)> {
        let at_path = match disk.info(&self.path) {
            Ok(info) => Some(info),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(source) => return Err(Error::io("stat", &self.path, source)),
        };
        let (Some(file), Some(info)) = (&self.file, at_path) else {
            let is_same = self.file.is_none() && at_path.is_none();
            return Ok((if is_same { Standing::Sound } else { Standing::Replaced }, None));
        };
        let held = file.info().map_err(|source| Error::io("fstat", &self.path, source))?;
        if held.identity != info.identity || held.links == 0 {
            return Ok((Standing::Replaced, None));
        }
        Ok((self.compare(info.len), Some(info)))
    }

    /// Whether the end of the file is what was written there last, as far as that is in memory: an earlier state of the
    /// folder that was copied over it may be as long.
    ///
    /// # Errors
    /// `OPSLOG_IO`.
    pub fn ends_as_written(&self) -> Result<bool> {
        self.has(self.recent.last(COMPARED))
    }

    /// As [`Writer::ends_as_written`], of what stands before the place up to which the file was looked at.
    ///
    /// # Errors
    /// `OPSLOG_IO`.
    pub fn is_sure_part_as_written(&self) -> Result<bool> {
        self.has(self.recent.before(self.sure, COMPARED))
    }

    fn has(&self, (offset, written): (u64, &[u8])) -> Result<bool> {
        let Some(file) = &self.file else { return Ok(true) };
        match read_exact_at(&**file, offset, written.len()) {
            Ok(there) => Ok(there == written),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            Err(source) => Err(Error::io("read", &self.path, source)),
        }
    }

    /// Whether another file stands at its path than the one that is held.
    ///
    /// # Errors
    /// `OPSLOG_IO`.
    pub fn is_replaced(&self, disk: &dyn Disk) -> Result<bool> {
        let Some(file) = &self.file else { return Ok(false) };
        let held = file.info().map_err(|source| Error::io("fstat", &self.path, source))?;
        match disk.info(&self.path) {
            Ok(info) => Ok(info.identity != held.identity),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(source) => Err(Error::io("stat", &self.path, source)),
        }
    }

    /// Creates the file again at its path, with the content that it held.
    ///
    /// # Errors
    /// `OPSLOG_IO`; the writer goes on with the old file then.
    pub fn recreate(&mut self, disk: &dyn Disk) -> Result<()> {
        let Some(old) = self.file.clone() else { return Ok(()) };
        let file = disk
            .open(&self.path, OpenMode::CreateNew)
            .map_err(|source| match source.kind() {
                io::ErrorKind::AlreadyExists => Error::Failed(format!(
                    "another process put another file in the place of {}, as `sed -i` and editors do; what this store wrote \
                     since then is not in that file",
                    self.path.display()
                )),
                _ => Error::io("open", &self.path, source),
            })?;
        let mut at = 0;
        let mut block = vec![0; 1 << 16];
        let copied = loop {
            let want = block.len().min((self.len - at) as usize);
            if want == 0 {
                break Ok(());
            }
            let step = old.read_at(block.get_mut(..want).unwrap_or_default(), at).and_then(|read| {
                append_all(&*file, block.get(..read).unwrap_or_default())?;
                Ok(read)
            });
            match step {
                Ok(0) => break Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => at += read as u64,
                Err(error) => break Err(error),
            }
        };
        if let Err(source) = copied {
            let _ = disk.unlink(&self.path);
            return Err(Error::io("write", &self.path, source));
        }
        self.file = Some(file);
        self.unsynced = true;
        self.is_new = true;
        self.tell(u64::MAX);
        Ok(())
    }

    /// Why nothing more is written, if something is half done.
    pub(super) fn failure(&self) -> Option<Error> {
        self.broken.clone().map(Error::Failed)
    }

    fn usable(&self) -> Result<()> {
        self.failure().map_or(Ok(()), Err)
    }
}
