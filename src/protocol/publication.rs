//! Reading and changing the manifest. Every change is read, modify, publish: on the condition that it is still what was
//! read, or, without conditional writes, with a look just before and after. A publication that failed is looked for by its
//! stamp; one that is not there is made impossible by another that succeeds, or stays in doubt.

use std::rc::Rc;

use super::append::failure_of;
use super::carrier::{Carrier, Error, Failure, Version};
use super::manifests::Known;
use super::session::{Session, missing, token};
use crate::error::Code;
use crate::format::document::Manifest;
use crate::transition::backend::{ANCESTORS, Stamp, stamped};

/// How often a change is tried that others overtake.
const UPDATE_ATTEMPTS: u32 = 100;
/// How often a publication may be refused although the manifest is the one that was read.
const REFUSALS: u32 = 5;
/// How often the manifest is read when it must be known.
pub(super) const LOOKS: u32 = 3;

/// The manifest as it was read, if there is one.
pub(super) struct Found {
    pub manifest: Option<Rc<Manifest>>,
    pub version: Version,
}

impl Found {
    /// It must be there.
    pub fn known(self) -> Result<Known, Error> {
        let manifest = self.manifest.ok_or_else(missing)?;
        Ok(Known { manifest, version: self.version })
    }
}

/// A manifest that is to be changed: the next one has this number, and is published if it is still the one that was read.
pub(super) struct Turn {
    before: Found,
    generation: u64,
}

impl Turn {
    /// The manifest, which must be there.
    pub fn manifest(&self) -> Result<&Rc<Manifest>, Error> {
        self.before.manifest.as_ref().ok_or_else(missing)
    }

    /// The same, with its version.
    pub fn known(self) -> Result<Known, Error> {
        self.before.known()
    }

    /// The number of the next.
    pub fn generation(&self) -> u64 {
        self.generation
    }
}

/// The turns of one change of the manifest.
#[derive(Default)]
pub(super) struct Turns {
    attempt: u32,
    /// What the last turn has read.
    last: Option<Option<Rc<Manifest>>>,
    /// How often that was refused since.
    refusals: u32,
}

impl<C: Carrier> Session<C> {
    /// Reads the manifest, with the version that it had at most.
    pub(super) async fn read(&self) -> Result<Found, Error> {
        // NOTE: in this order. A version older than the manifest is noticed later, a newer one never would be.
        let version = self.version().await?;
        let Some(text) = self.carrier.read_manifest().await? else {
            return Ok(Found { manifest: None, version });
        };
        let manifest = Manifest::parse(&text).map_err(|what| {
            Error::rule(Code::Corrupt, format!("readManifest() returned what is no manifest: {what}"))
        })?;
        self.manifests.see_generation(&manifest);
        Ok(Found { manifest: Some(Rc::new(manifest)), version })
    }

    /// The version of the manifest, by which changes of others are noticed.
    async fn version(&self) -> Result<Version, Error> {
        if self.carrier.facts().is_private {
            return Ok((*b"").into());
        }
        Ok(self.carrier.manifest_version().await?)
    }

    /// As `read()`, more than once if it fails.
    pub(super) async fn read_patiently(&self) -> Result<Found, Error> {
        let mut attempt = 0;
        loop {
            match self.read().await {
                Err(_) if attempt + 1 < LOOKS => {
                    attempt += 1;
                    self.pause(attempt).await;
                }
                read => return read,
            }
        }
    }

    /// The manifest as it is now: what is known, if nothing changed.
    pub(super) async fn look(&self, known: &Known) -> Result<Known, Error> {
        if self.carrier.facts().exact_versions && self.version().await? == known.version {
            return Ok(known.clone());
        }
        let found = self.read().await?.known()?;
        if found.manifest == known.manifest {
            return Ok(Known { manifest: Rc::clone(&known.manifest), version: found.version });
        }
        Ok(found)
    }

    /// As `read()`. A manifest that is known is read only if it has another version by now.
    pub(super) async fn read_anew(&self) -> Result<Found, Error> {
        let known = self.manifests.known();
        let Some(known) = known.filter(|_| self.carrier.facts().exact_versions) else {
            return self.read().await;
        };
        let Known { manifest, version } = self.look(&known).await?;
        Ok(Found { manifest: Some(manifest), version })
    }

