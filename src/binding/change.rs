//! What becomes of a change, as one number.

use super::error::{not_canonical, to_js};
use crate::store::{Changed, Rejected};

/// 4 x the operations that are buffered, + 2 if something of another hand was read, + 1 if a checkpoint is
/// due. -1 says: catch up and call again.
pub fn coded(changed: Result<Changed, Rejected>) -> napi::Result<f64> {
    match changed {
        Ok(changed) => {
            let flags = usize::from(changed.foreign) * 2 + usize::from(changed.due);
            Ok((changed.buffered * 4 + flags) as f64)
        }
        Err(Rejected::NotNow) => Ok(-1.0),
        Err(Rejected::Error(error)) => Err(to_js(&error)),
        Err(Rejected::NotCanonical(text)) => Err(not_canonical(&text)),
    }
}
