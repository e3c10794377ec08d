//! The lock of a folder that agents share: appends hold it shared and never wait for each other, a change of
//! the manifest or a transaction holds it alone. The entry lock is taken before it; an exclusive waiter keeps the entry lock while
//! it waits, so that appends cannot starve it, and gives way to appends that wait (`waiting`), so that it cannot starve them. Kernel
//! locks die with their holder. A holder that is stopped keeps the others out: they give up after a time, with an error, and steal nothing.
//!
//! The counter in the file tells an append whether the manifest has changed since its agent read it. It is
//! raised before the manifest changes, so a crash between the two costs the others one needless look.

mod turn;
mod waiting;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{ArcMutexGuard, MappedMutexGuard, Mutex, MutexGuard, RawMutex};

use crate::disk::{Disk, DiskFile, OpenMode, write_all_at};
use crate::error::{Error, Result};
use crate::layout;
use crate::patience::{Patience, SECONDS};

pub use turn::Place;
use turn::Turn;
use waiting::{Approach, Waiting};

/// So many pauses are made for the turn at least before their thread is left to other stores of the process.
const PAUSES: u32 = 4;
/// The same, of the short pauses of the store that is next.
const SHORT_PAUSES: u32 = 5 * PAUSES;

/// So many short pauses are made for an append before its thread is left to others: what it waits for may be in need of it.
const APPEND_PAUSES: u32 = 20;

/// The lock files, opened twice: for appends, and for callers that want the lock alone.
pub struct Gate {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    appends: Mutex<Option<Pair>>,
    changes: Arc<Mutex<Option<Pair>>>,
    waiting: Mutex<Option<Waiting>>,
    turn: Mutex<Option<Turn>>,
    /// How long this store is kept out still; `None` where it was not when it last asked.
    kept_out: Mutex<Option<Patience>>,
}

struct Pair {
    entry: Arc<dyn DiskFile>,
    folder: Arc<dyn DiskFile>,
    /// Shared while appends wait.
    waiting: Arc<dyn DiskFile>,
}

/// The lock, held with others.
pub struct Shared<'a> {
    pair: MappedMutexGuard<'a, Pair>,
}

/// The lock, held alone.
pub struct Exclusive<'a> {
    pair: Files<'a>,
}

/// The files of a lock that is held: for the time of a function, or until it is dropped, on whatever thread.
enum Files<'a> {
    Borrowed(MappedMutexGuard<'a, Pair>),
    Kept(ArcMutexGuard<RawMutex, Option<Pair>>),
}

impl Files<'_> {
    /// `None` if the store was closed.
    fn get(&self) -> Option<&Pair> {
        match self {
            Self::Borrowed(pair) => Some(pair),
            Self::Kept(pair) => pair.as_ref(),
        }
    }
}

impl Pair {
    fn open(disk: &Arc<dyn Disk>, root: &Path) -> Result<Self> {
        Ok(Self {
            entry: open_or_create(&**disk, &layout::entry_lock(root))?,
            folder: open_or_create(&**disk, &layout::folder_lock(root))?,
            waiting: open_or_create(&**disk, &layout::waiting_lock(root))?,
        })
    }
}

impl Gate {
    /// Opens the lock files of a folder, creating them.
    ///
    /// # Errors
    /// `OPSLOG_IO`.
    pub fn open(disk: &Arc<dyn Disk>, root: &Path) -> Result<Self> {
        let (appends, changes) = (Pair::open(disk, root)?, Pair::open(disk, root)?);
        let changes = Arc::new(Mutex::new(Some(changes)));
        let waiting = Mutex::new(Some(Waiting::new(Arc::clone(&appends.waiting))));
        let turn = Mutex::new(Some(Turn::new(Arc::clone(disk), root)));
        let (disk, path, appends) = (Arc::clone(disk), layout::folder_lock(root), Mutex::new(Some(appends)));
        Ok(Self { disk, path, appends, changes, waiting, turn, kept_out: Mutex::new(None) })
    }

    /// Says that an append of this store waits, until [`Gate::arrived`]: callers that want the lock alone let it pass.
    ///
    /// # Errors
    /// `OPSLOG_IO`.
    pub fn waits(&self) -> Result<()> {
        let told = self.told(Waiting::add);
        if told.is_err() {
            self.arrived();
        }
        told
    }

    /// Says that an append of this store waits no more.
    pub fn arrived(&self) {
        if let Some(waiting) = &mut *self.waiting.lock() {
            waiting.remove();
        }
    }

    fn told(&self, change: fn(&mut Waiting) -> io::Result<()>) -> Result<()> {
        let told = self.waiting.lock().as_mut().map_or(Ok(()), change);
        told.map_err(|source| Error::agent_lock(&self.path, source))
    }

