//! The carrier whose steps JS carries out: each is a request, told to JS as JSON and answered by it.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use super::json::parse_ids;
use crate::engine::Id;
use crate::format::document::quoted;
use crate::json::array::elements;
use crate::json::number::to_integer;
use crate::json::string::{escape_into, unescape};
use crate::json::string_body;
use crate::layout;
use crate::protocol::Name;
use crate::protocol::carrier::{
    Answer, Carrier, Facts, Failure, Loaded, Lock, Pairs, Phase, Records, Taken, Version,
};
use crate::store::{Past, Store};

/// What JS answered.
enum Answered {
    /// In parts, each a JSON list, and a last word.
    Done(Vec<Vec<u8>>, Vec<u8>),
    Failed(Failure),
    /// Another writer has the lock.
    Held(Failure),
}

/// Requests that are on their way, and answers that were not looked at yet.
#[derive(Default)]
pub struct Steps {
    next: Cell<u64>,
    asked: RefCell<VecDeque<String>>,
    parts: RefCell<HashMap<u64, Vec<Vec<u8>>>>,
    answered: RefCell<HashMap<u64, Answered>>,
    /// What the snapshot under way holds, where that is not the records as they are now.
    earlier: RefCell<Option<(Arc<Store>, Past)>>,
}

impl Steps {
    /// How many requests there were.
    pub fn count(&self) -> u64 {
        self.next.get()
    }

    /// Requests that JS was not told yet, as JSON texts.
    pub fn take_asked(&self) -> Vec<String> {
        self.asked.take().into()
    }

    /// The records that the snapshot under way holds, where those are not the records as they are now.
    pub fn take_earlier(&self) -> Option<(Arc<Store>, Past)> {
        self.earlier.take()
    }

    /// A part of an answer.
    pub fn part(&self, number: u64, text: Vec<u8>) {
        self.parts.borrow_mut().entry(number).or_default().push(text);
    }

    /// The end of an answer.
    pub fn answer(&self, number: u64, text: Vec<u8>) {
        let parts = self.parts.borrow_mut().remove(&number).unwrap_or_default();
        self.answered.borrow_mut().insert(number, Answered::Done(parts, text));
    }

    /// The step failed; a lock may be held.
    pub fn fail(&self, failure: Failure, is_held: bool) {
        self.parts.borrow_mut().remove(&failure.number);
        let number = failure.number;
        let answered = if is_held { Answered::Held(failure) } else { Answered::Failed(failure) };
        self.answered.borrow_mut().insert(number, answered);
    }
}

/// The carrier of one store.
pub struct JsCarrier {
    pub steps: Rc<Steps>,
    pub facts: Facts,
    pub now_ms: Rc<Cell<i64>>,
    /// The change that is carried.
    pub ticket: Cell<Option<u64>>,
    /// Begins with a number that JS drew.
    pub random: Cell<u64>,
}

impl JsCarrier {
    async fn ask(&self, step: &str, fields: &[(&str, &[u8])]) -> Answer<(Vec<Vec<u8>>, Vec<u8>)> {
        match self.wait(step, fields).await {
            Answered::Done(parts, text) => Ok((parts, text)),
            Answered::Failed(failure) | Answered::Held(failure) => Err(failure),
        }
    }

    async fn wait(&self, step: &str, fields: &[(&str, &[u8])]) -> Answered {
        let number = self.steps.next.get() + 1;
        self.steps.next.set(number);
        let ticket = self.ticket.get().unwrap_or_default();
        let mut text = format!("{{\"number\":{number},\"step\":\"{step}\",\"ticket\":{ticket}").into_bytes();
        for (key, value) in fields {
            text.extend_from_slice(format!(",\"{key}\":").as_bytes());
            text.extend_from_slice(value);
        }
        text.push(b'}');
        self.steps.asked.borrow_mut().push_back(super::text::to_js(text));
        std::future::poll_fn(|_| match self.steps.answered.borrow_mut().remove(&number) {
            Some(answered) => Poll::Ready(answered),
            None => Poll::Pending,
        })
        .await
    }

    async fn ask_path(&self, step: &str, fields: &[(&str, &[u8])]) -> Answer<Name> {
        let (_, text) = self.ask(step, fields).await?;
        Ok(Name::from(&*unescape(string_body(&text).unwrap_or_default())))
    }
}

/// The lines of a text, without those that are empty.
fn lines_of(text: &[u8]) -> Vec<&[u8]> {
    text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect()
}

fn list(lines: &[Vec<u8>]) -> Vec<u8> {
    let mut out = b"[".to_vec();
    for (place, line) in lines.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        out.extend_from_slice(line);
    }
    out.push(b']');
    out
}

fn ids(ids: &[Id]) -> Vec<u8> {
    super::json::ids(ids).into_bytes()
}

