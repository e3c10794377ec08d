//! What is left of a simulated disk when the power goes: a legal choice among all that was not durable.
//! Without a sync nothing is promised: writes may be kept, lost, torn at any byte, there by length only,
//! and kept while earlier ones are lost; each change of names is whole or not at all, and says nothing of
//! the content. What was synced is always there.

use std::collections::{BTreeMap, BTreeSet};

use super::counts::FaultCounts;
use super::names::{Added, NameChange};
use super::state::{FileData, Id, Inode, Names, Node, Pending, ROOT, State, Write, apply_write, put};

/// The unit in which a drive writes: an overwrite is torn only between sectors.
const SECTOR: u64 = 512;

pub(super) struct Chooser<'a> {
    pub(super) below: &'a mut dyn FnMut(u64) -> u64,
    pub(super) counts: FaultCounts,
}

/// How much of a list of pending changes survives.
enum Survival {
    All,
    None,
    /// All before this one; it may be damaged, what comes after it is lost.
    Until(usize),
    /// Each for itself.
    Any,
}

impl Chooser<'_> {
    fn pick(&mut self, below: u64) -> u64 {
        (self.below)(below) % below
    }

    fn chance(&mut self) -> bool {
        self.pick(2) == 1
    }

    fn survival(&mut self, changes: usize) -> Survival {
        match self.pick(6) {
            0 => Survival::All,
            1 => Survival::None,
            2 | 3 => Survival::Until(self.pick(changes as u64) as usize),
            _ => Survival::Any,
        }
    }
}

/// The disk after a power loss.
pub(super) fn after_power_loss(state: &State, chooser: &mut Chooser<'_>) -> State {
    let mut next = state.clone();
    keep_names(&mut next, chooser);
    keep_reachable(&mut next);
    next.forget_handles();
    let ids: Vec<Id> = next.inodes.keys().copied().collect();
    for id in ids {
        if let Ok(file) = next.file_mut(id) {
            keep_content(file, chooser);
        }
    }
    renumber(&mut next);
    next
}

fn keep_names(state: &mut State, chooser: &mut Chooser<'_>) {
    let journal = std::mem::take(&mut state.journal);
    if journal.is_empty() {
        return;
    }
    let survival = chooser.survival(journal.len());
    let mut lost_before = false;
    for (position, change) in journal.iter().enumerate() {
        let kept = match survival {
            Survival::All => true,
            Survival::None => false,
            Survival::Until(end) => position < end,
            Survival::Any => chooser.chance(),
        };
        if kept {
            state.settle(change);
            chooser.counts.reordered_name += u64::from(lost_before);
        } else {
            lost_before = true;
            let counts = &mut chooser.counts;
            let count = match change {
                NameChange::Add { how: Added::File, .. } => &mut counts.lost_create,
                NameChange::Add { how: Added::Folder, .. } => &mut counts.lost_folder,
                NameChange::Add { how: Added::Link, .. } => &mut counts.lost_link,
                NameChange::Remove { .. } => &mut counts.lost_unlink,
                NameChange::Rename { .. } => &mut counts.lost_rename,
            };
            *count += 1;
        }
    }
}

/// Takes the durable names for the live ones and forgets what has no name.
fn keep_reachable(state: &mut State) {
    let mut links: BTreeMap<Id, u64> = BTreeMap::from([(ROOT, 1)]);
    let mut folders = vec![ROOT];
    while let Some(folder) = folders.pop() {
        let Some(inode) = state.inodes.get_mut(&folder) else {
            continue;
        };
        let Node::Folder { durable, live } = &mut inode.node else {
            continue;
        };
        live.clone_from(durable);
        let names: Names = live.clone();
        for id in names.into_values() {
            let first = !links.contains_key(&id);
            *links.entry(id).or_default() += 1;
            let is_folder = matches!(state.inodes.get(&id), Some(Inode { node: Node::Folder { .. }, .. }));
            if first && is_folder {
                folders.push(id);
            }
        }
    }
    state.inodes.retain(|id, _| links.contains_key(id));
    for (id, inode) in &mut state.inodes {
        inode.links = links.get(id).copied().unwrap_or(0);
    }
}

