//! The simulated carrier of one process.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use opslog::engine::Id;
use opslog::protocol::Name;
use opslog::protocol::carrier::{
    Answer, Carrier, Facts, Failure, Loaded, Lock, Pairs, Records, Taken, Version,
};

use super::disk::{Reply, Request};
use super::scheduler::{Answered, World};

pub struct Simulated {
    pub world: Rc<World>,
    pub life: u64,
    pub facts: Facts,
    pub reads_only: bool,
    /// By how much the clock of this process is wrong.
    pub skew_ms: i64,
    pub number: Cell<u64>,
    /// Where the next append to a log goes, where logs can be closed.
    pub next: RefCell<HashMap<Name, usize>>,
}

impl Simulated {
    async fn ask(&self, request: Request) -> Answer<Reply> {
        let what = format!("{request:?}");
        let what = what.split([' ', '{']).next().unwrap_or_default().to_owned();
        let is_unanswered = match self.world.step(self.life, self.reads_only, request).await {
            Answered::Reply(Reply::Missing) => return Err(failure(&what, true, false)),
            Answered::Reply(Reply::Fenced) => {
                return Err(Failure { is_fenced: true, ..failure(&what, false, false) });
            }
            Answered::Reply(reply) => return Ok(reply),
            Answered::Failed => false,
            Answered::Unanswered => true,
        };
        Err(failure(&what, false, is_unanswered))
    }
}

fn failure(what: &str, is_missing: bool, is_unanswered: bool) -> Failure {
    let message = format!("{what} failed");
    Failure { number: 1, message, is_missing, is_unanswered, is_fenced: false }
}

macro_rules! answer {
    ($self:ident, $request:expr, $pattern:pat => $value:expr) => {
        match $self.ask($request).await? {
            $pattern => Ok($value),
            other => panic!("the world answered {other:?}"),
        }
    };
}

impl Carrier for Simulated {
    fn facts(&self) -> Facts {
        self.facts
    }

    fn now_ms(&self) -> i64 {
        self.world.inner.borrow().clock_ms + self.skew_ms
    }

    fn random(&self) -> u64 {
        self.number.set(self.number.get() + 1);
        self.life << 24 | self.number.get()
    }

    async fn pause(&self, ms: u64) {
        let _ = self.ask(Request::Pause { ms }).await;
    }

    async fn manifest_version(&self) -> Answer<Version> {
        answer!(self, Request::Version, Reply::Version(version) => version.into())
    }

    async fn read_manifest(&self) -> Answer<Option<Vec<u8>>> {
        answer!(self, Request::ReadManifest, Reply::Text(text) => text)
    }

    async fn publish(&self, manifest: &[u8], condition: Option<&Version>) -> Answer<Option<Version>> {
        let request = Request::Publish {
            text: manifest.to_vec(),
            condition: condition.map(|version| version.to_vec()),
        };
        answer!(self, request, Reply::Published(version) => version.map(Version::from))
    }

    async fn read_log(&self, log: &Name) -> Answer<Vec<Vec<u8>>> {
        answer!(self, Request::ReadLog { log: log.clone() }, Reply::Lines(lines) => lines)
    }

    async fn append(&self, log: &Name, lines: &[Vec<u8>]) -> Answer<()> {
        if !self.facts.closes_logs {
            let request = Request::Append { log: log.clone(), lines: lines.to_vec(), at: None };
            return answer!(self, request, Reply::Nothing => ());
        }
        // As a backend of numbered objects does: the first free number, once it is known, and none if an append fails.
        loop {
            let known = self.next.borrow_mut().remove(log);
            let at = match known {
                Some(at) => at,
                None => self.read_log(log).await?.len(),
            };
            let request = Request::Append { log: log.clone(), lines: lines.to_vec(), at: Some(at) };
            if answer!(self, request, Reply::Appended(is_appended) => is_appended)? {
                self.next.borrow_mut().insert(log.clone(), at + lines.len());
                return Ok(());
            }
        }
    }

    async fn close_log(&self, log: &Name) -> Answer<()> {
        answer!(self, Request::CloseLog { log: log.clone() }, Reply::Nothing => ())
    }

    async fn change_token(&self) -> Answer<Version> {
        answer!(self, Request::Token, Reply::Version(token) => token.into())
    }

    async fn cut(&self, log: &Name) -> Answer<bool> {
        answer!(self, Request::Cut { log: log.clone() }, Reply::Cut(is_cut) => is_cut)
    }

