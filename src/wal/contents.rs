//! What a writer knows of the bytes of its log: their number, up to where the file was looked at, and the newest of them.
//! It touches no file: the writer appends, cuts and reads, and says here what came of it.

use super::recent::Recent;

/// After so many bytes the file should be looked at. What was appended since the last look must be in memory.
const UNLOOKED: u64 = 1 << 20;

/// The bytes of a log, as far as they are known.
pub struct Contents {
    len: u64,
    /// Up to here the file held what is known of it when it was last looked at.
    sure: u64,
    /// The file ends with a part of a line that another hand wrote.
    ends_in_part: bool,
    /// How long the file was when what stands behind `sure` was read, and could not be taken for lines yet.
    unread_end: Option<u64>,
    /// Something was not where it was written: all of the file is to be read anew.
    is_distrusted: bool,
    /// From here on, all lines are this writer's own.
    own_from: u64,
    recent: Recent,
}

impl Contents {
    pub(super) fn new(len: u64) -> Self {
        Self {
            len,
            sure: len,
            ends_in_part: false,
            unread_end: None,
            is_distrusted: false,
            own_from: len,
            recent: Recent::default(),
        }
    }

    pub(super) fn len(&self) -> u64 {
        self.len
    }

    pub(super) fn recent(&self) -> &Recent {
        &self.recent
    }

    pub(super) fn ends_in_part(&self) -> bool {
        self.ends_in_part
    }

    pub(super) fn set_ends_in_part(&mut self, ends_in_part: bool) {
        self.ends_in_part = ends_in_part;
    }

    /// Takes note of bytes that were appended.
    pub(super) fn append(&mut self, bytes: &[u8]) {
        self.recent.push(self.len, bytes);
        self.len += bytes.len() as u64;
    }

    /// As [`Contents::append`]. The bytes may be gone then, and the buffer another one.
    pub(super) fn append_taking(&mut self, bytes: &mut Vec<u8>) {
        let len = bytes.len() as u64;
        self.recent.take(self.len, bytes);
        self.len += len;
    }

    /// The file was cut.
    pub(super) fn cut(&mut self, len: u64) {
        self.len = len;
        self.sure = self.sure.min(len);
        if self.unread_end.is_some_and(|read| read > len) {
            self.unread_end = None;
            self.ends_in_part = false;
        }
        self.note_sure();
        self.own_from = self.own_from.min(len);
        self.recent.cut(len);
    }

    /// As [`super::Writer::read_up_to`].
    pub(super) fn read_up_to(&mut self, sure: u64, len: u64, ends_in_part: bool) {
        let unread_end = (sure < len).then_some(len);
        // NOTE: of the newest bytes, nothing is kept: they are kept by where they were believed to be.
        *self = Self { sure, ends_in_part, unread_end, ..Self::new(len) };
    }

    /// What was read is to be read again: it was passed over.
    pub(super) fn pass_over(&mut self) {
        self.unread_end = Some(0);
    }

    /// Whether no other process wrote behind this place before this writer did.
    pub(super) fn is_own_from(&self, offset: u64) -> bool {
        offset >= self.own_from
    }

    /// Keeps what was read from an offset on in memory, as what was appended is.
    pub fn keep(&mut self, offset: u64, bytes: &[u8]) {
        self.recent.push(offset, bytes);
    }

    /// Forgets what was kept in memory of the log: the file is not what was written to it any more.
    pub fn forget_recent(&mut self) {
        self.recent.clear();
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
}
