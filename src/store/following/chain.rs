//! The way from WAL to WAL across checkpoints: the manifest names the one that the current WAL follows, and
//! each WAL's first line the one before, or, where another process wrote that line, the manifest. An empty WAL leaves no trace: its successor follows its predecessor.

use crate::disk::{DiskFile, OpenMode};
use crate::error::{Error, Result};
use crate::format::manifest::{Descent, LINEAGE, Manifest};
use crate::format::operation::{parse_line, unmarked};
use crate::store::agents::logs_of;
use crate::store::following::tail_queue::Span;
use crate::store::{State, Store};
use crate::wal::{first_line, first_operation, parse_after};
use crate::{layout, order};

/// Where a WAL goes on: the next one, and up to where in this one the snapshot between them reaches.
pub(in crate::store) struct Link {
    pub(in crate::store) relative: String,
    pub(in crate::store) end: u64,
}

/// A WAL that a follower has gone on to, though its manifest in memory still names an earlier one.
#[derive(Clone)]
pub(in crate::store) struct Entered {
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

/// Which of the links leads on from a WAL that follows another: each stands with the log that it follows. Of two that follow
/// a WAL, the newer; one that follows the WAL before leads on from an empty WAL.
fn newest_behind(links: &[(Option<String>, Link)], current: &str, before: Option<&str>) -> Option<usize> {
    let newest_of = |path: Option<&str>| {
        let behind = links
            .iter()
            .enumerate()
            .filter(|(_, (follows, link))| follows.as_deref() == path && is_newer(&link.relative, current));
        behind.max_by_key(|(_, (_, link))| layout::milliseconds(&link.relative)).map(|(place, _)| place)
    };
    newest_of(Some(current)).or_else(|| newest_of(before))
}

/// Up to where a WAL counts, by the WALs that came later, each with its time and what it follows.
fn end_of(followers: &[(u64, Option<(String, u64)>)], ms: u64, relative: &str) -> u64 {
    let previous = followers.iter().filter_map(|(_, previous)| previous.as_ref());
    if let Some((_, end)) = previous.into_iter().find(|(path, _)| path == relative) {
        return *end;
    }
    // Left out by one that came later, it was empty when it was superseded: what stands in it went to the next one too.
    let is_older = |path: &str| layout::time_of(path).is_some_and(|before| before < ms);
    let leaves_out = |(later, previous): &(u64, Option<(String, u64)>)| {
        *later > ms && previous.as_ref().is_none_or(|(path, _)| is_older(path))
    };
    if followers.iter().any(leaves_out) { 0 } else { u64::MAX }
}

impl State {
    /// The WAL that is followed, and the one before, as the manifest of that time said.
    pub(in crate::store) fn followed_wal(&self) -> (&str, Option<&str>) {
        match self.following.follower.entered() {
            Some(entered) => (&entered.relative, entered.previous.as_deref()),
            None => (&self.manifest.active_ops, self.manifest.previous_ops.as_deref()),
        }
    }

    /// Takes note that a follower goes on to the next WAL.
    pub(in crate::store) fn note_entered(&mut self, link: &Link) {
        let (current, previous) = self.followed_wal();
        let previous = if link.end > 0 { Some(current) } else { previous };
        self.following
            .follower
            .enter(Entered { relative: link.relative.clone(), previous: previous.map(str::to_owned) });
    }
}

impl Store {
    /// The way from the current WAL to that of a manifest, oldest first; `None` if it cannot be told.
    pub(in crate::store) fn links(&self, state: &State, next: &Manifest) -> Result<Option<Vec<Link>>> {
        let current = state.logs.wal.relative();
        // Nothing was logged yet when this WAL began, as far as it is known.
        let (_, before) = state.followed_wal();
        let is_first = before.is_none();
        // Then all logs before one that follows none were empty when they were superseded: what stands in the current one
        // was logged during that checkpoint, and some of it may have been undone in the next log only.
        let is_descendant = next.descent_from(&state.manifest) == Descent::Follows;
        // Where the lineage broke off meanwhile, logs that were written through a backend say nothing of those before them.
        let is_unbroken = next.lineage.len() == LINEAGE;
        let mut links = Vec::new();
        let mut relative = next.active_ops.clone();
        let mut predecessor = match &next.previous_ops {
            Some(path) => Predecessor::Log(path.clone(), next.previous_end),
            // NOTE: only a manifest with a lineage says what its log follows.
            None if !next.lineage.is_empty() => Predecessor::None,
            None => Predecessor::Unknown,
        };
        loop {
            match predecessor {
                Predecessor::Log(path, end) if path == current => {
                    links.push(Link { relative, end });
                    break;
                }
                // A WAL that was empty when it was superseded leaves no trace in the chain: its successor follows its
                // predecessor. Operations that are known of it went to both.
                Predecessor::Log(path, _) if before == Some(&path) => {
                    links.push(Link { relative, end: 0 });
                    break;
                }
                Predecessor::Log(path, end) => {
                    links.push(Link { relative, end });
                    predecessor = self.predecessor(&path, next)?;
                    relative = path;
                }
                Predecessor::None
                    if is_first
                        && is_newer(&relative, current)
                        && (is_descendant || is_unbroken && self.starts_alike(current, &relative)?) =>
                {
                    links.push(Link { relative, end: 0 });
                    break;
                }
                Predecessor::None | Predecessor::Unknown => return Ok(None),
            }
        }
        links.reverse();
        Ok(Some(links))
    }

