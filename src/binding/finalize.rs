//! What becomes of the objects that JS does not need any more: each is dropped. A panic in that would end the process,
//! since no caller could be told; what is left undone then, the next open of the folder makes good.

use napi::Env;
use napi::bindgen_prelude::ObjectFinalize;

use super::backup::NativeBackup;
use super::catch::plain;
use super::files::{NativeSnapshotDraft, NativeSnapshotReader};
use super::find::NativeFind;
use super::history::{NativeChanges, NativePosition};
use super::lock::NativeLock;
use super::maintenance::NativeProgress;
use super::past::{NativePresent, NativeView};
use super::store::NativeStore;
use super::wal::NativeWalCursor;
use super::walk::{NativeScan, NativeWalk};

macro_rules! drop_caught {
    ($($class:ty),*) => { $(
        impl ObjectFinalize for $class {
            fn finalize(self, _: Env) -> napi::Result<()> {
                let _ = plain(|| drop(self));
                Ok(())
            }
        }
    )* };
}

drop_caught!(
    NativeBackup,
    NativeChanges,
    NativeFind,
    NativeLock,
    NativePosition,
    NativePresent,
    NativeProgress,
    NativeScan,
    NativeSnapshotDraft,
    NativeSnapshotReader,
    NativeStore,
    NativeView,
    NativeWalCursor,
    NativeWalk
);