/// Ids and values in turn; `null` and an id for a record whose value is `undefined`.
fn pairs(parts: &[Vec<u8>]) -> Pairs {
    let mut pairs = Vec::new();
    for part in parts {
        for pair in elements(part).unwrap_or_default().chunks(2) {
            let [first, second] = pair else { continue };
            let (id, text) = if *first == b"null" { (*second, &b""[..]) } else { (*first, *second) };
            pairs.push((Id::from(&*unescape(string_body(id).unwrap_or_default())), text.to_vec()));
        }
    }
    pairs
}

fn print_pairs(pairs: &Pairs) -> Vec<u8> {
    let mut out = b"[".to_vec();
    for (id, text) in pairs {
        if out.len() > 1 {
            out.push(b',');
        }
        if text.is_empty() {
            out.extend_from_slice(b"null,");
            escape_into(&mut out, id);
        } else {
            escape_into(&mut out, id);
            out.push(b',');
            out.extend_from_slice(text);
        }
    }
    out.push(b']');
    out
}

/// Where the index of a snapshot is.
fn index_of(snapshot: &Name) -> Name {
    Name::from(layout::index_path(&String::from_utf8_lossy(snapshot)).into_bytes())
}

fn version_of(text: Vec<u8>) -> Version {
    Version::from(text)
}

fn lock_name(lock: Lock) -> &'static [u8] {
    match lock {
        Lock::Single => b"false",
        Lock::Compaction => b"true",
    }
}

impl Carrier for JsCarrier {
    fn facts(&self) -> Facts {
        self.facts
    }

    fn now_ms(&self) -> i64 {
        self.now_ms.get()
    }

