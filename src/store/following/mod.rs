//! What a store takes over that other processes wrote, and what `tail()` tells of it.

pub(in crate::store) mod chain;
pub(in crate::store) mod follow;
pub(in crate::store) mod followed;
pub(in crate::store) mod follower;
pub(in crate::store) mod look;
pub(in crate::store) mod seen;
pub(in crate::store) mod standing;
pub(in crate::store) mod tail_queue;
pub(in crate::store) mod telling;
pub(in crate::store) mod turn;
