//! The steps of an agent.

use super::planted::Planted;
use super::process::{Change, Merge, Place, Process, Publication, Task, Write};
use super::storage::{Late, Line, LogId, Manifest, Old, Retired, Storage, keep_last_copies};
use super::{Objects, State};
use crate::Outcome;

/// What a change of the manifest comes to: something to publish, or nothing.
enum Draft {
    Next(Change, Manifest),
    Nothing,
    /// Another store owns the agentId.
    Replaced,
}

impl Objects {
    pub(super) fn step(&self, state: &mut State, process: u8, outcome: Outcome) {
        let index = usize::from(process);
        let agent = self.programs[index].agent;
        let me = &mut state.processes[index];
        if outcome == Outcome::Crash {
            state.crashes -= 1;
            me.place = Place::Over;
            return;
        }
        if outcome != Outcome::Done {
            state.faults -= 1;
        }
        let place = std::mem::replace(&mut me.place, Place::Idle);
        let next = match place {
            Place::Over => Place::Over,
            Place::Idle => self.begin(state, index, agent),
            Place::Append(write) => self.append(state, write, outcome),
            Place::ReadBack(write) => self.read_back(state, write),
            Place::Judge(write) => self.judge(state, index, agent, write),
            Place::MoveOnce(write) => self.move_once(state, index, agent, write),
            Place::Update(change) => self.update(state, index, agent, change),
            Place::Replace(publication) => self.replace(state, index, publication, outcome),
            Place::SettlePublication(publication) => self.settle_publication(state, index, publication),
            Place::Touch(publication) => self.touch(state, index, publication, outcome),
            Place::ReadCounted(sealed) => self.read_counted(state, sealed),
            Place::IsFenced(write) => self.is_fenced(state, write),
            Place::SealLate(merge) => self.seal_late(state, index, *merge),
        };
        state.processes[index].place = next;
    }

    fn begin(&self, state: &mut State, index: usize, agent: u8) -> Place {
        let me = &mut state.processes[index];
        me.begun += 1;
        if me.begun == 1 {
            return Place::Update(Change::Register(None));
        }
        let task = self.programs[index].tasks[usize::from(me.begun) - 2];
        if me.is_replaced {
            return Place::Over;
        }
        match task {
            Task::Write => {
                let operation = (index as u8) * 3 + me.begun - 2;
                me.clock += 1;
                let line = Line { clock: me.clock, agent, operation };
                let owner = state.storage.manifest.sessions[usize::from(agent)];
                let began_replaced = owner != 0 && owner != index as u8 + 1;
                let log = me.log;
                let write =
                    Write { line, log: log.unwrap_or(0), copies: Vec::new(), before: None, began_replaced };
                if log.is_some() { Place::Append(write) } else { Place::MoveOnce(write) }
            }
            Task::Undo => match me.last {
                Some(operation) => {
                    // Until it is known whether it is undone, the caller was told nothing of it.
                    state.told.acknowledged &= !(1 << operation);
                    Place::Update(Change::Undo { operation, copied: None })
                }
                None => Place::Idle,
            },
            Task::Compact if self.has(Planted::NoSeal) => Place::ReadCounted(state.storage.manifest.clone()),
            Task::Compact if self.has(Planted::SealAfterRead) => {
                let manifest = state.storage.manifest.clone();
                self.read_counted(state, manifest)
            }
            Task::Compact => Place::Update(Change::Seal),
        }
    }

    // Writes

    fn append(&self, state: &mut State, write: Write, outcome: Outcome) -> Place {
        let storage = &mut state.storage;
        if matches!(outcome, Outcome::Done | Outcome::FailedAfterEffect | Outcome::Twice) {
            storage.append(write.log, write.line);
        }
        if matches!(outcome, Outcome::FailedLate | Outcome::Twice) {
            storage.late.push(Late::Append(write.log, write.line));
        }
        match outcome {
            Outcome::Done | Outcome::Twice => Place::Judge(write),
            _ => Place::ReadBack(write),
        }
    }