/// A file that lost its deletion may find its number given away.
fn renumber(state: &mut State) {
    let mut seen = BTreeSet::new();
    for inode in state.inodes.values_mut() {
        if !seen.insert(inode.number) {
            inode.number = state.numbers.take_new();
        }
    }
}

fn keep_content(file: &mut FileData, chooser: &mut Chooser<'_>) {
    let pending = std::mem::take(&mut file.pending);
    if !pending.is_empty() {
        let survival = chooser.survival(pending.len());
        let mut lost_before = false;
        for (position, Pending { write, .. }) in pending.iter().enumerate() {
            let whole = match survival {
                Survival::All => true,
                Survival::None => false,
                Survival::Until(end) => position < end,
                Survival::Any => chooser.chance(),
            };
            if whole {
                chooser.counts.reordered_write += u64::from(lost_before);
                apply_write(&mut file.durable, write);
                continue;
            }
            let earlier_lost = std::mem::replace(&mut lost_before, true);
            let may_be_damaged = match survival {
                Survival::Until(end) => position == end,
                Survival::Any => true,
                Survival::All | Survival::None => false,
            };
            match may_be_damaged && chooser.chance() {
                true => {
                    chooser.counts.reordered_write += u64::from(earlier_lost);
                    damage(&mut file.durable, write, chooser);
                }
                false => count_lost(write, &mut chooser.counts),
            }
        }
        let without_data = file.renamed_first && file.durable != file.live;
        chooser.counts.rename_without_data += u64::from(without_data);
    }
    file.renamed_first = false;
    file.live.clone_from(&file.durable);
}

fn count_lost(write: &Write, counts: &mut FaultCounts) {
    match write {
        Write::Append { .. } => counts.lost_append += 1,
        Write::Overwrite { .. } => counts.lost_overwrite += 1,
        Write::SetLen(_) => counts.lost_truncate += 1,
    }
}

/// Carries out a write in part.
fn damage(content: &mut Vec<u8>, write: &Write, chooser: &mut Chooser<'_>) {
    match write {
        Write::Append { offset, bytes } if bytes.len() > 1 && chooser.chance() => {
            chooser.counts.torn_append += 1;
            let kept = 1 + chooser.pick(bytes.len() as u64 - 1) as usize;
            put(content, *offset, bytes.get(..kept).unwrap_or_default());
        }
        Write::Append { offset, bytes } => {
            let mut bytes = bytes.clone();
            for sector in sectors(*offset, bytes.len()) {
                let Some(sector) = bytes.get_mut(sector) else {
                    continue;
                };
                match chooser.pick(4) {
                    0 | 1 => {
                        chooser.counts.zeroed_block += 1;
                        sector.fill(0);
                    }
                    2 => {
                        chooser.counts.garbage_block += 1;
                        sector.fill_with(|| chooser.pick(256) as u8);
                    }
                    _ => {}
                }
            }
            put(content, *offset, &bytes);
        }
        Write::Overwrite { offset, bytes } => {
            let mut torn = false;
            for sector in sectors(*offset, bytes.len()) {
                let start = offset + sector.start as u64;
                match (chooser.chance(), bytes.get(sector)) {
                    (true, Some(sector)) => put(content, start, sector),
                    _ => torn = true,
                }
            }
            chooser.counts.torn_overwrite += u64::from(torn);
        }
        Write::SetLen(_) => chooser.counts.lost_truncate += 1,
    }
}

/// The parts of a write that lie in one sector each.
pub(super) fn sectors(offset: u64, len: usize) -> Vec<std::ops::Range<usize>> {
    let mut found = Vec::new();
    let mut start = 0;
    while start < len {
        let in_sector = (SECTOR - (offset + start as u64) % SECTOR) as usize;
        let end = len.min(start + in_sector);
        found.push(start..end);
        start = end;
    }
    found
}
