//! The protocols of a store behind a carrier: opening, take-over, append, checkpoint, archive, refresh, tail, undo, close.
//! `async fn`s over a trait of storage steps; a future is polled by its carrier, so that no runtime is needed. What the driver of a
//! folder (`store`) decides alike is in `rules` and `transition`, the order of steps that both share in `sequence`.
//! Carriers differ by a few facts (`carrier::Facts`), never by a rule. A test carries them through a simulated world
//! (`tests/world`).

mod append;
mod archive;
pub mod carrier;
mod checkpoint;
mod compaction;
mod doubt;
pub mod entry;
mod fetch;
mod flight;
mod history;
mod join;
mod lines;
mod lock;
mod manifests;
mod moving;
mod open;
mod own_log;
mod publication;
mod ranged;
mod registration;
mod session;
mod tail;
mod undo;
mod versions;
pub mod view;
mod writer;

pub use crate::format::document::Name;
pub use carrier::{Carrier, Error, Facts, Failure};
pub use flight::Change;
pub use history::{Deleted, Feed, Position, Present, When};
pub use session::{Options, Session, Settled};
