//! Goes through the records in order: base, with what the layers above make of each record, then each layer's
//! additions. Lines of the base are taken apart and not looked into: a caller that parses the values finds out when
//! one is damaged.

use std::borrow::Cow;
use std::io;
use std::ops::{ControlFlow, Range};

use super::base::Base;
use super::nearby::Nearby;
use super::overlay::{Overlay, State};
use super::records::Cursor;
use super::text::Text;
use crate::format::snapshot::{split_record, write_record};
use crate::json::string::{escape_into, unescape};

/// A record on the way.
pub enum Row<'a> {
    /// It stands in the base as it is.
    Line {
        /// Its line.
        line: &'a [u8],
        /// Where the id stands, with its quotes.
        id: Range<usize>,
        /// Where the value stands.
        data: Range<usize>,
    },
    /// It is put together from id and value.
    Made {
        /// The id.
        id: &'a [u8],
        /// The value; empty for none.
        text: &'a [u8],
    },
}

impl Row<'_> {
    /// The id.
    pub fn id(&self) -> Cow<'_, [u8]> {
        match self {
            Self::Line { line, id, .. } => id_in(line, id),
            Self::Made { id, .. } => Cow::Borrowed(id),
        }
    }

    /// The value; empty for none.
    pub fn text(&self) -> &[u8] {
        match self {
            Self::Line { line, data, .. } => line.get(data.clone()).unwrap_or_default(),
            Self::Made { text, .. } => text,
        }
    }

    /// Appends the id as a JSON string.
    pub fn print_id(&self, out: &mut Vec<u8>) {
        match self {
            Self::Line { line, id, .. } => out.extend_from_slice(line.get(id.clone()).unwrap_or_default()),
            Self::Made { id, .. } => escape_into(out, id),
        }
    }

    /// Appends id and value as JSON, `"id",value`; of a record without a value `null,"id"`.
    pub fn print_pair(&self, out: &mut Vec<u8>) {
        let text = self.text();
        if text.is_empty() {
            out.extend_from_slice(b"null,");
            self.print_id(out);
        } else {
            self.print_id(out);
            out.push(b',');
            out.extend_from_slice(text);
        }
    }

    /// Appends the record's line in a snapshot.
    pub fn print_line(&self, out: &mut Vec<u8>) {
        match self {
            Self::Line { line, .. } => {
                out.extend_from_slice(line);
                out.push(b'\n');
            }
            Self::Made { id, text } => {
                write_record(out, id, text);
            }
        }
    }
}

/// The id in a line, whose place has its quotes.
fn id_in<'l>(line: &'l [u8], id: &Range<usize>) -> Cow<'l, [u8]> {
    unescape(line.get(id.start + 1..id.end - 1).unwrap_or_default())
}

/// Visits records from a cursor on, until told to stop; says where to go on.
///
/// # Errors
/// Those of reading.
pub(super) fn visit(
    mut texts: Nearby,
    base: &Base,
    layers: &[&Overlay],
    mut cursor: Cursor,
    mut visitor: impl FnMut(&Row<'_>) -> ControlFlow<()>,
) -> io::Result<Cursor> {
    if let Cursor::Base(from) = cursor {
        let layers: Vec<&Overlay> = layers.iter().copied().filter(|layer| !layer.is_empty()).collect();
        let mut lines = base.lines(from);
        while let Some((offset, line)) = lines.next_line()? {
            let parts = if base.is_plain() { split_record(line) } else { None };
            if visit_line(base, (offset, line), parts, &layers, &mut texts, &mut visitor)?.is_break() {
                return Ok(Cursor::Base(lines.place()));
            }
        }
        cursor = Cursor::Layer(0, 0);
    }
    while let Cursor::Layer(layer, from) = cursor {
        let Some(overlay) = layers.get(layer) else { return Ok(Cursor::End) };
        let above = layers.get(layer + 1..).unwrap_or_default();
        for (place, id, text) in overlay.appended_from(from) {
            let text = match fate(above, id) {
                Fate::Unchanged => text,
                Fate::Replaced(text) => text,
                Fate::Elsewhere => continue,
            };
            if visitor(&Row::Made { id, text: texts.read(text)? }).is_break() {
                return Ok(Cursor::Layer(layer, place + 1));
            }
        }
        cursor = Cursor::Layer(layer + 1, 0);
    }
    Ok(cursor)
}

/// A line of the base.
#[derive(Debug, Clone, Copy)]
pub struct BaseLine {
    /// Where a walk over the lines begins with this one: see [`Base::lines`].
    pub place: u64,
    /// Where it begins in the file.
    pub offset: u64,
    /// Its length in bytes.
    pub len: u32,
}

/// See [`Moment::visit_base`](super::Moment::visit_base).
///
/// # Errors
/// Those of reading.
pub(super) fn visit_base(
    base: &Base,
    layers: &[&Overlay],
    from: u64,
    visitor: &mut dyn FnMut(&[u8], BaseLine) -> ControlFlow<()>,
) -> io::Result<()> {
    let layers: Vec<&Overlay> = layers.iter().copied().filter(|layer| !layer.is_empty()).collect();
    let mut lines = base.lines(from);
    loop {
        let place = lines.place();
        let Some((offset, line)) = lines.next_line()? else { return Ok(()) };
        let parts = if base.is_plain() { split_record(line) } else { None };
        let id = match parts {
            Some((id, _)) => id_in(line, &id),
            None => base.record(offset, line)?.id,
        };
        if layers.iter().any(|layer| layer.get(&id).is_some()) {
            continue;
        }
        if visitor(&id, BaseLine { place, offset, len: line.len() as u32 }).is_break() {
            return Ok(());
        }
    }
}

fn visit_line(
    base: &Base,
    (offset, line): (u64, &[u8]),
    parts: Option<(Range<usize>, Range<usize>)>,
    layers: &[&Overlay],
    texts: &mut Nearby,
    visitor: &mut impl FnMut(&Row<'_>) -> ControlFlow<()>,
) -> io::Result<ControlFlow<()>> {
    let Some((id, data)) = parts else {
        let record = base.record(offset, line)?;
        let text = line.get(record.data.clone()).unwrap_or_default();
        return visit_row(&Row::Made { id: &record.id, text }, layers, texts, visitor);
    };
    visit_row(&Row::Line { line, id, data }, layers, texts, visitor)
}

fn visit_row(
    row: &Row<'_>,
    layers: &[&Overlay],
    texts: &mut Nearby,
    visitor: &mut impl FnMut(&Row<'_>) -> ControlFlow<()>,
) -> io::Result<ControlFlow<()>> {
    if layers.is_empty() {
        return Ok(visitor(row));
    }
    let id = row.id();
    Ok(match fate(layers, &id) {
        Fate::Unchanged => visitor(row),
        Fate::Replaced(text) => visitor(&Row::Made { id: &id, text: texts.read(text)? }),
        Fate::Elsewhere => ControlFlow::Continue(()),
    })
}

/// What layers make of a record that stands below them.
enum Fate<'a> {
    /// They say nothing of it.
    Unchanged,
    /// It has another value in its old position.
    Replaced(&'a Text),
    /// It is gone, or stands behind.
    Elsewhere,
}

fn fate<'a>(layers: &[&'a Overlay], id: &[u8]) -> Fate<'a> {
    let mut fate = Fate::Unchanged;
    for entry in layers.iter().filter_map(|layer| layer.get(id)) {
        match &entry.state {
            State::Replaced(text) => fate = Fate::Replaced(text),
            State::Deleted | State::Appended(..) => return Fate::Elsewhere,
        }
    }
    fate
}
