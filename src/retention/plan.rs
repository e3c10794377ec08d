//! What goes, oldest first. Pure: it looks at no file. Operations of agents are ordered by their clocks across logs, so logs whose
//! clocks overlap go together or stay together: what is left begins at one place of the order.

use super::files::{Found, Sealed, Superseded, sort_by_age};
use crate::format::manifest::Manifest;
use crate::layout;

/// How much of the history is kept. A log goes as soon as one of the limits says so; without any, all of them go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Limits {
    /// Logs go whose last operation is older than this time, in ISO 8601.
    pub before: Option<String>,
    /// The newest logs stay that have so many bytes together, with what goes with them.
    pub keep_bytes: Option<u64>,
    /// The logs stay that this many checkpoints have sealed.
    pub checkpoints: Option<u64>,
}

impl Limits {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A part of the history that goes as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Logs that are ordered among each other.
    Logs(Vec<Sealed>),
    /// A snapshot.
    Snapshot(Superseded),
}

/// What goes, in this order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Parts of the history, oldest first.
    pub parts: Vec<Part>,
    /// The newest log that goes, and the time of the last operation of all that go.
    pub newest: Option<(String, String)>,
}

impl Plan {
    /// Whether a snapshot goes.
    pub fn has_snapshot(&self, relative: &str) -> bool {
        let is_it = |part: &Part| matches!(part, Part::Snapshot(snapshot) if snapshot.relative == relative);
        self.parts.iter().any(is_it)
    }

    /// Ends the plan before one of its parts.
    pub fn cut(&mut self, parts: usize) {
        self.parts.truncate(parts);
        self.newest = newest_of(&self.parts);
    }
}

/// Chooses what goes of what was found in a folder with this manifest. Superseded snapshots go only `with_snapshots`, those older
/// than all logs that stay, and those for which `keep_bytes` leaves no room.
pub fn plan(found: Found, manifest: &Manifest, limits: &Limits, now: &str, with_snapshots: bool) -> Plan {
    let newest = newest_named(manifest);
    let groups = grouped(found.logs, newest);
    let cut = first_kept(&groups, limits, now);
    let kept = groups.get(cut..).unwrap_or_default();
    let kept_bytes: u64 = kept.iter().flatten().map(Sealed::all_bytes).sum();
    let kept_from = kept_from(groups.get(..cut).unwrap_or_default(), kept, newest);
    let mut snapshots = if with_snapshots { found.snapshots } else { Vec::new() };
    sort_by_age(&mut snapshots, newest, |snapshot| snapshot.ms);
    let mut room = limits.keep_bytes.map(|bytes| bytes.saturating_sub(kept_bytes));
    // One that stands in the history that stays is a point to begin from, as long as there is room.
    let mut stays = |snapshot: &Superseded| {
        let is_in_kept = kept_from.is_some_and(|from| from <= snapshot.ms && snapshot.ms <= newest);
        match &mut room {
            _ if !is_in_kept => false,
            None => true,
            Some(room) if *room >= snapshot.all_bytes() => {
                *room -= snapshot.all_bytes();
                true
            }
            Some(room) => {
                *room = 0;
                false
            }
        }
    };
    let kept_snapshots: Vec<bool> = snapshots.iter().rev().map(&mut stays).collect();
    let going = snapshots.into_iter().zip(kept_snapshots.into_iter().rev());
    let mut parts: Vec<Part> =
        going.filter(|(_, stays)| !stays).map(|(snapshot, _)| Part::Snapshot(snapshot)).collect();
    parts.extend(groups.into_iter().take(cut).map(Part::Logs));
    sort_by_age(&mut parts, newest, Part::ms);
    let newest = newest_of(&parts);
    Plan { parts, newest }
}

impl Part {
    /// The earliest time in its names. A snapshot that bears the time of a log comes before it.
    pub(super) fn ms(&self) -> u64 {
        match self {
            Self::Logs(logs) => logs.iter().map(|log| log.ms).min().unwrap_or_default(),
            Self::Snapshot(snapshot) => snapshot.ms,
        }
    }
}

