//! What only a store without files does: a backend in JS keeps its bytes.

use napi::JsString;
use napi_derive::napi;

use super::catch::{caught, plain};
use super::json;
use super::store::NativeStore;
use super::text;

#[napi]
impl NativeStore {
    /// Starts anew.
    #[napi]
    pub fn reset(&self, agent: Option<JsString<'_>>) -> napi::Result<()> {
        let agent = agent.map(text::id).transpose()?;
        caught(|| {
            self.store.reset(agent.as_deref());
            Ok(())
        })
    }

    /// Applies operations, whose values are of this schema version unless they say another; returns how many are none.
    #[napi]
    pub fn apply_lines(&self, lines: Vec<JsString<'_>>, merge: bool, version: u32) -> napi::Result<f64> {
        let lines = lines.into_iter().map(text::json).collect::<napi::Result<Vec<_>>>()?;
        caught(|| Ok(self.store.apply_lines(lines, merge, version)? as f64))
    }

    /// Gives a record a value of this schema version without an operation.
    #[napi]
    pub fn load(&self, id: JsString<'_>, value: JsString<'_>, version: u32) -> napi::Result<()> {
        let (id, value) = (text::id(id)?, text::json(value)?);
        caught(|| self.store.load(&id, &value, version))
    }

    /// The newest operations' lines.
    #[napi]
    pub fn last_lines(&self, count: f64) -> napi::Result<Vec<String>> {
        caught(|| Ok(self.store.last_lines(count as usize).into_iter().map(text::to_js).collect()))
    }

    /// The first change since `begin_batch` has arrived.
    #[napi]
    pub fn commit_first(&self) -> napi::Result<()> {
        plain(|| self.store.commit_first())
    }

    /// A checkpoint holds the operations.
    #[napi]
    pub fn forget_operations(&self) -> napi::Result<()> {
        caught(|| {
            self.store.forget_operations();
            Ok(())
        })
    }

    /// Removes archived records, given as a JSON list of ids.
    #[napi]
    pub fn remove(&self, ids: JsString<'_>) -> napi::Result<()> {
        let ids = json::parse_ids(&text::json(ids)?);
        caught(|| self.store.remove(&ids))
    }
}