    async fn create_log(&self, agent: Option<&Name>) -> Answer<Name> {
        let agent = agent.map(|agent| String::from_utf8_lossy(agent).into_owned()).unwrap_or_default();
        answer!(self, Request::CreateLog { agent }, Reply::Path(path) => path)
    }

    async fn load_snapshot(&self, path: &Name) -> Answer<Loaded> {
        answer!(self, Request::LoadSnapshot { path: path.clone() }, Reply::Snapshot(loaded) => loaded)
    }

    async fn write_snapshot(&self, records: Records<'_>, version: u64) -> Answer<Name> {
        answer!(self, Request::WriteSnapshot { records: records.pairs(), version }, Reply::Path(path) => path)
    }

    async fn write_index(&self, snapshot: &Name) -> Answer<()> {
        answer!(self, Request::WriteIndex { snapshot: snapshot.clone() }, Reply::Nothing => ())
    }

    async fn read_range(&self, snapshot: &Name, offset: u64, len: u64) -> Answer<Vec<u8>> {
        let request = Request::ReadRange { path: snapshot.clone(), is_index: false, offset, len };
        answer!(self, request, Reply::Bytes(bytes) => bytes)
    }

    async fn read_index(&self, snapshot: &Name, offset: u64, len: u64) -> Answer<Vec<u8>> {
        let request = Request::ReadRange { path: snapshot.clone(), is_index: true, offset, len };
        answer!(self, request, Reply::Bytes(bytes) => bytes)
    }

    async fn delete_index(&self, snapshot: &Name) -> Answer<()> {
        answer!(self, Request::DeleteIndex { snapshot: snapshot.clone() }, Reply::Nothing => ())
    }

    async fn segment_ids(&self, path: &Name) -> Answer<Vec<Id>> {
        answer!(self, Request::SegmentIds { path: path.clone() }, Reply::Ids(ids) => ids)
    }

    async fn write_segment(&self, period: &Name, records: Records<'_>) -> Answer<Name> {
        let request = Request::WriteSegment { period: period.clone(), records: records.pairs() };
        answer!(self, request, Reply::Path(path) => path)
    }

    async fn load_segment(&self, path: &Name) -> Answer<Pairs> {
        answer!(self, Request::LoadSegment { path: path.clone() }, Reply::Records(records) => records)
    }

    async fn write_note(&self, text: &[u8]) -> Answer<Name> {
        answer!(self, Request::WriteNote { text: text.to_vec() }, Reply::Path(path) => path)
    }

    async fn read_note(&self, path: &Name) -> Answer<Vec<u8>> {
        answer!(self, Request::ReadNote { path: path.clone() }, Reply::Text(text) => text.unwrap_or_default())
    }

    async fn delete_note(&self, path: &Name) -> Answer<()> {
        answer!(self, Request::DeleteNote { path: path.clone() }, Reply::Nothing => ())
    }

    async fn delete_log(&self, path: &Name) -> Answer<Option<u64>> {
        answer!(self, Request::DeleteLog { log: path.clone() }, Reply::Deleted(bytes) => bytes)
    }

    async fn delete_snapshot(&self, path: &Name) -> Answer<Option<u64>> {
        answer!(self, Request::DeleteSnapshot { path: path.clone() }, Reply::Deleted(bytes) => bytes)
    }

    async fn lock(&self, lock: Lock) -> Answer<Taken> {
        let request = Request::Lock { lock, owner: self.life };
        let taken = answer!(self, request, Reply::Locked(handle) => handle)?;
        Ok(taken.map_or_else(|| Taken::Held(failure("Lock", false, false)), Taken::Yes))
    }

    async fn unlock(&self, lock: Lock, handle: u64) -> Answer<()> {
        answer!(self, Request::Unlock { lock, handle }, Reply::Nothing => ())
    }

    async fn sync(&self) -> Answer<()> {
        answer!(self, Request::Sync, Reply::Nothing => ())
    }

    async fn migrate(&self, _from: u64, records: &Pairs) -> Answer<Vec<Vec<u8>>> {
        // `{"n":1}` becomes `{"n":1,"m":1}`: twice would show.
        Ok(records
            .iter()
            .map(|(_, text)| [text.strip_suffix(b"}").unwrap_or(text), b",\"m\":1}"].concat())
            .collect())
    }
}