/// The highest time in the names of what is current.
fn newest_named(manifest: &Manifest) -> u64 {
    let agents = manifest.active_agent_ops.iter().flatten().map(|(_, path)| path);
    let named = agents.chain([&manifest.current_snapshot, &manifest.active_ops]);
    named.filter_map(|path| layout::time_of(path)).max().unwrap_or(u64::MAX)
}

/// Logs in the order of their age, those together that can only go together.
fn grouped(mut logs: Vec<Sealed>, newest: u64) -> Vec<Vec<Sealed>> {
    sort_by_age(&mut logs, newest, |log| log.ms);
    let mut groups: Vec<Vec<Sealed>> = Vec::new();
    let mut highest = 0;
    for log in logs {
        let goes_along = groups.last().and_then(|group| group.last()).is_some_and(|before| {
            let is_agents = layout::agent_milliseconds(&before.relative).is_some()
                && layout::agent_milliseconds(&log.relative).is_some();
            let overlaps = log.clocks.is_some_and(|(first, _)| first <= highest);
            is_agents && (overlaps || before.ms == log.ms)
        });
        highest = highest.max(log.clocks.map_or(0, |(_, last)| last));
        match groups.last_mut() {
            Some(group) if goes_along => group.push(log),
            _ => groups.push(vec![log]),
        }
    }
    groups
}

/// The first group that stays.
pub(crate) fn first_kept(groups: &[Vec<Sealed>], limits: &Limits, now: &str) -> usize {
    if limits.is_empty() {
        return groups.len();
    }
    let (mut bytes, mut sealed) = (0u64, 0u64);
    // NOTE: a clock may have been ahead. What comes before an operation is not younger than that, and nothing is younger than now.
    let mut time = now.to_owned();
    for (place, group) in groups.iter().enumerate().rev() {
        bytes += group.iter().map(Sealed::all_bytes).sum::<u64>();
        sealed += u64::from(group.iter().any(|log| log.bytes > 0));
        let last = group.iter().filter_map(|log| age(log, now)).max();
        if let Some(last) = last.filter(|last| **last < *time) {
            time = last.to_owned();
        }
        if limits.keep_bytes.is_some_and(|keep| bytes > keep)
            || limits.checkpoints.is_some_and(|keep| sealed > keep)
            || limits.before.as_ref().is_some_and(|before| time < *before)
        {
            return place + 1;
        }
    }
    0
}

/// The time in the names of snapshots from which on the history that stays can be told. A single writer's log comes with the
/// snapshot before it, which 0.8.1 names first; among agents logs are named before the snapshot of what they follow.
fn kept_from(gone: &[Vec<Sealed>], kept: &[Vec<Sealed>], newest: u64) -> Option<u64> {
    let oldest = kept.iter().flatten().min_by_key(|log| log.ms)?;
    if layout::agent_milliseconds(&oldest.relative).is_some() {
        return Some(oldest.ms);
    }
    let gone = gone.iter().flatten().map(|log| log.ms).filter(|ms| *ms <= newest).max();
    Some(gone.map_or(0, |ms| ms + 1))
}

/// When the last operation of a log was made. A time ahead of the clock says nothing: then it is when the file was written.
fn age<'a>(log: &'a Sealed, now: &str) -> Option<&'a str> {
    let is_sound = |time: &str| {
        time.len() == now.len()
            && time.ends_with('Z')
            && time.starts_with(|first: char| first.is_ascii_digit())
    };
    let until = log.until.as_str();
    match until {
        "" => None,
        until if is_sound(until) && *until <= *now => Some(until),
        _ => Some(log.written.as_str()),
    }
}

fn newest_of(parts: &[Part]) -> Option<(String, String)> {
    let logs = || {
        parts.iter().filter_map(|part| match part {
            Part::Logs(logs) => Some(logs),
            Part::Snapshot(_) => None,
        })
    };
    let last = logs().next_back()?.iter().max_by_key(|log| log.ms)?;
    let until = logs().flatten().map(|log| log.until.as_str()).max().unwrap_or_default();
    Some((last.relative.clone(), until.to_owned()))
}
