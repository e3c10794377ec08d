//! Names on a simulated disk: what a process sees changes at once, what is durable follows when the folder
//! is synced. Until then the changes wait in one journal, in the order in which they were made.

use std::collections::BTreeSet;
use std::io;

use super::state::{Id, Inode, Node, State};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Added {
    File,
    Folder,
    Link,
}

/// A change of names that is not durable yet.
#[derive(Debug, Clone)]
pub(super) enum NameChange {
    Add { how: Added, folder: Id, name: String, id: Id },
    Remove { folder: Id, name: String },
    Rename { from: (Id, String), to: (Id, String), id: Id },
}

impl NameChange {
    fn folders(&self) -> [Id; 2] {
        match self {
            Self::Add { folder, .. } | Self::Remove { folder, .. } => [*folder; 2],
            Self::Rename { from, to, .. } => [from.0, to.0],
        }
    }
}

impl State {
    /// Gives an inode a name that is free.
    pub(super) fn add_name(&mut self, how: Added, folder: Id, name: String, id: Id) -> io::Result<()> {
        self.names_mut(folder)?.insert(name.clone(), id);
        self.inode_mut(id)?.links += 1;
        self.touch(folder)?;
        self.journal.push(NameChange::Add { how, folder, name, id });
        Ok(())
    }

    pub(super) fn remove_name(&mut self, folder: Id, name: String, id: Id) -> io::Result<()> {
        self.names_mut(folder)?.remove(&name);
        self.unname(id)?;
        self.touch(folder)?;
        self.journal.push(NameChange::Remove { folder, name });
        Ok(())
    }

    pub(super) fn rename(&mut self, from: (Id, String), to: (Id, String), id: Id) -> io::Result<()> {
        self.names_mut(from.0)?.remove(&from.1);
        if let Some(replaced) = self.names_mut(to.0)?.insert(to.1.clone(), id) {
            self.unname(replaced)?;
        }
        self.touch(from.0)?;
        self.touch(to.0)?;
        self.journal.push(NameChange::Rename { from, to, id });
        Ok(())
    }

    /// Makes the names of a folder durable, and those of folders that a rename ties to it.
    pub(super) fn sync_folder(&mut self, folder: Id) -> io::Result<()> {
        self.names(folder)?;
        let mut tied = BTreeSet::from([folder]);
        loop {
            let before = tied.len();
            for change in &self.journal {
                let folders = change.folders();
                if folders.iter().any(|folder| tied.contains(folder)) {
                    tied.extend(folders);
                }
            }
            if tied.len() == before {
                break;
            }
        }
        for change in std::mem::take(&mut self.journal) {
            match tied.contains(&change.folders()[0]) {
                true => self.settle(&change),
                false => self.journal.push(change),
            }
        }
        Ok(())
    }

    /// Carries out a change of names on what is durable.
    pub(super) fn settle(&mut self, change: &NameChange) {
        match change {
            NameChange::Add { folder, name, id, .. } => self.settle_name(*folder, name, Some(*id)),
            NameChange::Remove { folder, name, .. } => self.settle_name(*folder, name, None),
            NameChange::Rename { from, to, id } => {
                if self.durable_name(from.0, &from.1) == Some(*id) {
                    self.settle_name(from.0, &from.1, None);
                }
                self.settle_name(to.0, &to.1, Some(*id));
                if let Ok(file) = self.file_mut(*id) {
                    file.renamed_first |= !file.pending.is_empty();
                }
            }
        }
    }

    fn durable_name(&self, folder: Id, name: &str) -> Option<Id> {
        match &self.inodes.get(&folder)?.node {
            Node::Folder { durable, .. } => durable.get(name).copied(),
            _ => None,
        }
    }

    fn settle_name(&mut self, folder: Id, name: &str, id: Option<Id>) {
        if let Some(Inode { node: Node::Folder { durable, .. }, .. }) = self.inodes.get_mut(&folder) {
            match id {
                Some(id) => durable.insert(name.to_owned(), id),
                None => durable.remove(name),
            };
        }
    }

    /// Makes durable what was changed since the journal had this length, and nothing else.
    pub(super) fn settle_since(&mut self, len: usize) {
        for change in self.journal.split_off(len.min(self.journal.len())) {
            self.settle(&change);
        }
    }
}
