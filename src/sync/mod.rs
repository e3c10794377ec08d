//! Group commit: writers take tickets, and one sync after the other makes durable what was written before it
//! began. A caller that comes while a sync runs waits for the next one, together with all others that come
//! meanwhile. A sync that failed is never tried again: what waited and whatever comes later fails.

mod rounds;
#[cfg(test)]
mod tests;
mod thread;

pub use rounds::{Rounds, Settled, why};
pub use thread::{start, start_once};
