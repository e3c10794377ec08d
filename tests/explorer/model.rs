//! What a store must hold, told by an observer that only knows what was asked of it and what it answered. Two
//! views: memory (what reads show now) and disk (a snapshot and the writes after it). Every acknowledged
//! step adds a version of the disk's view; a crash may leave only certain versions.

/// Records in order: ids, and values as JSON text.
pub type Records = Vec<(String, String)>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write {
    Set(String, String),
    Delete(String),
}

impl Write {
    pub fn id(&self) -> &str {
        match self {
            Self::Set(id, _) | Self::Delete(id) => id,
        }
    }
}

/// A snapshot, and the writes logged after it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Generation {
    pub base: Records,
    pub log: Vec<Write>,
}

impl Generation {
    /// The records that opening finds.
    pub fn records(&self) -> Records {
        let mut records = self.base.clone();
        for write in &self.log {
            apply(&mut records, write);
        }
        records
    }
}

/// One state of the disk. While a checkpoint is under way it has two forms: not published yet, and published.
#[derive(Debug, Clone)]
pub struct Version {
    pub forms: Vec<Generation>,
}

/// A write in the history, with what undoes it.
#[derive(Debug, Clone)]
struct Done {
    write: Write,
    /// The value before, and where the record stood.
    before: Option<(usize, String)>,
    serial: u64,
}

#[derive(Debug, Clone, Default)]
pub struct Model {
    pub memory: Records,
    history: Vec<Done>,
    /// What the next checkpoint takes along, if that was fixed: the records, and how much of the history.
    apart: Option<(Records, usize)>,
    /// The history that a checkpoint under way has frozen.
    frozen: Option<Vec<Done>>,
    /// How many writes of the history are in no file.
    unflushed: usize,
    disk: Generation,
    next: Option<Generation>,
    /// What the store goes by while it does not know which generation counts.
    doubted: Option<Generation>,
    /// Records that leave memory when the checkpoint under way is published.
    archived: Vec<String>,
    /// Ids that are in an archive segment for good.
    pub in_archive: Vec<String>,
    /// The first is durable; those after it are what was acknowledged since.
    pub versions: Vec<Version>,
    /// Where in `versions` the view of the checkpoint under way stands.
    frozen_at: usize,
    /// What a step that did not come to its end may have left.
    pub in_flight: Vec<Version>,
    /// What refused steps would have made. They were cut off the log, but a power loss can lose a cut.
    pub refused: Vec<Version>,
    /// How many of them there were when the checkpoint under way began.
    refused_before: usize,
    /// Serial numbers of the writes in the log since ever, without undone ones: what a reader must be told.
    pub trail: Vec<(u64, String)>,
    serials: u64,
}

impl Model {
    pub fn new() -> Self {
        let versions = vec![Version { forms: vec![Generation::default()] }];
        Self { versions, ..Self::default() }
    }

    pub fn get(&self, id: &str) -> Option<&String> {
        self.memory.iter().find(|(there, _)| there == id).map(|(_, value)| value)
    }

    /// How many operations the store shows.
    pub fn shown(&self) -> usize {
        self.history.len() - self.hidden()
    }

    fn hidden(&self) -> usize {
        self.apart.as_ref().map_or(0, |(_, hidden)| *hidden)
    }

    /// The history shown starts anew.
    pub fn hide(&mut self) {
        self.apart = Some((self.memory.clone(), self.history.len()));
    }

    pub fn is_buffering(&self) -> bool {
        self.unflushed > 0
    }

    /// The records in the files, in the order in which opening finds them.
    pub fn on_disk(&self) -> Records {
        self.disk.records()
    }

    /// The records in the files that the store goes by.
    pub fn in_use(&self) -> Records {
        self.doubted.as_ref().unwrap_or(&self.disk).records()
    }

    /// A write that is in memory only so far.
    pub fn write(&mut self, write: &Write) {
        let stood = self.memory.iter().position(|(there, _)| there == write.id());
        let before = stood.map(|at| (at, self.memory[at].1.clone()));
        apply(&mut self.memory, write);
        self.serials += 1;
        self.history.push(Done { write: write.clone(), before, serial: self.serials });
        self.unflushed += 1;
    }

    /// All writes go to the log; the last `batch` of them whole or not at all.
    pub fn flush(&mut self, batch: usize) {
        let from = self.history.len() - self.unflushed;
        let first_of_batch = self.history.len() - batch;
        for at in from..self.history.len() {
            let Done { write, serial, .. } = self.history[at].clone();
            self.trail.push((serial, write.id().to_owned()));
            if let Some(next) = &mut self.next {
                next.log.push(write.clone());
            }
            self.disk.log.push(write);
            if at < first_of_batch || at + 1 == self.history.len() {
                self.add_version();
            }
        }
        self.unflushed = 0;
    }

    /// Takes the last write back; `false` if there is none.
    pub fn undo(&mut self) -> bool {
        if self.shown() == 0 {
            return false;
        }
        let Some(Done { write, before, .. }) = self.history.pop() else { return false };
        let id = write.id().to_owned();
        match (before, &write) {
            (Some((at, value)), Write::Delete(_)) => self.memory.insert(at, (id, value)),
            (Some((_, value)), Write::Set(..)) => apply(&mut self.memory, &Write::Set(id, value)),
            (None, _) => apply(&mut self.memory, &Write::Delete(id)),
        }
        if self.unflushed > 0 {
            self.unflushed -= 1;
            return true;
        }
        self.disk.log.pop();
        if let Some(next) = &mut self.next {
            next.log.pop();
        }
        self.trail.pop();
        self.add_version();
        true
    }

