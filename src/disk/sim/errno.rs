//! The system errors that a simulated disk gives, as the system at hand spells them.

use std::io;

/// A system error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Errno {
    NoEntry,
    Exists,
    IsFolder,
    NotFolder,
    NotEmpty,
    Loop,
    Access,
    NotPermitted,
    ReadOnlySystem,
    NameTooLong,
    Invalid,
}

impl Errno {
    #[cfg(unix)]
    pub(super) fn error(self) -> io::Error {
        io::Error::from_raw_os_error(match self {
            Self::NoEntry => libc::ENOENT,
            Self::Exists => libc::EEXIST,
            Self::IsFolder => libc::EISDIR,
            Self::NotFolder => libc::ENOTDIR,
            Self::NotEmpty => libc::ENOTEMPTY,
            Self::Loop => libc::ELOOP,
            Self::Access => libc::EACCES,
            Self::NotPermitted => libc::EPERM,
            Self::ReadOnlySystem => libc::EROFS,
            Self::NameTooLong => libc::ENAMETOOLONG,
            Self::Invalid => libc::EINVAL,
        })
    }

    #[cfg(not(unix))]
    pub(super) fn error(self) -> io::Error {
        match self {
            Self::NoEntry => io::ErrorKind::NotFound,
            Self::Exists => io::ErrorKind::AlreadyExists,
            Self::IsFolder => io::ErrorKind::IsADirectory,
            Self::NotFolder => io::ErrorKind::NotADirectory,
            Self::NotEmpty => io::ErrorKind::DirectoryNotEmpty,
            Self::Loop | Self::NameTooLong | Self::Invalid => io::ErrorKind::InvalidInput,
            Self::Access | Self::NotPermitted => io::ErrorKind::PermissionDenied,
            Self::ReadOnlySystem => io::ErrorKind::ReadOnlyFilesystem,
        }
        .into()
    }
}
