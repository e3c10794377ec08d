//! The least that each workload has to do, as calls from JS: floors, not a store. No checks, no errors, no undo, no second thread.
//! Which floor calls what stands in `groups/`; what each costs, beside this package, in docs/performance/floors.md.

mod appends;
mod batches;
mod calls;
mod checkpoints;
mod logs;
mod openings;
mod readings;

use napi_sys as sys;

/// # Safety
/// Node calls it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn napi_register_module_v1(
    env: sys::napi_env,
    exports: sys::napi_value,
) -> sys::napi_value {
    let modules =
        [batches::CALLS, appends::CALLS, readings::CALLS, openings::CALLS, logs::CALLS, checkpoints::CALLS];
    unsafe {
        sys::setup();
        for (name, call) in modules.into_iter().flatten() {
            calls::export(env, exports, name, *call);
        }
    }
    exports
}
