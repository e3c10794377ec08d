//! Which logs went into which snapshot, from the newest snapshot back to where the history begins. The manifest lists the newest; what it
//! lists no more stands in notes, each of which names the one before. Notes never change.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use hashbrown::HashMap;

use crate::format::document::{Manifest, Name, Retired, parse_retired, print_retired, quoted};
use crate::json::array::elements;
use crate::json::string::unescape;
use crate::json::string_body;
use crate::protocol::carrier::{Carrier, Error};
use crate::protocol::session::Session;
use crate::transition::backend::{Paged, RETIRED_LIMIT};

/// A list of retired logs, and the note of those before.
pub(super) struct Page {
    pub(super) retired: Vec<Retired>,
    pub(super) older: Option<Name>,
}

/// Notes that were read.
#[derive(Default)]
pub(super) struct Pages(RefCell<HashMap<Name, Rc<Page>>>);

impl Page {
    pub(super) fn of(manifest: &Manifest) -> Self {
        Self { retired: manifest.retired(), older: manifest.text("older") }
    }

    fn parse(text: &[u8]) -> Option<Self> {
        let page = Manifest::of_line(text)?;
        Some(Self { retired: parse_retired(page.field("retired")?), older: page.text("older") })
    }

    fn print(&self) -> Vec<u8> {
        let mut out = b"{".to_vec();
        if let Some(older) = &self.older {
            out.extend_from_slice(b"\"older\":");
            out.extend_from_slice(&quoted(older));
            out.push(b',');
        }
        out.extend_from_slice(b"\"retired\":");
        out.extend_from_slice(&print_retired(&self.retired));
        out.push(b'}');
        out
    }
}

/// Whether the logs are known, how many of their operations counted, and the snapshot before.
fn is_known(retired: &Retired) -> bool {
    retired.from.is_some() && retired.counts.len() == retired.logs.len()
}

impl<C: Carrier> Session<C> {
    /// A note; `None` if it is gone.
    pub(super) async fn page(&self, path: &Name) -> Result<Option<Rc<Page>>, Error> {
        if let Some(page) = self.history.pages.0.borrow().get(path) {
            return Ok(Some(Rc::clone(page)));
        }
        let text = match self.carrier.read_note(path).await {
            Err(failure) if failure.is_missing => return Ok(None),
            text => text?,
        };
        let Some(page) = Page::parse(&text).map(Rc::new) else { return Ok(None) };
        self.history.pages.0.borrow_mut().insert(Arc::clone(path), Rc::clone(&page));
        Ok(Some(page))
    }

    /// Visits what can be told of snapshots, the newest first, until told to stop.
    pub(super) async fn visit_retired(
        &self,
        manifest: &Manifest,
        mut goes_on: impl FnMut(&Retired) -> bool,
    ) -> Result<(), Error> {
        let to = manifest.number("prunedTo");
        let mut expected = manifest.snapshots();
        let mut page = Rc::new(Page::of(manifest));
        loop {
            for retired in page.retired.iter().rev() {
                let is_next = retired.snapshot == expected && expected > to && is_known(retired);
                if !is_next || !goes_on(retired) {
                    return Ok(());
                }
                expected = expected.saturating_sub(1);
            }
            let Some(older) = page.older.clone().filter(|_| expected > to) else { return Ok(()) };
            let Some(next) = self.page(&older).await? else { return Ok(()) };
            page = next;
        }
    }

    /// The logs of an era that is over.
    pub(super) async fn retired_behind(
        &self,
        manifest: &Manifest,
        era: u64,
    ) -> Result<Option<Retired>, Error> {
        let mut found = None;
        self.visit_retired(manifest, |retired| {
            if retired.snapshot == era + 1 {
                found = Some(retired.clone());
            }
            retired.snapshot > era + 1
        })
        .await?;
        Ok(found)
    }

    /// The first era that can be told.
    pub(super) async fn first_era(&self, manifest: &Manifest) -> Result<u64, Error> {
        let mut first = manifest.snapshots();
        self.visit_retired(manifest, |retired| {
            first = retired.snapshot.saturating_sub(1);
            true
        })
        .await?;
        Ok(first)
    }

    /// Whether the history begins with the store.
    pub(super) async fn is_whole(&self, manifest: &Manifest) -> Result<bool, Error> {
        let mut first = manifest.snapshot();
        self.visit_retired(manifest, |retired| {
            first = retired.from.clone().unwrap_or_default();
            true
        })
        .await?;
        Ok(manifest.text("beginning") == Some(first))
    }

    /// Writes lists that the manifest would have too many of with the next to a note.
    pub(in crate::protocol) async fn paged(
        &self,
        manifest: &Manifest,
        more: usize,
    ) -> Result<Option<Paged>, Error> {
        let mut page = Page::of(manifest);
        let mut count = more + page.retired.iter().map(|retired| retired.logs.len().max(1)).sum::<usize>();
        if count <= RETIRED_LIMIT || !self.carrier.facts().keeps_notes {
            return Ok(None);
        }
        let mut going = 0;
        while count > RETIRED_LIMIT / 2
            && let Some(retired) = page.retired.get(going)
            // NOTE: the last one says how many snapshots there are.
            && going + 1 < page.retired.len()
        {
            count = count.saturating_sub(retired.logs.len().max(1));
            going += 1;
        }
        page.retired.truncate(going);
        let Some(to) = page.retired.last().map(|retired| retired.snapshot) else { return Ok(None) };
        let path = self.carrier.write_note(&page.print()).await?;
        Ok(Some(Paged { path, to }))
    }

    /// Notes which records an archive took to a segment.
    pub(in crate::protocol) async fn noted_archive(
        &self,
        segment: &Name,
        ids: &[crate::engine::Id],
    ) -> Result<Option<Name>, Error> {
        if ids.is_empty() || !self.carrier.facts().keeps_notes {
            return Ok(None);
        }
        let mut out = b"[".to_vec();
        out.extend_from_slice(&quoted(segment));
        for id in ids {
            out.push(b',');
            out.extend_from_slice(&quoted(id));
        }
        out.push(b']');
        Ok(Some(self.carrier.write_note(&out).await?))
    }

    /// What an archive took out: the segment, and the records. `None` if the note is gone.
    pub(super) async fn archived(&self, note: &Name) -> Result<Option<(Name, Vec<Name>)>, Error> {
        let text = match self.carrier.read_note(note).await {
            Err(failure) if failure.is_missing => return Ok(None),
            text => text?,
        };
        let mut names = elements(&text).unwrap_or_default().into_iter().filter_map(|text| {
            let name = unescape(string_body(text)?);
            Some(Name::from(&*name))
        });
        Ok(names.next().map(|segment| (segment, names.collect())))
    }
}
