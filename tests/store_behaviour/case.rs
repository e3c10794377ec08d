//! Agents on a file system that ignores case.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use opslog::disk::sim::SimDisk;
use opslog::disk::{Disk, DiskFile, FileInfo, OpenMode};
use opslog::error::Result;
use opslog::store::{Options, Store};

use super::support::*;

/// A disk that finds files whatever the case of their names, and keeps the case with which they were created.
#[derive(Clone)]
struct IgnoringCase(SimDisk);

impl IgnoringCase {
    fn there(&self, path: &Path) -> PathBuf {
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return path.to_path_buf() };
        let wanted = name.to_str().unwrap().to_lowercase();
        let names = self.0.list(folder).unwrap_or_default();
        names
            .iter()
            .find(|name| name.to_lowercase() == wanted)
            .map_or(path.to_path_buf(), |name| folder.join(name))
    }
}

impl Disk for IgnoringCase {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn DiskFile>> {
        self.0.open(&self.there(path), mode)
    }

    fn info(&self, path: &Path) -> io::Result<FileInfo> {
        self.0.info(&self.there(path))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.rename(&self.there(from), &self.there(to))
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.link(&self.there(from), &self.there(to))
    }

    fn unlink(&self, path: &Path) -> io::Result<()> {
        self.0.unlink(&self.there(path))
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        self.0.list(folder)
    }

    fn create_folder(&self, folder: &Path) -> io::Result<()> {
        self.0.create_folder(folder)
    }

    fn remove_folder(&self, folder: &Path) -> io::Result<()> {
        self.0.remove_folder(folder)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.0.sync_folder(folder)
    }
}

fn agent(disk: impl Disk + 'static, name: &str) -> Result<Arc<Store>> {
    Ok(try_open(disk, Options { agent: Some(name.into()), ..options() })?.store)
}

#[test]
fn an_agent_is_refused_whose_name_is_another_agents_where_case_is_ignored() {
    let disk = IgnoringCase(SimDisk::new());
    let first = agent(disk.clone(), "Bob").unwrap();
    set(&first, "a", "1");
    for is_open in [true, false] {
        let error = agent(disk.clone(), "bob").err().unwrap();
        assert_eq!(error.code(), "OPSLOG_INVALID_ARGUMENT", "{error}");
        assert!(error.to_string().contains("'bob' and 'Bob'"), "{error}");
        if is_open {
            first.close().unwrap();
        }
    }
    let other = agent(disk.clone(), "bobby").unwrap();
    let again = agent(disk.clone(), "Bob").unwrap();
    set(&again, "b", "2");
    set(&other, "c", "3");
    assert_eq!(records(&reader(&disk.0)), ["a=1", "b=2", "c=3"]);
}

#[test]
fn agents_whose_names_differ_in_case_are_two_where_case_counts() {
    let disk = SimDisk::new();
    let (one, other) = (agent(disk.clone(), "Bob").unwrap(), agent(disk.clone(), "bob").unwrap());
    one.follow().unwrap();
    set(&one, "a", "1");
    set(&other, "b", "2");
    assert_eq!(records(&reader(&disk)), ["a=1", "b=2"]);
}
