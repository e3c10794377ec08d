//! How often each kind of fault and each outcome of a crash happened, so that an explorer can insist that
//! none of them was missed. Counts only: nothing is decided here.

use std::ops::AddAssign;

macro_rules! fault_counts {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {
        /// How often each kind of fault happened, over a disk and all that came of it.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct FaultCounts {
            $($(#[$doc])* pub $name: u64),+
        }

        impl FaultCounts {
            /// Name and number of each count.
            pub fn each(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name)),+]
            }
        }

        impl AddAssign for FaultCounts {
            fn add_assign(&mut self, other: Self) {
                $(self.$name += other.$name;)+
            }
        }
    };
}

fault_counts! {
    /// A prefix of an append survived.
    torn_append,
    /// Nothing of an append survived.
    lost_append,
    /// Some sectors of an overwrite survived.
    torn_overwrite,
    /// Nothing of an overwrite survived.
    lost_overwrite,
    /// Bytes that are there by length but read as zeros.
    zeroed_block,
    /// Bytes that are there by length but were never written.
    garbage_block,
    /// A change of the length did not survive.
    lost_truncate,
    /// A later write of a file survived an earlier one that did not.
    reordered_write,
    /// A write before a failed sync, which a later sync that succeeded did not bring back.
    lost_after_failed_sync,
    /// The name of a new file did not survive.
    lost_create,
    /// A new folder did not survive.
    lost_folder,
    /// A rename did not survive.
    lost_rename,
    /// The new name survived, what had been written to the file did not.
    rename_without_data,
    /// A name that was removed is there again.
    lost_unlink,
    /// A second name did not survive.
    lost_link,
    /// A later change of names survived an earlier one that did not.
    reordered_name,
    /// The call at which the process died was carried out in part, or wholly, or not.
    partly_at_crash,
    /// A write wrote half of its bytes and said so.
    short_write,
    /// A write failed after half of its bytes.
    half_write,
    /// A scripted failure struck.
    failed_call,
    /// It struck a sync of a file.
    failed_sync,
}
