//! What a lock file holds: exactly a pid, and nothing else while it is held. Reading is as lenient as 0.8.1's.

use super::contest::Contest;
use crate::Result;
use crate::disk::{DiskFile, append_all, write_all_at};

/// What a pid can never need more than.
const CONTENT_LIMIT: usize = 4096;

impl Contest<'_> {
    pub(super) fn append_pid(&self, file: &dyn DiskFile) -> Result<()> {
        append_all(file, self.pid.to_string().as_bytes()).map_err(|error| self.failed("write", error))
    }

    /// Replaces the content by our pid, so that every state between holds a pid: the line break ends it
    /// before what is left of a longer one.
    pub(super) fn overwrite(&self, file: &dyn DiskFile) -> Result<()> {
        let pid = self.pid.to_string();
        let line = format!("{pid}\n");
        write_all_at(file, line.as_bytes(), 0).map_err(|(_, error)| self.failed("write", error))?;
        file.set_len(pid.len() as u64).map_err(|error| self.failed("ftruncate", error))
    }

    pub(super) fn read_pid(&self, file: &dyn DiskFile) -> Result<Option<u32>> {
        let mut content = vec![0; CONTENT_LIMIT];
        let read = file.read_at(&mut content, 0).map_err(|error| self.failed("read", error))?;
        Ok(parse_pid(content.get(..read).unwrap_or_default()))
    }
}

/// Reads a pid as 0.8.1 does, with `parseInt`: white space before it and anything after it are ignored. 0
/// and negative numbers, which are no processes, are no pid.
fn parse_pid(content: &[u8]) -> Option<u32> {
    let text = String::from_utf8_lossy(content);
    let text = text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    let text = text.strip_prefix('+').unwrap_or(text);
    let digits = text.bytes().take_while(u8::is_ascii_digit);
    let pid = digits.fold(0u32, |pid, digit| pid.saturating_mul(10).saturating_add(u32::from(digit - b'0')));
    (pid > 0).then_some(pid)
}
