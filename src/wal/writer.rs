//! Appends to one WAL and cuts it. Invariant: after every call, whether it succeeded or not, the file ends
//! at `len` with a complete line, or `broken` says why that is not known and nothing more is written. Unless another hand
//! appends too, as a process may that no lock keeps out: see [`Contents`].

use std::cmp::Ordering;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::contents::Contents;
use super::unsaid::Unsaid;
use super::unsynced::Dirty;
use super::watch::{Extent, Watch, Watchers};
use super::{Unsynced, append};
use crate::disk::{Disk, DiskFile, FileInfo, OpenMode, append_all, read_exact_at, write_all_at};
use crate::error::{Error, Result};
use crate::format::operation::Marks;

/// How many bytes at the end of a log are compared with what was written there.
const COMPARED: usize = 4096;

/// An open WAL.
pub struct Writer {
    path: PathBuf,
    relative: String,
    file: Option<Arc<dyn DiskFile>>,
    contents: Contents,
    unsaid: Unsaid,
    dirty: Dirty,
    watchers: Watchers,
    /// Why nothing more is written, if something is half done.
    broken: Option<String>,
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
        let dirty = Dirty::found(file.is_some());
        let (contents, unsaid, watchers) = (Contents::new(len), Unsaid::default(), Watchers::default());
        Self { path, relative, file, contents, unsaid, dirty, watchers, broken: None }
    }

    /// Creates a WAL that must not exist yet. The caller makes its name durable.
    ///
    /// # Errors
    /// `OPSLOG_IO`.
    pub fn create(disk: &dyn Disk, path: PathBuf, relative: String, after: Option<String>) -> Result<Self> {
        let file =
            disk.open(&path, OpenMode::CreateNew).map_err(|source| Error::io("open", &path, source))?;
        let mut writer = Self::new(path, relative, Some(file), 0);
        writer.unsaid.set_after(after);
        writer.dirty.name_is_durable();
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
        self.contents.len()
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What is known of its bytes.
    pub fn contents(&self) -> &Contents {
        &self.contents
    }

    /// The same, for a caller that has looked at the file.
    pub fn contents_mut(&mut self) -> &mut Contents {
        &mut self.contents
    }

    /// Takes note of what a reader of the file found: its number of cuts.
    pub fn set_cuts(&mut self, cuts: u64) {
        self.unsaid.set_cuts(cuts);
    }

    /// How often it was cut.
    pub fn cuts(&self) -> u64 {
        self.unsaid.cuts()
    }

    /// Says which WAL this one follows, until its first line says so.
    pub fn set_after(&mut self, after: Option<String>) {
        self.unsaid.set_after(after);
    }

    /// Which WAL this one follows, if its first line is still to say so.
    pub fn after(&self) -> Option<&str> {
        self.unsaid.after()
    }

    /// Lets a backup of the log know what becomes of it.
    pub fn watch(&mut self) -> Watch {
        self.watchers.add(Extent { file: self.file.clone(), len: self.len(), intact: u64::MAX })
    }

    fn tell(&self, changed_from: u64) {
        self.watchers.tell(self.file.as_ref(), self.len(), changed_from);
    }

    /// Takes note of lines that another hand appended.
    pub fn grown_to(&mut self, len: u64) {
        self.read_up_to(len, len, false);
    }

    /// Takes note of what the file holds: up to `len` what was read, of which the end behind `sure` may still become
    /// something else.
    pub fn read_up_to(&mut self, sure: u64, len: u64, ends_in_part: bool) {
        let changed_from = self.contents.sure().min(sure);
        self.contents.read_up_to(sure, len, ends_in_part);
        self.tell(changed_from);
    }

    /// As [`Writer::read_up_to`], when what was read is to be read again: it was passed over.
    pub fn passed_over(&mut self, len: u64, ends_in_part: bool) {
        self.read_up_to(self.contents.sure(), len, ends_in_part);
        self.contents.pass_over();
    }

    /// What was appended lately at an offset, or read there, from memory.
    pub fn recent(&self, offset: u64, len: usize) -> Option<&[u8]> {
        self.contents.recent().get(offset, len)
    }

    /// The marks that the next line must carry.
    pub fn marks(&self) -> Marks<'_> {
        self.unsaid.marks(self.is_empty())
    }

    /// Whether the next line needs no mark of the log, and the log ends where it begins.
    pub fn takes_lines_as_they_are(&self) -> bool {
        self.file.is_some() && !self.contents.ends_in_part() && self.unsaid.is_nothing(self.is_empty())
    }

    /// Appends complete lines and returns where they begin. After a failure the file is as it was.
    ///
    /// # Errors
    /// `OPSLOG_IO`; `OPSLOG_FAILED` once a failed append could not be cut back.
    pub fn append(&mut self, disk: &dyn Disk, bytes: &[u8]) -> Result<u64> {
        self.end_part(disk)?;
        let at = self.put(disk, bytes)?;
        self.unsaid.said();
        Ok(at)
    }

    /// As [`Writer::append`]. After a success the buffer is empty, or another one.
    ///
    /// # Errors
    /// As for [`Writer::append`]; the buffer is as it was then.
    pub fn append_taking(&mut self, disk: &dyn Disk, bytes: &mut Vec<u8>) -> Result<u64> {
        self.end_part(disk)?;
        let at = self.write(disk, bytes)?;
        self.contents.append_taking(bytes);
        bytes.clear();
        self.tell(u64::MAX);
        self.unsaid.said();
        Ok(at)
    }

    /// Ends a part of a line that another hand has written: what it has not finished, or never will, must not swallow what follows.
    fn end_part(&mut self, disk: &dyn Disk) -> Result<()> {
        self.usable()?;
        if self.contents.ends_in_part() {
            self.put(disk, b"\n")?;
            self.contents.set_ends_in_part(false);
        }
        Ok(())
    }

    fn put(&mut self, disk: &dyn Disk, bytes: &[u8]) -> Result<u64> {
        let at = self.write(disk, bytes)?;
        self.contents.append(bytes);
        self.tell(u64::MAX);
        Ok(at)
    }

    fn write(&mut self, disk: &dyn Disk, bytes: &[u8]) -> Result<u64> {
        let at = self.len();
        let file = match &self.file {
            Some(file) => file,
            None => {
                let open = disk.open(&self.path, OpenMode::CreateNew);
                self.dirty.create();
                self.file.insert(open.map_err(|source| Error::io("open", &self.path, source))?)
            }
        };
        self.dirty.write();
        let file = Arc::clone(file);
        if let Err(failure) = append::append_whole(disk, &self.path, &*file, at, bytes) {
            if let Some(error) = failure.uncut {
                self.broken = Some(format!("a failed append could not be cut back: {error}"));
            }
            return Err(Error::io("write", &self.path, failure.source));
        }
        Ok(at)
    }

    /// Lets what is appended next begin a line, if another hand has written a part of one since the file was looked at.
    ///
    /// # Errors
    /// `OPSLOG_IO`.
    pub fn begin_line(&mut self) -> Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let info = file.info().map_err(|source| Error::io("fstat", &self.path, source))?;
        if info.len > self.len() {
            let last = read_exact_at(&**file, info.len - 1, 1);
            let last = last.map_err(|source| Error::io("read", &self.path, source))?;
            self.contents.set_ends_in_part(last != b"\n");
        }
        Ok(())
    }

    /// Whether this is a place in the held file behind which no other process wrote before this writer did.
    pub fn is_own(&self, file: &Arc<dyn DiskFile>, offset: u64) -> bool {
        self.contents.is_own_from(offset) && self.file.as_ref().is_some_and(|own| Arc::ptr_eq(own, file))
    }

    /// Cuts the file to a length, which must be the end of a line. `false`, and nothing is done, if the file is not as
    /// long as it is believed to be: what another hand appended must not go.
    ///
    /// # Errors
    /// `OPSLOG_IO`; nothing is changed then.
    pub fn cut(&mut self, len: u64) -> Result<bool> {
        self.usable()?;
        if let Some(file) = &self.file {
            self.dirty.write();
            let cut = append::cut(&**file, self.len(), len);
            if !cut.map_err(|source| Error::io("ftruncate", &self.path, source))? {
                return Ok(false);
            }
        }
        self.contents.cut(len);
        self.unsaid.cut();
        self.tell(len);
        Ok(true)
    }

    /// Takes a line out that is not the last one: makes as many blank lines of it.
    ///
    /// # Errors
    /// As for [`Writer::overwrite`].
    pub fn blank(&mut self, disk: &dyn Disk, offset: u64, len: usize) -> Result<()> {
        self.overwrite(disk, offset, &vec![b'\n'; len])?;
        self.unsaid.cut();
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
        self.contents.forget_recent();
        self.tell(offsets.iter().copied().min().unwrap_or(u64::MAX));
        let file = disk
            .open(&self.path, OpenMode::ReadWrite)
            .map_err(|source| Error::io("open", &self.path, source))?;
        self.dirty.write();
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
        self.dirty.sync_bytes();
        file.sync().map_err(|source| {
            self.broken = Some(format!("a sync failed: {source}"));
            Error::io("fdatasync", &self.path, source)
        })
    }

    /// Whether something was written since [`Writer::take_unsynced`].
    pub fn is_unsynced(&self) -> bool {
        self.dirty.is_dirty()
    }

    /// What is to be synced, if anything was written since this was last asked.
    pub fn take_unsynced(&mut self) -> Option<Unsynced> {
        let is_new = self.dirty.take()?;
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
        match len.cmp(&self.len()) {
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
        self.has(self.contents.recent().last(COMPARED))
    }

    /// As [`Writer::ends_as_written`], of what stands before the place up to which the file was looked at.
    ///
    /// # Errors
    /// `OPSLOG_IO`.
    pub fn is_sure_part_as_written(&self) -> Result<bool> {
        self.has(self.contents.recent().before(self.contents.sure(), COMPARED))
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
            let want = block.len().min((self.len() - at) as usize);
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
        self.dirty.write();
        self.dirty.create();
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
