//! The way from WAL to WAL across checkpoints: the manifest names the one that the current WAL follows, and
//! each WAL's first line the one before. An empty WAL leaves no trace: its successor follows its predecessor.

use super::{State, Store};
use crate::disk::OpenMode;
use crate::error::{Error, Result};
use crate::format::manifest::Manifest;
use crate::format::operation::{parse_line, unmarked};
use crate::layout;
use crate::wal::LineReader;

/// Where a WAL goes on: the next one, and up to where in this one the snapshot between them reaches.
pub(super) struct Link {
    pub(super) relative: String,
    pub(super) end: u64,
}

/// A WAL that a follower has gone on to, though its manifest in memory still names an earlier one.
#[derive(Clone)]
pub(super) struct Entered {
    relative: String,
    /// What it follows, as a manifest would say.
    previous: Option<String>,
}

/// What a WAL follows.
enum Predecessor {
    /// This log, up to this offset.
    Log(String, u64),
    /// None that had a line in it.
    None,
    /// That cannot be told any more.
    Unknown,
}

fn is_newer(one: &str, other: &str) -> bool {
    layout::milliseconds(one) > layout::milliseconds(other)
}

impl State {
    /// The WAL that is followed, and the one before, as the manifest of that time said.
    pub(super) fn followed_wal(&self) -> (&str, Option<&str>) {
        match &self.entered {
            Some(entered) => (&entered.relative, entered.previous.as_deref()),
            None => (&self.manifest.active_ops, self.manifest.previous_ops.as_deref()),
        }
    }

    /// Takes note that a follower goes on to the next WAL.
    pub(super) fn note_entered(&mut self, link: &Link) {
        let (current, previous) = self.followed_wal();
        let previous = if link.end > 0 { Some(current) } else { previous };
        self.entered =
            Some(Entered { relative: link.relative.clone(), previous: previous.map(str::to_owned) });
    }
}

impl Store {
    /// The way from the current WAL to that of a manifest, oldest first; `None` if it cannot be told.
    pub(super) fn links(&self, state: &State, next: &Manifest) -> Result<Option<Vec<Link>>> {
        let current = state.wal.relative();
        // Nothing was logged yet when this WAL began, as far as it is known.
        let (_, before) = state.followed_wal();
        let is_first = before.is_none();
        let mut links = Vec::new();
        let mut relative = next.active_ops.clone();
        let mut previous = next.previous_ops.clone().map(|path| (path, next.previous_end));
        while let Some((path, end)) = previous {
            if path == current {
                links.push(Link { relative, end });
                links.reverse();
                return Ok(Some(links));
            }
            // A WAL that was empty when it was superseded leaves no trace in the chain: its successor follows its
            // predecessor. Operations that are known of it went to both.
            if before == Some(&path) {
                links.push(Link { relative, end: 0 });
                links.reverse();
                return Ok(Some(links));
            }
            links.push(Link { relative, end });
            relative = path;
            match self.predecessor(&relative)? {
                Predecessor::Log(path, end) => previous = Some((path, end)),
                Predecessor::None
                    if is_first
                        && is_newer(&relative, current)
                        && self.starts_alike(current, &relative)? =>
                {
                    links.push(Link { relative, end: 0 });
                    links.reverse();
                    return Ok(Some(links));
                }
                Predecessor::None | Predecessor::Unknown => break,
            }
        }
        Ok(None)
    }

    /// Whether a WAL is empty, or begins with what went to the other one too.
    fn starts_alike(&self, relative: &str, other: &str) -> Result<bool> {
        let Some(first) = self.first_line(relative)? else { return Ok(true) };
        let others = self.first_line(other)?;
        Ok(others.is_some_and(|others| unmarked(&others) == unmarked(&first)))
    }

    /// A WAL's first line; `None` if there is none or no such WAL.
    fn first_line(&self, relative: &str) -> Result<Option<Vec<u8>>> {
        let path = layout::inside(&self.root, layout::OPS, relative)?;
        let file = match self.disk.open(&path, OpenMode::Read) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(Error::io("open", &path, source)),
        };
        let mut reader = LineReader::new(&*file, 0);
        let first = reader.next_line().map_err(|source| Error::io("read", &path, source))?;
        Ok(first.map(|line| line.bytes.to_vec()))
    }

    /// What a WAL's first line says of the one before.
    fn predecessor(&self, relative: &str) -> Result<Predecessor> {
        let first = self.first_line(relative)?;
        let Some(line) = first.as_deref().and_then(|line| parse_line(line).ok()) else {
            return Ok(Predecessor::Unknown);
        };
        let Some(after) = line.after else { return Ok(Predecessor::None) };
        let log = after.rsplit_once(':').and_then(|(path, end)| Some((path.to_owned(), end.parse().ok()?)));
        Ok(log.map_or(Predecessor::Unknown, |(path, end)| Predecessor::Log(path, end)))
    }
}