    fn read_back(&self, state: &mut State, write: Write) -> Place {
        if !self.has(Planted::NoReadBack) && state.storage.read_log(write.log).contains(&write.line) {
            return Place::Judge(write);
        }
        if self.has(Planted::NoReadBack) || self.has(Planted::LateAppendIgnored) {
            state.told.refused |= write.line.bit();
            return Place::Idle;
        }
        Place::Update(Change::ShutOut(Box::new(Write { before: None, ..write })))
    }

    fn is_another_at_work(&self, manifest: &Manifest, index: usize, agent: u8) -> bool {
        let session = manifest.sessions[usize::from(agent)];
        session != 0 && session != index as u8 + 1 && !self.has(Planted::SessionNotCompared)
    }

    fn judge(&self, state: &mut State, index: usize, agent: u8, mut write: Write) -> Place {
        let manifest = state.storage.manifest.clone();
        let me = &mut state.processes[index];
        if !self.has(Planted::VersionNotCompared) {
            if self.is_another_at_work(&manifest, index, agent) {
                me.is_replaced = true;
                write.before = Some(me.counted);
                return Place::Update(Change::ShutOut(Box::new(write)));
            }
            if manifest.live[usize::from(agent)] != Some(write.log) {
                write.copies.push((write.log, me.counted));
                return Place::MoveOnce(write);
            }
            self.take(me, agent, &manifest);
        }
        me.counted += 1;
        me.last = write.copies.is_empty().then_some(write.line.operation);
        state.two_writers |= write.began_replaced;
        state.told.acknowledged |= write.line.bit();
        Place::Idle
    }

    fn take(&self, me: &mut Process, agent: u8, manifest: &Manifest) {
        let log = manifest.live[usize::from(agent)];
        if log != me.log {
            me.log = log;
            me.counted = 0;
            me.last = None;
        }
        if !self.has(Planted::ClockNotRaised) {
            me.clock = me.clock.max(manifest.clock);
        }
    }

    fn move_once(&self, state: &mut State, index: usize, agent: u8, mut write: Write) -> Place {
        let manifest = state.storage.manifest.clone();
        let me = &mut state.processes[index];
        if self.is_another_at_work(&manifest, index, agent) {
            me.is_replaced = true;
            return self.give_up(state, write);
        }
        self.take(me, agent, &manifest);
        let Some(log) = me.log else { return Place::Update(Change::Register(Some(Box::new(write)))) };
        if !self.has(Planted::ClockNotRaised) {
            me.clock = me.clock.max(state.storage.highest_clock(&manifest.sealed()));
        }
        me.clock += 1;
        write.line.clock = me.clock;
        write.log = log;
        Place::Append(write)
    }

    /// The lines in logs that were sealed must not count.
    fn give_up(&self, state: &mut State, mut write: Write) -> Place {
        match write.copies.pop() {
            Some((log, before)) => {
                write.log = log;
                write.before = Some(before);
                Place::Update(Change::ShutOut(Box::new(write)))
            }
            None => {
                state.told.refused |= write.line.bit();
                Place::Idle
            }
        }
    }

    fn is_fenced(&self, state: &mut State, write: Write) -> Place {
        let fence = state.storage.manifest.fence_of(write.log);
        let is_out =
            |count: u8| write.before.is_some_and(|before| count <= before) || self.has(Planted::FenceIgnored);
        if fence.is_some_and(is_out) {
            return self.give_up(state, write);
        }
        // What is not known is told as such.
        Place::Idle
    }

    // The manifest

    fn update(&self, state: &mut State, index: usize, agent: u8, change: Change) -> Place {
        let before = state.storage.manifest.clone();
        match self.draft(state, index, agent, change.clone(), &before) {
            Draft::Next(change, next) => Place::Replace(stamped(&mut state.storage, change, next, before)),
            Draft::Nothing => self.changed(state, index, change, before, false),
            Draft::Replaced => {
                state.processes[index].is_replaced = true;
                if let Change::Undo { operation, .. } = change {
                    state.told.acknowledged |= 1 << operation;
                }
                Place::Idle
            }
        }
    }