    /// The way from the current WAL as far as its followers tell it, when the manifest does not lead back to it: the newest
    /// of those that follow a WAL is the one that came to count.
    pub(in crate::store) fn links_ahead(&self, state: &State, next: &Manifest) -> Result<Vec<Link>> {
        let mut links = Vec::new();
        let (_, before) = state.followed_wal();
        let (mut current, mut before) = (state.logs.wal.relative().to_owned(), before.map(str::to_owned));
        // Of other logs, the folder may have been put back to an earlier state before this reader opened.
        let came = next.logs_since(&state.manifest);
        let counts = |name: &str| match (&came, layout::milliseconds(name)) {
            (Some(came), Some(ms)) => came.contains(&ms),
            (_, ms) => ms.is_some(),
        };
        let mut ahead = Vec::new();
        for relative in
            self.names_in_ops()?.into_iter().filter(|name| is_newer(name, &current) && counts(name))
        {
            match self.predecessor(&relative, next)? {
                Predecessor::Log(path, end) => ahead.push((Some(path), Link { relative, end })),
                Predecessor::None if came.is_some() => ahead.push((None, Link { relative, end: 0 })),
                Predecessor::None | Predecessor::Unknown => {}
            }
        }
        while let Some(place) = newest_behind(&ahead, &current, before.as_deref()) {
            let (path, mut link) = ahead.swap_remove(place);
            if path.as_deref() == Some(&current) {
                before = Some(current);
            } else {
                // The current one was empty when it was superseded.
                link.end = 0;
            }
            current = link.relative.clone();
            links.push(link);
        }
        Ok(links)
    }

    /// The parts of logs that were written after a time, and since a manifest was in force, and that the next one names no
    /// more, oldest first.
    pub(in crate::store) fn passed_since(
        &self,
        since: u64,
        known: &Manifest,
        next: &Manifest,
    ) -> Result<Vec<Span>> {
        let mut passed: Vec<(u64, Span)> = Vec::new();
        for (ms, relative) in self.passed_agent_logs(since, known, next)? {
            passed.push((ms, Span { relative, range: 0..u64::MAX, is_ranked: true }));
        }
        for (ms, relative, end) in self.passed_single_logs(since, known, next)? {
            passed.push((ms, Span { relative, range: 0..end, is_ranked: false }));
        }
        order::sort_by_key(&mut passed, |(ms, _)| *ms);
        Ok(passed.into_iter().map(|(_, span)| span).collect())
    }

    /// As [`Store::passed_agent_logs`], of single writers, with the offset up to which each counts.
    fn passed_single_logs(
        &self,
        since: u64,
        known: &Manifest,
        next: &Manifest,
    ) -> Result<Vec<(u64, String, u64)>> {
        let Some(came) = next.logs_since(known) else { return self.single_logs_behind(since, next) };
        let named = logs_of(next);
        let mut followers = Vec::new();
        let is_single = next.active_agent_ops.is_none();
        // A manifest of agents goes on naming the last log of a single writer, if that has a line.
        if let Some(ms) =
            layout::time_of(&next.active_ops).filter(|_| is_single || next.previous_ops.is_some())
        {
            followers.push((ms, next.previous_ops.clone().map(|path| (path, next.previous_end))));
        }
        let mut passed = Vec::new();
        for relative in if came.is_empty() { Vec::new() } else { self.names_in_ops()? } {
            let Some(ms) = layout::milliseconds(&relative) else { continue };
            if ms <= since || !came.contains(&ms) {
                continue;
            }
            match self.predecessor(&relative, next)? {
                Predecessor::Log(path, end) => followers.push((ms, Some((path, end)))),
                Predecessor::None => followers.push((ms, None)),
                Predecessor::Unknown => {}
            }
            if !named.contains(&relative.as_str()) {
                passed.push((ms, relative));
            }
        }
        let with_end = |(ms, relative): (u64, String)| {
            let end = end_of(&followers, ms, &relative);
            (ms, relative, end)
        };
        Ok(passed.into_iter().map(with_end).collect())
    }