    /// Changes the manifest. `change` gets the manifest as it is, and the number of the next; it returns `None` if there is
    /// nothing to change, and is called again when another writer was faster.
    pub(super) async fn update(
        &self,
        mut change: impl AsyncFnMut(Option<&Rc<Manifest>>, u64) -> Result<Option<Manifest>, Error>,
    ) -> Result<Known, Error> {
        let mut turns = Turns::default();
        loop {
            let turn = self.turn(&mut turns).await?;
            let Some(next) = change(turn.before.manifest.as_ref(), turn.generation).await? else {
                return turn.known();
            };
            if let Some(written) = self.publish(&turn, &next).await? {
                return Ok(written);
            }
        }
    }

    /// Reads the manifest for a change. Another writer may have been faster in the turns before.
    pub(super) async fn turn(&self, turns: &mut Turns) -> Result<Turn, Error> {
        let attempt = turns.attempt;
        if attempt == UPDATE_ATTEMPTS {
            let message = "The manifest changes too fast to be changed. Try again later.";
            return Err(Error::rule(Code::Locked, message));
        }
        turns.attempt += 1;
        if attempt > 0 {
            self.pause(attempt).await;
        }
        let before = if attempt == 0 { self.read_anew().await? } else { self.read().await? };
        turns.refusals = if turns.last.as_ref() == Some(&before.manifest) { turns.refusals + 1 } else { 0 };
        if turns.refusals == REFUSALS {
            return Err(unsafe_backend("it refuses to replace a manifest that no other writer has changed"));
        }
        turns.last = Some(before.manifest.clone());
        Ok(Turn { before, generation: self.manifests.next_generation() })
    }

    /// Publishes the manifest that a turn was for. `None` if another writer was faster.
    pub(super) async fn publish(&self, turn: &Turn, next: &Manifest) -> Result<Option<Known>, Error> {
        let stamp = Stamp { generation: turn.generation, stamp: token(&self.carrier) };
        self.replace(&turn.before, stamped(next, &stamp)).await
    }

    /// Replaces the manifest that a single writer knows. `OPSLOG_LOCKED` if it is another by now.
    pub(super) async fn replace_own(&self, next: Manifest) -> Result<Known, Error> {
        let Known { manifest, version } = self.known()?;
        let before = Found { manifest: Some(manifest), version };
        for attempt in 0..REFUSALS {
            let stamp = Stamp { generation: self.manifests.next_generation(), stamp: token(&self.carrier) };
            if let Some(written) = self.replace(&before, stamped(&next, &stamp)).await? {
                if written.manifest.text("stamp") != Some(stamp.stamp) {
                    // It took effect, and another writer has published since.
                    self.writer.replaced();
                }
                return Ok(written);
            }
            // Object stores also refuse what met another request.
            if self.read().await?.manifest != before.manifest {
                break;
            }
            self.pause(attempt).await;
        }
        Err(taken_over())
    }

    /// Publishes the first manifest, where there was none. `None` if another writer was faster.
    pub(super) async fn create(&self, before: &Found, next: Manifest) -> Result<Option<Known>, Error> {
        let stamp = Stamp { generation: self.manifests.next_generation(), stamp: token(&self.carrier) };
        self.replace(before, stamped(&next, &stamp)).await
    }

    /// Publishes a manifest in the place of one that was read. `None` if another writer was faster.
    async fn replace(&self, before: &Found, next: Manifest) -> Result<Option<Known>, Error> {
        let facts = self.carrier.facts();
        if !facts.conditional && !self.is_unchanged(before).await? {
            return Ok(None);
        }
        let is_conditional = facts.conditional && !planted!("world-version-not-compared");
        let condition = is_conditional.then_some(&before.version);
        match self.carrier.publish(&next.print(), condition).await {
            Ok(Some(version)) if is_conditional => Ok(Some(self.published(next, version))),
            Ok(_) if self.is_alone() && !is_conditional => {
                // It is published, whether or not its version can be told: one that is not known is read again.
                let version = self.version().await.unwrap_or_else(|_| (*b"").into());
                Ok(Some(self.published(next, version)))
            }
            Ok(_) => {
                // Refused, or overwritten; or a publication that was carried out twice met itself.
                match self.read_patiently().await {
                    Ok(found) => Ok(self.recognised(next, found)),
                    Err(error) => Err(self.manifest_in_doubt(&failure_of(error))),
                }
            }
            Err(failure) if planted!("world-manifest-error-swallowed") => Err(failure.into()),
            Err(failure) => self.settle_publication(before, next, failure).await,
        }
    }

