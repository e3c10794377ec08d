//! What became of a change, as one number: flags, and above them how many operations are buffered. `lib/folder/changed.js`
//! reads it. An object for each call would cost more than the call.

use super::error::{not_canonical, to_js};
use crate::store::{Changed, Rejected};

const CHECKPOINT_DUE: usize = 1;
const FOREIGN: usize = 2;
const WRITE_DUE: usize = 4;
const IS_FAR_BEHIND: usize = 8;
const BUFFERED_ONE: usize = 16;

/// The number: `CHECKPOINT_DUE`, `FOREIGN`, `WRITE_DUE`, `IS_FAR_BEHIND`, and `BUFFERED_ONE` for each buffered operation. -1 says: catch up and
/// call again.
pub fn coded(changed: Result<Changed, Rejected>) -> napi::Result<f64> {
    match changed {
        Ok(changed) => {
            let flags = usize::from(changed.checkpoint_due) * CHECKPOINT_DUE
                + usize::from(changed.foreign) * FOREIGN
                + usize::from(changed.write_due) * WRITE_DUE
                + usize::from(changed.is_far_behind) * IS_FAR_BEHIND;
            Ok((changed.buffered * BUFFERED_ONE + flags) as f64)
        }
        Err(Rejected::NotNow) => Ok(-1.0),
        Err(Rejected::Error(error)) => Err(to_js(&error)),
        Err(Rejected::NotCanonical(text)) => Err(not_canonical(&text)),
    }
}