    /// A checkpoint begins, with all or with what is set apart; records with these ids go to an archive.
    pub fn freeze(&mut self, all: bool, archived: &[String]) {
        self.flush(0);
        let apart = self.apart.take().filter(|_| !all);
        let (mut base, frozen) = apart.unwrap_or_else(|| (self.memory.clone(), self.history.len()));
        base.retain(|(id, _)| !archived.contains(id));
        self.archived = archived.to_vec();
        let late = self.history.split_off(frozen);
        let log = late.iter().map(|done| done.write.clone()).collect();
        self.next = Some(Generation { base, log });
        self.frozen = Some(std::mem::replace(&mut self.history, late));
        // Each state since the frozen one may be the published one's.
        let late = self.history.len();
        for back in (0..=late).rev() {
            let mut forms = vec![self.disk.clone()];
            forms.extend(self.next.clone());
            for form in &mut forms {
                form.log.truncate(form.log.len() - back);
            }
            self.versions.push(Version { forms });
        }
        self.frozen_at = self.versions.len() - 1 - late;
        self.refused_before = self.refused.len();
    }

    /// The checkpoint's manifest has its name, durably.
    pub fn publish(&mut self) {
        let Some(next) = self.next.take() else { return };
        self.frozen = None;
        let archived = std::mem::take(&mut self.archived);
        self.memory.retain(|(id, _)| !archived.contains(id));
        self.disk = next;
        self.in_archive.extend(archived);
        self.versions.drain(..self.frozen_at);
        self.refused.drain(..self.refused_before);
        for version in self.versions.iter_mut().chain(&mut self.refused) {
            version.forms.drain(..version.forms.len() - 1);
        }
    }

    /// The checkpoint's manifest has its name, and may lose it: the store shows what it would without it.
    pub fn publish_in_doubt(&mut self) {
        let Some(next) = self.next.take() else { return };
        self.doubted = Some(std::mem::replace(&mut self.disk, next));
        self.thaw();
    }

    /// A sync of the log has succeeded: what was acknowledged before counts, and what was refused does not.
    pub fn synced(&mut self) {
        self.versions.drain(..self.versions.len() - 1);
        self.refused.clear();
        self.frozen_at = 0;
        self.refused_before = 0;
    }

    /// The checkpoint has failed.
    pub fn give_up(&mut self) {
        self.next = None;
        self.thaw();
        let uncertain = self.in_flight.iter_mut().chain(&mut self.refused);
        for version in self.versions.iter_mut().chain(uncertain) {
            version.forms.truncate(1);
        }
    }

    /// What was frozen joins the history again.
    fn thaw(&mut self) {
        self.archived.clear();
        // What was asked for meanwhile takes this along.
        let frozen = self.frozen.as_ref().map_or(0, Vec::len);
        self.apart = self.apart.take().map(|(memory, hidden)| (memory, hidden + frozen));
        let late = std::mem::replace(&mut self.history, self.frozen.take().unwrap_or_default());
        self.history.extend(late);
    }

    /// What opening found becomes what counts. `survived` says that nothing undurable is left. Returns whether
    /// it is just what was there.
    pub fn adopt(&mut self, found: Generation, upto: usize, survived: bool) -> bool {
        let same = self.in_flight.is_empty() && found == self.disk;
        let mut versions = std::mem::take(&mut self.versions);
        versions.append(&mut self.in_flight);
        versions.truncate(upto + 1);
        let mut refused = std::mem::take(&mut self.refused);
        if survived {
            versions.clear();
            refused.clear();
        }
        versions.push(Version { forms: vec![found.clone()] });
        let (serials, trail) = (self.serials, std::mem::take(&mut self.trail));
        let in_archive = std::mem::take(&mut self.in_archive);
        let memory = found.base.clone();
        *self = Self { versions, refused, serials, in_archive, memory, ..Self::default() };
        self.disk.base = found.base;
        for write in &found.log {
            self.write(write);
        }
        self.disk.log = found.log;
        self.unflushed = 0;
        if same {
            for (done, (serial, _)) in self.history.iter_mut().rev().zip(trail.iter().rev()) {
                done.serial = *serial;
            }
            self.trail = trail;
        } else {
            self.trail = self.history.iter().map(|done| (done.serial, done.write.id().to_owned())).collect();
        }
        same
    }

    fn add_version(&mut self) {
        let mut forms = vec![self.disk.clone()];
        forms.extend(self.next.clone());
        self.versions.push(Version { forms });
    }
}

/// A `Map`: an update keeps the position.
fn apply(records: &mut Records, write: &Write) {
    match write {
        Write::Set(id, value) => match records.iter_mut().find(|(there, _)| there == id) {
            Some((_, old)) => old.clone_from(value),
            None => records.push((id.clone(), value.clone())),
        },
        Write::Delete(id) => records.retain(|(there, _)| there != id),
    }
}