    /// The logs of single writers to which the manifest leads back, after a time, with the offset up to which each counts.
    fn single_logs_behind(&self, since: u64, next: &Manifest) -> Result<Vec<(u64, String, u64)>> {
        let mut passed = Vec::new();
        let mut previous = next.previous_ops.clone().map(|path| (path, next.previous_end));
        while let Some((relative, end)) = previous {
            let Some(ms) = layout::milliseconds(&relative).filter(|ms| *ms > since) else { break };
            previous = match self.predecessor(&relative, next)? {
                Predecessor::Log(path, end) => Some((path, end)),
                Predecessor::None | Predecessor::Unknown => None,
            };
            passed.push((ms, relative, end));
        }
        Ok(passed)
    }

    /// Logs of agents that came after a time and that a manifest names no more, oldest first, with their times.
    /// Logs that are left of a folder that was put back are not among them, as far as the manifest tells.
    pub(in crate::store) fn passed_agent_logs(
        &self,
        since: u64,
        known: &Manifest,
        next: &Manifest,
    ) -> Result<Vec<(u64, String)>> {
        let named = logs_of(next);
        let named_times: Vec<u64> = named.iter().filter_map(|name| layout::time_of(name)).collect();
        let mut came = next.logs_since(known);
        if let Some(came) = &mut came {
            // All logs that came with one generation go with one.
            came.retain(|ms| *ms > since && !named_times.contains(ms));
            if came.is_empty() {
                return Ok(Vec::new());
            }
        }
        // NOTE: a reader holds no lock, so logs may have been created since the manifest was read. These have later
        // times than all that it names, and belong to the next look.
        let to = named_times.into_iter().max().unwrap_or(u64::MAX);
        let is_passed = |ms: u64| match &came {
            Some(came) => came.contains(&ms),
            None => ms > since && ms < to,
        };
        let mut passed: Vec<(u64, String)> = self
            .names_in_ops()?
            .into_iter()
            .filter_map(|relative| Some((layout::agent_milliseconds(&relative)?, relative)))
            .filter(|(ms, relative)| is_passed(*ms) && !named.contains(&relative.as_str()))
            .collect();
        order::sort(&mut passed);
        Ok(passed)
    }

    fn names_in_ops(&self) -> Result<Vec<String>> {
        let folder = self.root.join(layout::OPS);
        let names = self.disk.list(&folder).map_err(|source| Error::io("scandir", &folder, source))?;
        Ok(names.into_iter().map(|name| format!("{}/{name}", layout::OPS)).collect())
    }

    /// Whether a WAL has no operation, or its first one went to the other one too.
    fn starts_alike(&self, relative: &str, other: &str) -> Result<bool> {
        let Some(first) = self.read_of(relative, first_operation)? else { return Ok(true) };
        let others = self.read_of(other, first_operation)?;
        Ok(others.is_some_and(|others| unmarked(&others) == unmarked(&first)))
    }

    /// What is read of a WAL; `None` if it is not there or there is no such WAL.
    fn read_of<T>(
        &self,
        relative: &str,
        read: fn(&dyn DiskFile) -> std::io::Result<Option<T>>,
    ) -> Result<Option<T>> {
        let path = layout::inside(&self.root, layout::OPS, relative)?;
        let file = match self.disk.open(&path, OpenMode::Read) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(Error::io("open", &path, source)),
        };
        read(&*file).map_err(|source| Error::io("read", &path, source))
    }

    /// What a manifest says of the one before, where another process wrote a WAL's first line, or else that line.
    fn predecessor(&self, relative: &str, manifest: &Manifest) -> Result<Predecessor> {
        let Some(first) = self.read_of(relative, first_line)? else { return Ok(Predecessor::Unknown) };
        if let Some(after) = manifest.after_of(relative).or_else(|| first.after()) {
            let log = parse_after(&after);
            return Ok(log.map_or(Predecessor::Unknown, |(path, end)| Predecessor::Log(path, end)));
        }
        // What a line said that was taken out is not known.
        let is_first = first.offset == 0 && parse_line(&first.bytes).is_ok();
        Ok(if is_first { Predecessor::None } else { Predecessor::Unknown })
    }
}