    /// Takes the turn, if it is free, or becomes the next to have it. `true`: this store has it.
    ///
    /// # Errors
    /// `OPSLOG_IO`.
    pub fn try_turn(&self) -> Result<bool> {
        let taken = self.turn.lock().as_mut().map_or(Ok(false), Turn::try_take);
        taken.map_err(|source| Error::agent_lock(&self.path, source))
    }

    /// Comes one step nearer to the turn, waiting for other stores, but not without end: the process of one of them may be stopped. Nor is
    /// the thread kept for long where a store of the same process wants the turn too: it may need this thread to give the turn up.
    ///
    /// # Errors
    /// `OPSLOG_IO`.
    pub fn approach_turn(&self) -> Result<Place> {
        let Some(patience) = self.turn.lock().as_mut().map(Turn::take_patience) else {
            return Ok(Place::Without);
        };
        let was_next = self.is_next();
        let kept = if was_next { SHORT_PAUSES } else { PAUSES };
        for pauses in 0.. {
            if self.try_turn()? {
                return Ok(Place::Turn);
            }
            let is_next = self.is_next();
            if is_next && !was_next {
                return Ok(Place::Next);
            }
            if pauses >= kept && Turn::is_shared() {
                if let Some(turn) = &mut *self.turn.lock() {
                    turn.keep_patience(patience);
                }
                return Ok(Place::Later);
            }
            let is_doubted = self.turn.lock().as_ref().is_none_or(Turn::is_doubted);
            if is_doubted || !(if is_next { patience.pause_shortly() } else { patience.pause() }) {
                break;
            }
        }
        if let Some(turn) = &mut *self.turn.lock() {
            turn.doubt();
        }
        Ok(Place::Without)
    }

    /// Whether this store is the next to have the turn.
    pub fn is_next(&self) -> bool {
        self.turn.lock().as_ref().is_some_and(Turn::is_next)
    }

    /// Whether this store has the turn.
    pub fn has_turn(&self) -> bool {
        self.turn.lock().as_ref().is_some_and(Turn::is_held)
    }

    /// Gives the turn up.
    pub fn end_turn(&self) {
        if let Some(turn) = &mut *self.turn.lock() {
            turn.end();
        }
    }