    /// A publication failed: did it take effect, and can it still?
    async fn settle_publication(
        &self,
        before: &Found,
        next: Manifest,
        failure: Failure,
    ) -> Result<Option<Known>, Error> {
        let facts = self.carrier.facts();
        let Ok(found) = self.read_patiently().await else { return Err(self.manifest_in_doubt(&failure)) };
        if is_ours(&next, &found) || is_after(&next, &found) {
            return Ok(self.recognised(next, found));
        }
        let passed = found.manifest.as_ref().map_or(0, |found| found.number("generation"));
        if passed > next.number("generation") + ANCESTORS as u64 {
            // So many have been published since that this one may be among them.
            return Err(self.manifest_in_doubt(&failure));
        }
        let is_unchanged = found.manifest == before.manifest;
        if !facts.conditional {
            let may_come = failure.is_unanswered && is_unchanged;
            return Err(if may_come { self.manifest_in_doubt(&failure) } else { failure.into() });
        }
        if !is_unchanged {
            // Its condition cannot hold any more.
            return Ok(None);
        }
        // What does not exist yet may come into being later: an empty store.
        let Some(manifest) = &before.manifest else { return Err(failure.into()) };
        match self.touch(manifest, &before.version).await {
            Ok(true) => Err(failure.into()),
            Ok(false) => match self.read_patiently().await {
                Ok(found) => Ok(self.recognised(next, found)),
                Err(_) => Err(self.manifest_in_doubt(&failure)),
            },
            Err(_) => Err(self.manifest_in_doubt(&failure)),
        }
    }

    /// Publishes a manifest once more, with another stamp: from then on no earlier publication can take effect. `false` if
    /// one has.
    pub(super) async fn touch(&self, manifest: &Manifest, version: &Version) -> Result<bool, Error> {
        if planted!("world-late-manifest-ignored") {
            return Ok(true);
        }
        let stamp = Stamp { generation: self.manifests.next_generation(), stamp: token(&self.carrier) };
        let touched = stamped(manifest, &stamp);
        Ok(self.carrier.publish(&touched.print(), Some(version)).await?.is_some())
    }

    async fn is_unchanged(&self, before: &Found) -> Result<bool, Error> {
        if self.carrier.facts().is_private {
            return Ok(true);
        }
        let Some(manifest) = &before.manifest else {
            return Ok(self.carrier.read_manifest().await?.is_none());
        };
        let known = Known { manifest: Rc::clone(manifest), version: Rc::clone(&before.version) };
        let found = self.look(&known).await?;
        // What else stands in it, an old version may have dropped.
        let files = |manifest: &Manifest| {
            ["currentSnapshot", "activeOps", "activeAgentOps", "writer"]
                .map(|key| manifest.field(key).map(<[u8]>::to_vec))
        };
        Ok(found.manifest == *manifest || self.agent().is_none() && files(&found.manifest) == files(manifest))
    }

    fn published(&self, manifest: Manifest, version: Version) -> Known {
        self.manifests.see_generation(&manifest);
        Known { manifest: Rc::new(manifest), version }
    }

    /// What was published, if it is there, or was before what is there.
    fn recognised(&self, next: Manifest, found: Found) -> Option<Known> {
        if is_ours(&next, &found) {
            return Some(self.published(next, found.version));
        }
        is_after(&next, &found).then_some(())?;
        Some(Known { manifest: found.manifest?, version: found.version })
    }

    fn manifest_in_doubt(&self, failure: &Failure) -> Error {
        self.writer.doubts(failure, None);
        unknown("a new manifest", failure)
    }
}

/// Whether what was found is what was published.
fn is_ours(next: &Manifest, found: &Found) -> bool {
    found.manifest.as_ref().is_some_and(|found| found.field("stamp") == next.field("stamp"))
}

/// Whether what was found was made from what was published.
fn is_after(next: &Manifest, found: &Found) -> bool {
    let Some(stamp) = next.text("stamp") else { return false };
    let found = found.manifest.as_ref();
    found.is_some_and(|found| found.list("ancestors").contains(&stamp)) && !planted!("world-ancestors-unread")
}

/// It is not known whether something took effect.
pub(super) fn unknown(what: &str, failure: &Failure) -> Error {
    let message = format!(
        "It is not known whether {what} took effect: {}. Nothing is acknowledged until that is known.",
        failure.message
    );
    Error::caused(Code::Failed, message, failure)
}

/// Another writer took the store over.
pub(super) fn taken_over() -> Error {
    let message = "Another writer has taken this store over, and a checkpoint would undo its work. \
                   Close the store and open it again.";
    Error::rule(Code::Locked, message)
}

/// Two writers cannot be kept apart.
pub(super) fn unsafe_backend(what: &str) -> Error {
    let message = format!(
        "This backend cannot keep two writers apart: {what}. With it, agents would lose each other's writes. \
         Use a server that honours conditional writes, or a backend without writeManifestIf() and no agentId."
    );
    Error::rule(Code::UnsafeBackend, message)
}