    fn draft(&self, state: &mut State, index: usize, agent: u8, change: Change, before: &Manifest) -> Draft {
        let slot = usize::from(agent);
        let State { storage, processes, .. } = state;
        let me = &processes[index];
        let session = index as u8 + 1;
        let is_replaced = self.is_another_at_work(before, index, agent);
        let mut next = before.clone();
        next.generation += 1;
        match &change {
            Change::Register(again) => {
                if before.sessions[slot] == session && before.live[slot].is_some() {
                    return Draft::Nothing;
                }
                if again.is_some() && is_replaced {
                    return Draft::Replaced;
                }
                if let Some(log) = before.live[slot] {
                    next.old.push(Old { generation: None, log });
                }
                next.live[slot] = Some(storage.create_log(Vec::new()));
                next.sessions[slot] = session;
                next.quiet[slot] = false;
            }
            Change::Seal => {
                if is_replaced {
                    return Draft::Replaced;
                }
                next.clock = next.clock.max(storage.highest_clock(&before.logs()));
                let generation = next.generation;
                for old in &mut next.old {
                    old.generation.get_or_insert(generation);
                }
                for other in 0..before.live.len() {
                    let goes_on = other == slot || before.live[other].is_some() && !before.quiet[other];
                    let log = before.live[other];
                    next.old.extend(log.map(|log| Old { generation: Some(generation), log }));
                    next.live[other] = goes_on.then(|| storage.create_log(Vec::new()));
                    if !goes_on {
                        next.sessions[other] = 0;
                    }
                    next.quiet[other] = false;
                }
                next.sessions[slot] = session;
            }
            Change::Snapshot(merge) => {
                let is_named = |(log, count): &(LogId, u8)| {
                    before.names(*log) || *count == 0 && before.fence_of(*log) == Some(0)
                };
                let is_overtaken =
                    before.snapshot != merge.sealed.snapshot || !merge.logs.iter().all(is_named);
                if before.snapshot == merge.snapshot || is_overtaken && !self.has(Planted::OvertakenPublishes)
                {
                    return Draft::Nothing;
                }
                next.snapshot = merge.snapshot;
                next.old.retain(|old| !merge.logs.iter().any(|(log, _)| *log == old.log));
                next.retired.push(Retired { snapshot: merge.snapshot, logs: merge.logs.clone() });
                next.clock = next.clock.max(merge.lines.iter().map(|line| line.clock).max().unwrap_or(0));
                if self.has(Planted::NoSeal) {
                    for other in 0..before.live.len() {
                        next.live[other] = before.live[other].map(|_| storage.create_log(Vec::new()));
                    }
                }
                for other in 0..before.live.len() {
                    let wrote = merge.lines.iter().any(|line| usize::from(line.agent) == other);
                    next.quiet[other] = before.live[other].is_some() && other != slot && !wrote;
                }
            }
            Change::ShutOut(write) => {
                let is_own = me.log == Some(write.log) && !me.is_replaced;
                let is_live = before.live.contains(&Some(write.log));
                if !before.names(write.log) || is_live && !is_own {
                    return Draft::Nothing;
                }
                let mut kept = storage.read_log(write.log).to_vec();
                kept.retain(|line| line.operation != write.line.operation);
                next = next.replaced(write.log, storage.create_log(kept));
            }
            Change::Undo { operation, copied } => {
                if is_replaced {
                    return Draft::Replaced;
                }
                if let Some((_, copy)) = copied
                    && before.names(*copy)
                {
                    return Draft::Nothing;
                }
                let holds =
                    |log: &LogId| storage.read_log(*log).iter().any(|line| line.operation == *operation);
                let Some(log) = before.logs().into_iter().map(|(_, log)| log).find(holds) else {
                    return Draft::Nothing;
                };
                let mut kept = storage.read_log(log).to_vec();
                kept.retain(|line| line.operation != *operation);
                let copy = storage.create_log(kept);
                next = next.replaced(log, copy);
                return Draft::Next(Change::Undo { operation: *operation, copied: Some((log, copy)) }, next);
            }
        }
        Draft::Next(change, next)
    }

