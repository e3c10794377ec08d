//! Any text as a path in a manifest: what is allowed stays inside its folder. Any text as a name: what is taken for one
//! of ours is what we would have called it.

use std::path::{Component, Path};

use super::store::ROOT;
use opslog::layout;

pub fn check(text: &[u8]) {
    let Ok(text) = std::str::from_utf8(text) else { return };
    for folder in layout::FOLDERS {
        for relative in [text.to_owned(), format!("{folder}/{text}")] {
            stays_inside(folder, &relative);
        }
    }
    if let Some(ms) = layout::milliseconds(text) {
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        assert!(
            digits.trim_start_matches('0').ends_with(ms.to_string().trim_start_matches('0')),
            "{text:?}: {ms}"
        );
    }
    for suffix in ["", ".7-3.tmp"] {
        let name = format!("{text}{suffix}");
        if layout::is_temporary(&name) {
            assert!(name.ends_with(".tmp") && name.contains(|c: char| c.is_ascii_digit()), "{name:?}");
        }
    }
}

fn stays_inside(folder: &str, relative: &str) {
    let root = Path::new(ROOT);
    let Ok(path) = layout::inside(root, folder, relative) else { return };
    assert!(path.starts_with(root.join(folder)), "{relative:?} is outside");
    assert!(path != root.join(folder), "{relative:?} is the folder");
    let inner = path.strip_prefix(root).expect("it starts with it");
    assert!(inner.components().all(|part| matches!(part, Component::Normal(_))), "{relative:?} leads away");
    assert!(!relative.contains(['\0', '\\']), "{relative:?}");
    assert_eq!(
        layout::inside(root, folder, &inner.to_string_lossy()).ok(),
        Some(path),
        "it is not the same again"
    );
}