    /// Takes the lock for an append, if that needs no waiting.
    ///
    /// # Errors
    /// `OPSLOG_IO`.
    pub fn try_shared(&self) -> Result<Option<Shared<'_>>> {
        let Some(pair) = self.appends.try_lock() else { return Ok(None) };
        let pair = opened(pair)?;
        let failed = |source| Error::agent_lock(&self.path, source);
        if !pair.entry.try_lock_shared().map_err(failed)? {
            return Ok(None);
        }
        let entered = pair.folder.try_lock_shared();
        pair.entry.unlock().map_err(failed)?;
        Ok(entered.map_err(failed)?.then_some(Shared { pair }))
    }

    /// Waits, and lets those that have the lock alone know that it does.
    fn while_waiting<T>(&self, wait: impl FnOnce() -> Result<T>) -> Result<T> {
        self.waits()?;
        let entered = wait();
        self.arrived();
        entered
    }

    /// As [`Gate::try_shared`]; while another process has it alone for one transaction, tries again for a moment. It is for a thread that
    /// must not wait: to go to another thread and to come back takes longer where the processors are busy.
    ///
    /// # Errors
    /// `OPSLOG_IO`.
    pub fn try_shared_for_a_moment(&self) -> Result<Option<Shared<'_>>> {
        let entered = self.try_shared()?;
        // NOTE: what this store itself has the lock for takes longer.
        if entered.is_some() || self.changes.is_locked() {
            return Ok(entered);
        }
        self.while_waiting(|| self.shared_in_a_moment())
    }

    fn shared_in_a_moment(&self) -> Result<Option<Shared<'_>>> {
        let patience = Patience::moment();
        while patience.yields() {
            self.told(Waiting::tell)?;
            if let Some(shared) = self.try_shared()? {
                return Ok(Some(shared));
            }
        }
        Ok(None)
    }

    /// Takes the lock with others, waiting for the process that has it alone.
    ///
    /// # Errors
    /// `OPSLOG_LOCKED` once patience ends; `OPSLOG_IO`.
    pub fn shared(&self) -> Result<Shared<'_>> {
        if let Some(shared) = self.try_shared()? {
            return Ok(shared);
        }
        self.while_waiting(|| self.shared_in_turn())
    }

    fn shared_in_turn(&self) -> Result<Shared<'_>> {
        let patience = Patience::new(1);
        loop {
            if let Some(shared) = self.try_shared()? {
                return Ok(shared);
            }
            self.told(Waiting::tell)?;
            self.pause(&patience, true)?;
        }
    }

    /// Whether another has the lock alone. Then says how long to pause before asking again, instead of a wait on a thread that others may
    /// be in need of.
    ///
    /// # Errors
    /// As for [`Gate::shared`].
    pub fn kept_out(&self) -> Result<Option<Duration>> {
        let mut kept = self.kept_out.lock();
        if self.try_shared()?.is_some() {
            *kept = None;
            return Ok(None);
        }
        let pause = kept.get_or_insert_with(|| Patience::new(1)).next_short_pause();
        if pause.is_none() {
            *kept = None;
            return Err(self.busy());
        }
        Ok(pause)
    }

    /// As [`Gate::shared`], for no longer than a thread may be kept. `None`: it is to be called again. It is patient from call to call,
    /// while [`Gate::waits`] says so.
    ///
    /// # Errors
    /// As for [`Gate::shared`].
    pub fn shared_for_a_while(&self) -> Result<Option<Shared<'_>>> {
        let entered = self.try_shared()?;
        if entered.is_some() {
            return Ok(entered);
        }
        self.while_waiting(|| self.shared_in_a_while())
    }

    fn shared_in_a_while(&self) -> Result<Option<Shared<'_>>> {
        let begun = self.waiting.lock().as_mut().and_then(Waiting::take_patience);
        let patience = begun.unwrap_or_else(|| Patience::new(1));
        for _ in 0..APPEND_PAUSES {
            if let Some(shared) = self.try_shared()? {
                return Ok(Some(shared));
            }
            self.told(Waiting::tell)?;
            self.pause(&patience, true)?;
        }
        if let Some(waiting) = &mut *self.waiting.lock() {
            waiting.keep_patience(patience);
        }
        Ok(None)
    }

    /// Takes the lock alone, if that needs no waiting.
    ///
    /// # Errors
    /// `OPSLOG_IO`.
    pub fn try_exclusive(&self) -> Result<Option<Exclusive<'_>>> {
        let Some(pair) = self.changes.try_lock() else { return Ok(None) };
        self.try_entered(Files::Borrowed(opened(pair)?))
    }

    /// As [`Gate::try_exclusive`], for a caller that keeps it longer than a function takes.
    ///
    /// # Errors
    /// As for [`Gate::try_exclusive`].
    pub fn try_kept(&self) -> Result<Option<Exclusive<'static>>> {
        let Some(pair) = self.changes.try_lock_arc() else { return Ok(None) };
        self.try_entered(Files::Kept(pair))
    }

    fn try_entered<'a>(&self, pair: Files<'a>) -> Result<Option<Exclusive<'a>>> {
        let stepped = Approach::new(pair.get().ok_or_else(closed)?).step();
        if !stepped.map_err(|source| Error::agent_lock(&self.path, source))? {
            return Ok(None);
        }
        let exclusive = Exclusive { pair };
        self.check_files(exclusive.files()?)?;
        Ok(Some(exclusive))
    }

    /// Takes the lock alone: lets appends pass that wait, keeps the entry lock, then waits until the folder lock is free.
    ///
    /// # Errors
    /// `OPSLOG_LOCKED` once patience ends; `OPSLOG_IO`.
    pub fn exclusive(&self) -> Result<Exclusive<'_>> {
        let pair = opened(self.changes.lock())?;
        self.entered(Files::Borrowed(pair))
    }

    /// As [`Gate::exclusive`], for a caller that keeps it longer than a function takes, and may give it up on another thread.
    ///
    /// # Errors
    /// As for [`Gate::exclusive`].
    pub fn kept(&self) -> Result<Exclusive<'static>> {
        self.entered(Files::Kept(self.changes.lock_arc()))
    }

    fn entered<'a>(&self, pair: Files<'a>) -> Result<Exclusive<'a>> {
        let failed = |source| Error::agent_lock(&self.path, source);
        let patience = Patience::new(1);
        let mut approach = Approach::new(pair.get().ok_or_else(closed)?);
        while !approach.step().map_err(failed)? {
            self.pause(&patience, approach.is_next())?;
        }
        drop(approach);
        let exclusive = Exclusive { pair };
        self.check_files(exclusive.files()?)?;
        Ok(exclusive)
    }

    /// How often the manifest has changed, as far as a process can tell that holds nothing.
    ///
    /// # Errors
    /// Those of reading.
    pub fn count_unheld(&self) -> io::Result<u64> {
        let appends = self.appends.lock();
        let pair = appends.as_ref().ok_or_else(|| io::Error::other(closed()))?;
        read_count(&*pair.folder)
    }

    /// As [`Gate::count_unheld`]; `None` where another thread is at it, or has the lock for an append.
    pub fn try_count_unheld(&self) -> Option<io::Result<u64>> {
        let appends = self.appends.try_lock()?;
        appends.as_ref().map(|pair| read_count(&*pair.folder))
    }

    /// Closes the lock files.
    pub fn close(&self) {
        *self.waiting.lock() = None;
        *self.turn.lock() = None;
        *self.appends.lock() = None;
        *self.changes.lock() = None;
    }

    /// Whether the lock files are still the ones at their paths.
    ///
    /// # Errors
    /// `OPSLOG_FAILED` when another process removed them: two of us could then hold "the" lock.
    pub fn check(&self, shared: &Shared<'_>) -> Result<()> {
        self.check_files(&shared.pair)
    }

    fn check_files(&self, pair: &Pair) -> Result<()> {
        let held = pair.folder.info().map_err(|source| Error::io("fstat", &self.path, source))?;
        match self.disk.info(&self.path) {
            Ok(info) if info.identity == held.identity => Ok(()),
            Ok(_) => Err(Error::Failed("the lock file of the folder was replaced".into())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(Error::Failed("the lock file of the folder was removed".into()))
            }
            Err(source) => Err(Error::io("stat", &self.path, source)),
        }
    }

    fn pause(&self, patience: &Patience, is_short: bool) -> Result<()> {
        let is_patient = if is_short { patience.pause_shortly() } else { patience.pause() };
        if is_patient {
            return Ok(());
        }
        Err(self.busy())
    }

    fn busy(&self) -> Error {
        Error::Busy { path: self.path.clone(), seconds: SECONDS }
    }
}

