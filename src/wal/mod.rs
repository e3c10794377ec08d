//! The write-ahead log: appending, cutting, reading, recovering.

mod append;
mod contents;
pub mod cursor;
pub mod doubt;
pub mod end;
mod first_line;
mod mend;
pub mod reader;
mod recent;
pub mod replay;
pub mod unheld;
mod unsaid;
mod unsynced;
mod watch;
pub mod writer;

pub use contents::Contents;
pub use cursor::WalCursor;
pub use first_line::{FirstLine, first_line, first_operation, parse_after};
pub use mend::{blank_lines, repair};
pub use reader::LineReader;
pub use replay::{Piece, Tail, replay, replay_unlocked, unread_from};
pub use unsynced::Unsynced;
pub use watch::{Extent, Watch};
pub use writer::{Standing, Writer};

#[cfg(test)]
mod tests;