    fn replace(&self, state: &mut State, index: usize, publication: Publication, outcome: Outcome) -> Place {
        let condition = (!self.has(Planted::UnconditionalPublish)).then_some(publication.before.stamp);
        let storage = &mut state.storage;
        let takes_effect = matches!(outcome, Outcome::Done | Outcome::FailedAfterEffect | Outcome::Twice);
        let is_published = takes_effect && storage.publish(&publication.next, condition);
        if matches!(outcome, Outcome::FailedLate | Outcome::Twice) {
            storage.late.push(Late::Publish(Box::new(publication.next.clone()), condition));
        }
        match outcome {
            Outcome::Done | Outcome::Twice if is_published => {
                self.changed(state, index, publication.change, publication.next, true)
            }
            Outcome::Done | Outcome::Twice => self.overtaken(state, publication),
            _ if self.has(Planted::NoSettling) => self.failed(state, publication),
            _ => Place::SettlePublication(publication),
        }
    }

    /// Another publication came before: the change is made again, to what is there now.
    fn overtaken(&self, state: &mut State, publication: Publication) -> Place {
        if self.has(Planted::UndoWithoutReread) && matches!(publication.change, Change::Undo { .. }) {
            let before = state.storage.manifest.clone();
            return Place::Replace(Publication { before, ..publication });
        }
        Place::Update(publication.change)
    }

    fn settle_publication(&self, state: &mut State, index: usize, publication: Publication) -> Place {
        let found = state.storage.manifest.clone();
        let stamp = publication.next.stamp;
        if found.stamp == stamp || found.ancestors.contains(&stamp) {
            return self.changed(state, index, publication.change, found, true);
        }
        if found.stamp != publication.before.stamp {
            // Its condition cannot hold any more.
            return self.overtaken(state, publication);
        }
        if self.has(Planted::LateManifestIgnored) {
            return self.failed(state, publication);
        }
        Place::Touch(publication)
    }

    fn touch(&self, state: &mut State, index: usize, publication: Publication, outcome: Outcome) -> Place {
        let touched = stamped(
            &mut state.storage,
            publication.change.clone(),
            publication.before.clone(),
            publication.before.clone(),
        );
        let storage = &mut state.storage;
        let condition = Some(publication.before.stamp);
        match outcome {
            Outcome::Done | Outcome::Twice => {
                if storage.publish(&touched.next, condition) {
                    return self.failed(state, publication);
                }
                let found = storage.manifest.clone();
                let stamp = publication.next.stamp;
                if found.stamp == stamp || found.ancestors.contains(&stamp) {
                    return self.changed(state, index, publication.change, found, true);
                }
                self.overtaken(state, publication)
            }
            // In doubt: the store acknowledges nothing further, and what was called is not known.
            _ => {
                if outcome == Outcome::FailedAfterEffect {
                    storage.publish(&touched.next, condition);
                }
                if outcome == Outcome::FailedLate {
                    storage.late.push(Late::Publish(Box::new(touched.next), condition));
                }
                Place::Over
            }
        }
    }

    /// A change of the manifest did not take effect, and never will.
    fn failed(&self, state: &mut State, publication: Publication) -> Place {
        match publication.change {
            Change::Undo { operation, .. } => state.told.acknowledged |= 1 << operation,
            // It could not be opened.
            Change::Register(_) => return Place::Over,
            // The write stays in doubt: nothing further is acknowledged.
            Change::ShutOut(_) => return Place::Over,
            Change::Seal | Change::Snapshot(_) => {}
        }
        Place::Idle
    }

