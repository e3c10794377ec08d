//! A file that is in memory alone, for what is read as files are. It cannot be written to.

use std::io;

use super::{DiskFile, FileInfo};

/// Bytes in memory that are read like a file.
pub struct MemoryFile(pub Vec<u8>);

impl DiskFile for MemoryFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let rest = self.0.get(offset as usize..).unwrap_or_default();
        let len = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..len), rest.get(..len)) {
            to.copy_from_slice(from);
        }
        Ok(len)
    }

    fn append(&self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn write_at(&self, _: &[u8], _: u64) -> io::Result<usize> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn set_len(&self, _: u64) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn appended_to(&self) -> io::Result<u64> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn info(&self) -> io::Result<FileInfo> {
        Ok(FileInfo {
            identity: (0, 0),
            len: self.0.len() as u64,
            modified_ns: 0,
            links: 1,
            writable: false,
            is_file: true,
        })
    }

    fn try_lock(&self) -> io::Result<bool> {
        Ok(false)
    }

    fn try_lock_shared(&self) -> io::Result<bool> {
        Ok(false)
    }

    fn unlock(&self) -> io::Result<()> {
        Ok(())
    }
}
