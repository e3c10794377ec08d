//! Going through the records that are of an older schema version than wanted, and giving them their migrated values.
//! No record's place changes, and no operation is made: what is undone or put elsewhere in the order stays migrated.

use std::io;
use std::sync::Arc;

use hashbrown::HashSet;

use super::core::Engine;
use super::records::{Cursor, Records};
use super::schema::Schema;
use super::slots::Id;
use super::text::Text;

impl Engine {
    /// Says which version the values are to have, and which one those of the base have.
    pub fn set_schema(&mut self, schema: Schema) {
        self.records_mut().touched().turn();
        *self.records_mut().schema_mut() = schema;
    }

    /// Which versions the values have.
    pub fn schema(&self) -> &Schema {
        self.records().schema()
    }

    /// Whether everything that shows is of the version that is wanted, or of a newer one.
    ///
    /// # Errors
    /// Those of reading the base.
    pub fn is_migrated(&self) -> io::Result<bool> {
        self.records().is_migrated()
    }

    /// Whether all values are of one version, as they stand in base and log.
    pub fn is_of_one_version(&self, version: u32) -> bool {
        let base = self.base().is_empty() || self.schema().base() == version;
        let is_of_it = |operation: &super::Operation| {
            operation.version == version || operation.kind == crate::format::operation::Kind::Delete
        };
        base && (self.schema().has_lines_of(version) || self.operations().iter().all(is_of_it))
    }

    /// See [`Records::unmigrated`].
    ///
    /// # Errors
    /// Those of reading.
    pub fn unmigrated(
        &mut self,
        cursor: Cursor,
        limit: usize,
        visitor: impl FnMut(&[u8], u32, &[u8]),
    ) -> io::Result<Cursor> {
        self.records_mut().unmigrated(cursor, limit, visitor)
    }

    /// Gives a record that is to be migrated its new value.
    ///
    /// # Errors
    /// Those of reading the base.
    pub fn migrate(&mut self, id: &Id, text: &[u8]) -> io::Result<()> {
        self.records_mut().touched().turn();
        self.records_mut().migrate(id, text)
    }

    /// Says that all that was to be migrated is.
    pub fn finish_migration(&mut self) {
        self.records_mut().touched().turn();
        self.records_mut().schema_mut().finish();
    }
}

impl Records {
    fn is_migrated(&self) -> io::Result<bool> {
        if self.schema().is_base_due() && !self.base().is_empty() {
            return Ok(false);
        }
        for id in self.schema().pending() {
            if self.get(id)?.is_some_and(|text| text.unmigrated().is_some()) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Visits id, version and value of records that are to be migrated, from a cursor on until the values have `limit`
    /// bytes; says where to go on. Begins with `Cursor::Base(0)`.
    ///
    /// # Errors
    /// Those of reading.
    pub fn unmigrated(
        &mut self,
        mut cursor: Cursor,
        limit: usize,
        mut visitor: impl FnMut(&[u8], u32, &[u8]),
    ) -> io::Result<Cursor> {
        let mut bytes = 0;
        if let Cursor::Base(from) = cursor {
            if from == 0 {
                self.drop_migrated()?;
            }
            let base = self.base();
            let is_due = self.schema().is_base_due();
            let mut lines = base.lines(from);
            while is_due && let Some((offset, line)) = lines.next_line()? {
                let record = base.record(offset, line)?;
                if self.says_nothing_of(&record.id) {
                    let text = line.get(record.data).unwrap_or_default();
                    visitor(&record.id, self.schema().base(), text);
                    bytes += text.len();
                }
                if bytes >= limit {
                    return Ok(Cursor::Base(lines.place()));
                }
            }
            cursor = Cursor::Layer(0, 0);
        }
        let Cursor::Layer(_, from) = cursor else { return Ok(Cursor::End) };
        let pending = self.schema().pending().get(from as usize..).unwrap_or_default();
        for (id, place) in pending.iter().zip(from..) {
            let text = self.get(id)?;
            if self.is_of_base_to_come(id) {
                continue;
            }
            if let Some((text, aged)) = text.as_ref().and_then(|text| Some((text, text.unmigrated()?))) {
                let text = text.read()?;
                visitor(id, aged.version(), &text);
                bytes += text.len();
            }
            if bytes >= limit {
                return Ok(Cursor::Layer(0, place + 1));
            }
        }
        Ok(Cursor::End)
    }

    /// Whether the walk through the base has this record already.
    fn is_of_base_to_come(&self, id: &[u8]) -> bool {
        self.schema().is_base_due() && self.says_nothing_of(id)
    }

    fn migrate(&mut self, id: &Id, text: &[u8]) -> io::Result<()> {
        if self.says_nothing_of(id) {
            self.schema_mut().migrate_base(id, text);
            return Ok(());
        }
        if let Some(Text::Aged(aged)) = self.get(id)? {
            aged.migrate(text);
        }
        Ok(())
    }

    fn drop_migrated(&mut self) -> io::Result<()> {
        let mut known = HashSet::new();
        let mut pending = Vec::new();
        for id in self.schema().pending() {
            let is_unmigrated = self.get(id)?.is_some_and(|text| text.unmigrated().is_some());
            if is_unmigrated && known.insert(Arc::clone(id)) {
                pending.push(Arc::clone(id));
            }
        }
        self.schema_mut().set_pending(pending);
        Ok(())
    }
}