    /// What follows a change of the manifest: one that was published, or, without one, the manifest that was found.
    fn changed(
        &self,
        state: &mut State,
        index: usize,
        change: Change,
        manifest: Manifest,
        is_published: bool,
    ) -> Place {
        let agent = self.programs[index].agent;
        match change {
            Change::Register(write) => {
                self.take(&mut state.processes[index], agent, &manifest);
                let clock = state.storage.highest_clock(&manifest.logs());
                let me = &mut state.processes[index];
                if write.is_none() || !self.has(Planted::ClockNotRaised) {
                    me.clock = me.clock.max(clock);
                }
                write.map_or(Place::Idle, |write| Place::MoveOnce(*write))
            }
            Change::Seal => {
                self.take(&mut state.processes[index], agent, &manifest);
                Place::ReadCounted(manifest)
            }
            Change::Snapshot(_) => {
                self.take(&mut state.processes[index], agent, &manifest);
                Place::Idle
            }
            Change::ShutOut(write) if is_published => {
                let me = &mut state.processes[index];
                if me.log == Some(write.log) && !me.is_replaced {
                    let own = manifest.live[usize::from(agent)];
                    me.counted = own.map_or(0, |log| state.storage.count(log));
                    me.log = own;
                }
                self.give_up(state, *write)
            }
            Change::ShutOut(write) => Place::IsFenced(*write),
            Change::Undo { operation, copied } => {
                let is_undone = is_published || copied.is_some_and(|(_, copy)| manifest.names(copy));
                if is_undone {
                    state.told.undone |= 1 << operation;
                } else {
                    state.told.acknowledged |= 1 << operation;
                }
                let me = &mut state.processes[index];
                if let Some((log, copy)) = copied
                    && me.log == Some(log)
                    && is_undone
                {
                    me.log = Some(copy);
                    me.counted = state.storage.count(copy);
                }
                me.last = None;
                self.take(&mut state.processes[index], agent, &manifest);
                Place::Idle
            }
        }
    }

    // Compactions

    fn read_counted(&self, state: &mut State, sealed: Manifest) -> Place {
        let storage = &mut state.storage;
        let is_early = sealed.sealed().is_empty() && self.has(Planted::SealAfterRead);
        let logs = if self.has(Planted::NoSeal) || is_early { sealed.logs() } else { sealed.sealed() };
        let lines = storage.merged(&logs);
        let mut all = storage.snapshots[usize::from(sealed.snapshot)].clone();
        all.extend(&lines);
        keep_last_copies(&mut all);
        storage.snapshots.push(all);
        let snapshot = (storage.snapshots.len() - 1) as u8;
        let counts = logs.iter().map(|(_, log)| (*log, storage.count(*log))).collect();
        let merge = Merge { sealed, logs: counts, lines, snapshot };
        if is_early {
            return Place::SealLate(Box::new(merge));
        }
        Place::Update(Change::Snapshot(Box::new(merge)))
    }

    /// A planted fault: the logs are sealed only now that they were read.
    fn seal_late(&self, state: &mut State, index: usize, mut merge: Merge) -> Place {
        let agent = self.programs[index].agent;
        let before = state.storage.manifest.clone();
        let Draft::Next(_, next) = self.draft(state, index, agent, Change::Seal, &before) else {
            return Place::Idle;
        };
        let publication = stamped(&mut state.storage, Change::Seal, next, before);
        state.storage.publish(&publication.next, None);
        self.take(&mut state.processes[index], agent, &publication.next);
        merge.sealed = publication.next;
        Place::Update(Change::Snapshot(Box::new(merge)))
    }
}

fn stamped(storage: &mut Storage, change: Change, mut next: Manifest, before: Manifest) -> Publication {
    next.ancestors.push(before.stamp);
    next.stamp = storage.next_stamp;
    storage.next_stamp += 1;
    Publication { change, next, before }
}
