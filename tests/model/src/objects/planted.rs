//! Faults of the protocol that are planted, to show that the properties see them.

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Planted {
    /// The snapshot takes the place of all logs in one publication, without a seal before the logs are read.
    NoSeal,
    /// The logs are read before they are sealed.
    SealAfterRead,
    /// An append that failed is told as such without a look at the log.
    NoReadBack,
    /// A line that is not there after an append that failed is not shut out.
    LateAppendIgnored,
    /// The manifest is published whatever is there.
    UnconditionalPublish,
    /// A publication that failed is told as such, without a look and without another that makes it impossible.
    NoSettling,
    /// A publication that is not there is not made impossible by another.
    LateManifestIgnored,
    /// Another store with the same agentId is not noticed.
    SessionNotCompared,
    /// An append is acknowledged without a look at the manifest.
    VersionNotCompared,
    /// An undo that another publication overtook is published again as it was drafted.
    UndoWithoutReread,
    /// A snapshot is published although one of its logs was exchanged meanwhile.
    OvertakenPublishes,
    /// The clock is not raised above what was sealed.
    ClockNotRaised,
    /// Lines behind those that went into the snapshot are not counted before a write is refused.
    FenceIgnored,
}

impl Planted {
    pub const ALL: [Self; 13] = [
        Self::NoSeal,
        Self::SealAfterRead,
        Self::NoReadBack,
        Self::LateAppendIgnored,
        Self::UnconditionalPublish,
        Self::NoSettling,
        Self::LateManifestIgnored,
        Self::SessionNotCompared,
        Self::VersionNotCompared,
        Self::UndoWithoutReread,
        Self::OvertakenPublishes,
        Self::ClockNotRaised,
        Self::FenceIgnored,
    ];
}