impl Shared<'_> {
    /// How often the manifest has changed.
    ///
    /// # Errors
    /// Those of reading.
    pub fn count(&self) -> io::Result<u64> {
        read_count(&*self.pair.folder)
    }
}

impl Exclusive<'_> {
    fn files(&self) -> Result<&Pair> {
        self.pair.get().ok_or_else(closed)
    }

    /// How often the manifest has changed.
    ///
    /// # Errors
    /// Those of reading.
    pub fn count(&self) -> io::Result<u64> {
        let files = self.files().map_err(std::io::Error::other)?;
        read_count(&*files.folder)
    }

    /// Whether an append of another process waits for the lock.
    pub fn is_waited_for(&self) -> bool {
        // NOTE: where that cannot be said, the lock is given up in time.
        self.files().is_ok_and(|files| waiting::is_waited_for(files).unwrap_or(false))
    }

    /// Says that the manifest is about to change. Returns the new count.
    ///
    /// # Errors
    /// Those of writing; the manifest must not be changed then.
    pub fn raise(&self, disk: &dyn Disk, root: &Path) -> Result<u64> {
        let path = layout::folder_lock(root);
        let failed = |syscall| move |source| (syscall, source);
        let raised = self.count().map_err(failed("pread")).and_then(|count| {
            let file = disk.open(&path, OpenMode::ReadWrite).map_err(failed("open"))?;
            let count = count.wrapping_add(1);
            let written = write_all_at(&*file, &count.to_le_bytes(), 0);
            written.map(|()| count).map_err(|(_, source)| ("pwrite", source))
        });
        raised.map_err(|(syscall, source)| Error::io(syscall, &path, source))
    }
}

impl Drop for Shared<'_> {
    fn drop(&mut self) {
        let _ = self.pair.folder.unlock();
    }
}

impl Drop for Exclusive<'_> {
    fn drop(&mut self) {
        if let Some(files) = self.pair.get() {
            let _ = files.folder.unlock();
        }
    }
}

fn opened(pair: MutexGuard<'_, Option<Pair>>) -> Result<MappedMutexGuard<'_, Pair>> {
    MutexGuard::try_map(pair, Option::as_mut).map_err(|_| closed())
}

fn closed() -> Error {
    Error::Failed("the store is closed".into())
}

/// The counter; a file that is still empty counts nothing.
fn read_count(folder: &dyn DiskFile) -> io::Result<u64> {
    let mut bytes = [0; 8];
    let read = folder.read_at(&mut bytes, 0)?;
    Ok(if read == 8 { u64::from_le_bytes(bytes) } else { 0 })
}

/// Opens a lock file of our own, creating it if it is not there.
pub fn open_or_create(disk: &dyn Disk, path: &Path) -> Result<Arc<dyn DiskFile>> {
    for _ in 0..100 {
        match disk.open(path, OpenMode::ReadWrite) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            opened => return opened.map_err(|source| Error::io("open", path, source)),
        }
        match disk.open(path, OpenMode::CreateNew) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            opened => return opened.map_err(|source| Error::io("open", path, source)),
        }
    }
    Err(Error::io("open", path, io::ErrorKind::ResourceBusy.into()))
}