    fn random(&self) -> u64 {
        // splitmix64 (Steele, Lea, Flood 2014).
        let seed = self.random.get().wrapping_add(0x9E37_79B9_7F4A_7C15);
        self.random.set(seed);
        let mixed = (seed ^ (seed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    async fn pause(&self, ms: u64) {
        let _ = self.ask("pause", &[("ms", ms.to_string().as_bytes())]).await;
    }

    async fn manifest_version(&self) -> Answer<Version> {
        let (_, text) = self.ask("manifestVersion", &[]).await?;
        Ok(version_of(text))
    }

    async fn read_manifest(&self) -> Answer<Option<Vec<u8>>> {
        let (_, text) = self.ask("readManifest", &[]).await?;
        Ok((text != b"null").then_some(text))
    }

    async fn publish(&self, manifest: &[u8], condition: Option<&Version>) -> Answer<Option<Version>> {
        let mut fields = vec![("manifest", manifest)];
        if let Some(condition) = condition {
            fields.push(("condition", condition));
        }
        let (_, text) = self.ask("publish", &fields).await?;
        Ok((text != b"null").then(|| version_of(text)))
    }

    async fn read_log(&self, log: &Name) -> Answer<Vec<Vec<u8>>> {
        let (parts, is_text) = self.ask("readLog", &[("log", &quoted(log))]).await?;
        let lines = |part| match &*is_text {
            b"true" => lines_of(part),
            _ => elements(part).unwrap_or_default(),
        };
        Ok(parts.iter().flat_map(|part| lines(part)).map(<[u8]>::to_vec).collect())
    }

    async fn append(&self, log: &Name, lines: &[Vec<u8>]) -> Answer<()> {
        match self.wait("append", &[("log", &quoted(log)), ("operations", &list(lines))]).await {
            Answered::Done(..) => Ok(()),
            Answered::Failed(failure) => Err(failure),
            Answered::Held(failure) => Err(Failure { is_fenced: true, ..failure }),
        }
    }

    async fn close_log(&self, log: &Name) -> Answer<()> {
        self.ask("closeLog", &[("log", &quoted(log))]).await?;
        Ok(())
    }

    async fn change_token(&self) -> Answer<Version> {
        let (_, text) = self.ask("changeToken", &[]).await?;
        Ok(version_of(text))
    }

    async fn cut(&self, log: &Name) -> Answer<bool> {
        let (_, text) = self.ask("cut", &[("log", &quoted(log))]).await?;
        Ok(text == b"true")
    }

    async fn create_log(&self, agent: Option<&Name>) -> Answer<Name> {
        let agent = agent.map_or_else(|| b"null".to_vec(), |agent| quoted(agent));
        self.ask_path("createLog", &[("agent", &agent)]).await
    }

    async fn load_snapshot(&self, path: &Name) -> Answer<Loaded> {
        let (parts, version) = self.ask("loadSnapshot", &[("path", &quoted(path))]).await?;
        Ok(Loaded { records: pairs(&parts), version: to_integer(&version) })
    }

    async fn write_snapshot(&self, records: Records<'_>, version: u64) -> Answer<Name> {
        let is_empty: &[u8] = if records.only.is_some() { b"true" } else { b"false" };
        let is_indexed: &[u8] = if self.facts.keeps_indexes { b"true" } else { b"false" };
        let is_earlier: &[u8] = if records.earlier.is_some() { b"true" } else { b"false" };
        *self.steps.earlier.borrow_mut() =
            records.earlier.map(|past| (Arc::clone(records.store), past.clone()));
        let fields: [(&str, &[u8]); 5] = [
            ("version", &version.to_string().into_bytes()),
            ("without", &ids(records.without)),
            ("isEmpty", is_empty),
            ("isIndexed", is_indexed),
            ("isEarlier", is_earlier),
        ];
        self.ask_path("writeSnapshot", &fields).await
    }

    async fn write_index(&self, snapshot: &Name) -> Answer<()> {
        self.ask("writeIndex", &[("index", &quoted(&index_of(snapshot)))]).await?;
        Ok(())
    }

    async fn read_index(&self, snapshot: &Name, offset: u64, len: u64) -> Answer<Vec<u8>> {
        self.read_range(&index_of(snapshot), offset, len).await
    }

    async fn delete_index(&self, snapshot: &Name) -> Answer<()> {
        self.delete_note(&index_of(snapshot)).await
    }

    async fn read_range(&self, path: &Name, offset: u64, len: u64) -> Answer<Vec<u8>> {
        let fields: [(&str, &[u8]); 3] = [
            ("path", &quoted(path)),
            ("offset", &offset.to_string().into_bytes()),
            ("length", &len.to_string().into_bytes()),
        ];
        let (parts, _) = self.ask("readRange", &fields).await?;
        Ok(parts.concat())
    }

    async fn segment_ids(&self, path: &Name) -> Answer<Vec<Id>> {
        let (parts, _) = self.ask("segmentIds", &[("path", &quoted(path))]).await?;
        Ok(parts.iter().flat_map(|part| parse_ids(part)).collect())
    }

    async fn write_segment(&self, period: &Name, records: Records<'_>) -> Answer<Name> {
        let only = ids(records.only.unwrap_or_default());
        self.ask_path("writeSegment", &[("period", &quoted(period)), ("ids", &only)]).await
    }

    async fn load_segment(&self, path: &Name) -> Answer<Pairs> {
        let (parts, _) = self.ask("loadSegment", &[("path", &quoted(path))]).await?;
        Ok(pairs(&parts))
    }

    async fn write_note(&self, text: &[u8]) -> Answer<Name> {
        self.ask_path("writeNote", &[("text", text)]).await
    }

    async fn read_note(&self, path: &Name) -> Answer<Vec<u8>> {
        let (_, text) = self.ask("readNote", &[("path", &quoted(path))]).await?;
        Ok(text)
    }

    async fn delete_note(&self, path: &Name) -> Answer<()> {
        self.ask("deleteNote", &[("path", &quoted(path))]).await?;
        Ok(())
    }

    async fn delete_log(&self, path: &Name) -> Answer<Option<u64>> {
        let (_, text) = self.ask("deleteLog", &[("path", &quoted(path))]).await?;
        Ok(to_integer(&text))
    }

    async fn delete_snapshot(&self, path: &Name) -> Answer<Option<u64>> {
        let (_, text) = self.ask("deleteSnapshot", &[("path", &quoted(path))]).await?;
        Ok(to_integer(&text))
    }

    async fn lock(&self, lock: Lock) -> Answer<Taken> {
        match self.wait("lock", &[("isCompaction", lock_name(lock))]).await {
            Answered::Done(_, text) => Ok(Taken::Yes(to_integer(&text).unwrap_or_default())),
            Answered::Held(failure) => Ok(Taken::Held(failure)),
            Answered::Failed(failure) => Err(failure),
        }
    }

    async fn unlock(&self, lock: Lock, handle: u64) -> Answer<()> {
        let handle = handle.to_string();
        self.ask("unlock", &[("isCompaction", lock_name(lock)), ("handle", handle.as_bytes())]).await?;
        Ok(())
    }

    async fn sync(&self) -> Answer<()> {
        self.ask("sync", &[]).await?;
        Ok(())
    }

    async fn migrate(&self, from: u64, records: &Pairs) -> Answer<Vec<Vec<u8>>> {
        let fields: [(&str, &[u8]); 2] =
            [("from", &from.to_string().into_bytes()), ("records", &print_pairs(records))];
        let (parts, _) = self.ask("migrate", &fields).await?;
        let texts = parts.iter().flat_map(|part| elements(part).unwrap_or_default());
        Ok(texts.map(<[u8]>::to_vec).collect())
    }

    fn carries(&self, ticket: Option<u64>) {
        self.ticket.set(ticket);
    }

    fn begins(&self, phase: Phase, total: u64) {
        let phase = match phase {
            Phase::ReadSnapshot => "read-snapshot",
            Phase::WriteSnapshot => "write-snapshot",
            Phase::Archive => "archive",
        };
        let text = format!("{{\"number\":0,\"step\":\"begins\",\"phase\":\"{phase}\",\"total\":{total}}}");
        self.steps.asked.borrow_mut().push_back(text);
    }

    fn ends(&self) {
        self.steps.asked.borrow_mut().push_back("{\"number\":0,\"step\":\"ends\"}".to_owned());
    }
}
