//! What this machine knows of other processes: whether they live, and whether they have a file open. Says
//! "alive" whenever there is doubt, and `None` where the system does not tell.

/// Whether a process with this number lives. One that this user may not touch counts as alive.
#[cfg(unix)]
pub fn is_alive(pid: u32) -> bool {
    // Numbers that are none: 0 and negative ones mean whole groups of processes.
    let Some(pid) = libc::pid_t::try_from(pid).ok().filter(|pid| *pid > 0) else {
        return false;
    };
    match is_there(pid) {
        Ok(()) => !is_zombie(pid),
        Err(error) => error.raw_os_error() != Some(libc::ESRCH),
    }
}

/// Whether there is a process with this number. The number of a thread is none: `kill` would take it for one.
#[cfg(target_os = "linux")]
fn is_there(pid: libc::pid_t) -> std::io::Result<()> {
    // SAFETY: signal 0 is never delivered, the call only checks; it takes no pointers.
    #[allow(unsafe_code)]
    let sent = unsafe { libc::syscall(libc::SYS_tgkill, pid, pid, 0) };
    if sent == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
}

/// Whether there is a process with this number.
#[cfg(all(unix, not(target_os = "linux")))]
fn is_there(pid: libc::pid_t) -> std::io::Result<()> {
    // SAFETY: signal 0 is never delivered, the call only checks; it takes no pointers.
    #[allow(unsafe_code)]
    let sent = unsafe { libc::kill(pid, 0) };
    if sent == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
}

/// Whether a process is dead and only waits for its parent to notice. (One whose first thread ended before
/// the others looks like that too, but has more threads.)
#[cfg(target_os = "linux")]
fn is_zombie(pid: libc::pid_t) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name before it may hold anything, parentheses too.
    let Some((_, fields)) = stat.rsplit_once(')') else {
        return false;
    };
    let mut fields = fields.split_ascii_whitespace();
    let state = fields.next();
    let threads = fields.nth(16).and_then(|threads| threads.parse::<u64>().ok());
    matches!(state, Some("Z" | "X")) && threads.is_some_and(|threads| threads <= 1)
}

/// Whether a process is dead and only waits for its parent to notice: taken for alive.
#[cfg(all(unix, not(target_os = "linux")))]
fn is_zombie(_pid: libc::pid_t) -> bool {
    false
}

/// Whether a process has the file with this identity open, not counting one handle of the asking process
/// itself (through which it found the identity). `None` where the system does not tell.
#[cfg(target_os = "linux")]
pub fn has_open(pid: u32, identity: (u64, u64)) -> Option<bool> {
    use std::os::unix::fs::MetadataExt;

    let own = usize::from(pid == std::process::id());
    let mut found = 0;
    let mut told = true;
    for entry in std::fs::read_dir(format!("/proc/{pid}/fd")).ok()? {
        match std::fs::metadata(entry.ok()?.path()) {
            Ok(metadata) => {
                found += usize::from((metadata.dev(), metadata.ino()) == identity);
            }
            // Closed meanwhile.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(_) => told = false,
        }
    }
    match found > own {
        true => Some(true),
        false => told.then_some(false),
    }
}

/// Whether a process has a file open: this system does not tell.
#[cfg(not(target_os = "linux"))]
pub fn has_open(_pid: u32, _identity: (u64, u64)) -> Option<bool> {
    None
}

#[cfg(windows)]
mod windows {
    use std::ffi::c_void;

    pub(super) const PROCESS_QUERY_LIMITED_INFORMATION: u32 = 0x1000;
    pub(super) const STILL_ACTIVE: u32 = 259;
    pub(super) const ERROR_INVALID_PARAMETER: i32 = 87;

    #[allow(unsafe_code)] // The signatures are those of the Windows SDK; kernel32 is linked by std.
    #[link(name = "kernel32")]
    unsafe extern "system" {
        pub(super) fn OpenProcess(access: u32, inherit: i32, pid: u32) -> *mut c_void;
        pub(super) fn GetExitCodeProcess(process: *mut c_void, code: *mut u32) -> i32;
        pub(super) fn CloseHandle(handle: *mut c_void) -> i32;
    }
}

/// Whether a process with this number lives. One that this user may not touch counts as alive.
#[cfg(windows)]
pub fn is_alive(pid: u32) -> bool {
    use windows::*;

    if pid == 0 {
        return false;
    }
    // SAFETY: takes no pointers; the handle is checked before use and closed below.
    #[allow(unsafe_code)]
    let process = unsafe { OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, 0, pid) };
    if process.is_null() {
        return std::io::Error::last_os_error().raw_os_error() != Some(ERROR_INVALID_PARAMETER);
    }
    let mut code = 0;
    // SAFETY: `process` is an open handle that nothing else closes, `code` outlives the call.
    #[allow(unsafe_code)]
    let known = unsafe {
        let known = GetExitCodeProcess(process, &mut code);
        CloseHandle(process);
        known
    };
    known == 0 || code == STILL_ACTIVE
}
