//! Files that are one JSON document: the manifest and archive segments.

use super::{Damage, Remedy, Subject, Verifier};
use crate::disk::read_exact_at;
use crate::error::Result;
use crate::format::{Invalid, archive, manifest};
use crate::json::Members;
use crate::layout;
use crate::store::missing_logs;

impl Verifier<'_> {
    /// Checks the manifest, and that what it names is there. A log may be missing, if it was empty.
    pub(super) fn manifest(&mut self, text: Option<&[u8]>) -> Result<()> {
        let Some(text) = text else {
            self.of_manifest(None, "the manifest is missing, and there is data");
            return Ok(());
        };
        if let Err(error) = std::str::from_utf8(text) {
            self.of_manifest(Some(error.valid_up_to() as u64), NOT_UTF8);
            return Ok(());
        }
        let manifest = match manifest::parse(text) {
            Ok(manifest) => manifest,
            Err(Invalid::NotJson { offset }) => {
                self.of_manifest(Some(deepest(text, offset)), "the manifest is not valid JSON");
                return Ok(());
            }
            Err(Invalid::Rule(rule)) => {
                self.of_manifest(Some(0), &format!("the manifest is not valid: {rule}"));
                return Ok(());
            }
        };
        let segments = manifest.archive_segments.iter().map(|path| (layout::ARCHIVE, path, true));
        let agents = manifest.active_agent_ops.iter().flatten().map(|(_, path)| (layout::OPS, path, false));
        let named: Vec<_> = [(layout::SNAPSHOTS, &manifest.current_snapshot, true)]
            .into_iter()
            .chain([(layout::OPS, &manifest.active_ops, false)])
            .chain(agents)
            .chain(segments)
            .map(|(folder, path, needed)| (folder, path.clone(), needed))
            .collect();
        for (folder, relative, needed) in named {
            match layout::inside(self.root, folder, &relative) {
                Err(_) => {
                    let shown = relative.escape_debug();
                    self.of_manifest(
                        Some(0),
                        &format!("it names \"{shown}\", which is not inside {folder}/"),
                    );
                }
                Ok(path) if needed && self.is_missing(&path) => self.push(Damage {
                    path,
                    offset: None,
                    what: "the manifest names this file, and it is missing".into(),
                    current: true,
                    remedy: Remedy::None,
                }),
                Ok(_) => {}
            }
        }
        for log in missing_logs(self.disk, self.root, &manifest)? {
            let what = log.what();
            self.push(Damage { path: log.path, offset: None, what, current: true, remedy: Remedy::None });
        }
        self.manifest = Some(manifest);
        Ok(())
    }

    fn is_missing(&self, path: &std::path::Path) -> bool {
        self.disk.info(path).is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
    }

    fn of_manifest(&mut self, offset: Option<u64>, what: &str) {
        let path = self.root.join(layout::MANIFEST);
        self.push(Damage { path, offset, what: what.into(), current: true, remedy: Remedy::None });
    }

    /// Checks an archive segment.
    pub(super) fn archive(&mut self, segment: &Subject) -> Result<()> {
        let content = read_exact_at(&*segment.file, 0, segment.len as usize)
            .map_err(|source| segment.failed(source))?;
        if let Err(error) = std::str::from_utf8(&content) {
            self.damaged(segment, error.valid_up_to() as u64, Remedy::None, NOT_UTF8);
            return Ok(());
        }
        match archive::parse_segment(&content) {
            Ok(records) => {
                let period = archive::period(&content).unwrap_or_default();
                let is_named_so = layout::archive(&period) == segment.relative;
                if !is_named_so && !segment.current {
                    // A copy under another name.
                    self.report.foreign.push(segment.path.clone());
                    return Ok(());
                }
                self.report.archived += records.len() as u64;
                if !is_named_so {
                    let what = format!("the segment says that it is of {}", period.escape_debug());
                    self.damaged(segment, 0, Remedy::None, what);
                }
            }
            Err(Invalid::NotJson { offset }) => {
                let offset = deepest(&content, offset);
                self.damaged(segment, offset, Remedy::None, "the archive segment is not valid JSON");
            }
            Err(Invalid::Rule(rule)) => {
                self.damaged(segment, 0, Remedy::None, format!("the archive segment is not valid: {rule}"));
            }
        }
        Ok(())
    }
}

/// How deep in objects a damaged place is looked for.
const LEVELS: u32 = 32;

/// Where a text stops making sense, given where the member of it begins that does.
pub(super) fn deepest(text: &[u8], offset: usize) -> u64 {
    let mut at = offset;
    // Each level is read from its beginning to where it stops making sense.
    for _ in 0..LEVELS {
        let Some(rest) = text.get(at..).filter(|rest| rest.starts_with(b"{")) else { break };
        match Members::new(rest).find_map(Result::err) {
            Some(malformed) if malformed.offset > 0 => at += malformed.offset,
            _ => break,
        }
    }
    at as u64
}

/// No writer writes such text: it is printed by V8.
pub(super) const NOT_UTF8: &str = "a byte that cannot stand in UTF-8";
