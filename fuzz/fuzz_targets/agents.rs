#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| opslog_fuzz::agents::check(data));
