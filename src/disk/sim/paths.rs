//! What a simulated disk does by path, on top of [`super::state`]: the rules of POSIX for names that are
//! taken, missing, or lead to something of the wrong kind.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::super::OpenMode;
use super::errno::Errno;
use super::names::Added;
use super::state::{Id, Names, Node, ROOT, State};

impl State {
    /// Folder and last name of a path that must lead nowhere yet.
    pub(super) fn free_name(&self, path: &Path) -> io::Result<(Id, String)> {
        let (folder, name) = self.parent(path)?;
        match self.names(folder)?.contains_key(&name) {
            true => Err(Errno::Exists.error()),
            false => Ok((folder, name)),
        }
    }

    /// Whether an existing file may be opened so.
    pub(super) fn may_open(&self, id: Id, mode: OpenMode) -> io::Result<()> {
        let inode = self.inode(id)?;
        let writes = !mode.is_read_only();
        match &inode.node {
            Node::Symlink(_) => Err(Errno::Loop.error()),
            Node::Folder { .. } if mode != OpenMode::Read => Err(Errno::IsFolder.error()),
            _ if writes && self.traits.read_only => Err(Errno::ReadOnlySystem.error()),
            _ if !inode.readable || (writes && !inode.writable) => Err(Errno::Access.error()),
            _ => Ok(()),
        }
    }

    pub(super) fn rename_path(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let (from_place, to_place) = (self.parent(from)?, self.parent(to)?);
        let id = self.find(from, false)?;
        if to != from && to.starts_with(from) {
            return Err(Errno::Invalid.error());
        }
        if to != from && from.starts_with(to) {
            return Err(Errno::NotEmpty.error());
        }
        let moves_folder = matches!(self.inode(id)?.node, Node::Folder { .. });
        if let Some(replaced) = self.names(to_place.0)?.get(&to_place.1).copied() {
            // Two names of one file: POSIX leaves both.
            if replaced == id {
                return Ok(());
            }
            match (&self.inode(replaced)?.node, moves_folder) {
                (Node::Folder { .. }, false) => return Err(Errno::IsFolder.error()),
                (Node::Folder { live, .. }, true) if !live.is_empty() => {
                    return Err(Errno::NotEmpty.error());
                }
                (Node::File(_) | Node::Symlink(_), true) => return Err(Errno::NotFolder.error()),
                _ => {}
            }
        }
        self.rename(from_place, to_place, id)
    }

    /// Creates a folder and those above it.
    pub(super) fn create_folders(&mut self, folder: &Path) -> io::Result<()> {
        let mut missing = Vec::new();
        for above in folder.ancestors() {
            match self.find(above, true) {
                Ok(id) if missing.is_empty() && self.names(id).is_err() => {
                    return Err(Errno::Exists.error());
                }
                Ok(id) => {
                    self.names(id)?;
                    break;
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => missing.push(above),
                Err(error) => return Err(error),
            }
        }
        for above in missing.into_iter().rev() {
            let (folder, name) = self.free_name(above)?;
            let id = self.create(Node::Folder { durable: Names::new(), live: Names::new() });
            self.add_name(Added::Folder, folder, name, id)?;
        }
        Ok(())
    }

    /// All files by path; folders end in `/`.
    pub(super) fn tree(&self, durable_only: bool) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut found = BTreeMap::new();
        let mut folders = vec![(String::from("/"), ROOT)];
        while let Some((path, id)) = folders.pop() {
            let Ok(inode) = self.inode(id) else {
                continue;
            };
            match &inode.node {
                Node::Folder { durable, live } => {
                    let names = if durable_only { durable } else { live };
                    for (name, id) in names {
                        let separator = if path.ends_with('/') { "" } else { "/" };
                        folders.push((format!("{path}{separator}{name}"), *id));
                    }
                    if id != ROOT {
                        found.insert(PathBuf::from(format!("{path}/")), Vec::new());
                    }
                }
                Node::File(file) => {
                    let content = if durable_only { &file.durable } else { &file.live };
                    found.insert(PathBuf::from(path), content.clone());
                }
                Node::Symlink(target) => {
                    let target = target.to_string_lossy().into_owned();
                    found.insert(PathBuf::from(path), target.into_bytes());
                }
            }
        }
        found
    }
}
