//! Bugs that are planted on purpose, to show that the tests see them: `campaigns/planted-bugs.mjs` builds with
//! `--cfg planted` and names one of them in the environment. In any other build `planted!` is `false`, and nothing of
//! them is left.

/// Whether the bug of this name is to be there.
#[cfg(planted)]
macro_rules! planted {
    ($name:literal) => {
        $crate::planted::is($name)
    };
}

#[cfg(not(planted))]
macro_rules! planted {
    ($name:literal) => {
        false
    };
}

#[cfg(planted)]
pub(crate) fn is(name: &str) -> bool {
    use std::sync::OnceLock;
    static CHOSEN: OnceLock<Option<String>> = OnceLock::new();
    CHOSEN.get_or_init(|| std::env::var("PLANTED_BUG").ok()).as_deref() == Some(name)
}
