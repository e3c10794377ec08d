//! The rules of ARCHITECTURE.md that can be read off the sources: who may name what. Comments and the text of
//! strings are not looked at, unless the rule is about strings.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // Tests.

use std::fs;
use std::path::{Path, PathBuf};

/// A source file: its path below `src/`, with `/`, and its text in two forms.
struct Source {
    name: String,
    text: String,
    /// Identifiers and the punctuation between them, without comments and without what strings hold.
    tokens: Vec<String>,
    /// What the strings hold.
    strings: Vec<String>,
}

impl Source {
    fn read(root: &Path, path: &Path) -> Self {
        let name = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
        let text = fs::read_to_string(path).unwrap();
        let (tokens, strings) = split(&text);
        Self { name, text, tokens, strings }
    }

    fn names(&self, word: &str) -> bool {
        self.tokens.iter().any(|token| token == word)
    }

    /// Whether a method is called: `.name(`.
    fn calls(&self, method: &str) -> bool {
        self.tokens.windows(3).any(|window| window == [".", method, "("])
    }

    /// Whether a path such as `std::fs` is named, also as part of a group: `use std::{fs, io}`.
    fn names_path(&self, outer: &str, inner: &str) -> bool {
        self.tokens.windows(4).enumerate().any(|(at, window)| {
            window[0] == outer
                && window[1] == ":"
                && window[2] == ":"
                && match window[3].as_str() {
                    "{" => self.group(at + 4).any(|word| word == inner),
                    word => word == inner,
                }
        })
    }

    /// The first words of the members of a `use` group whose brace was just opened.
    fn group(&self, from: usize) -> impl Iterator<Item = &str> {
        let mut depth = 1;
        let mut first = true;
        self.tokens[from..].iter().map_while(move |token| {
            let is_member = first && depth == 1;
            first = false;
            match token.as_str() {
                "{" => depth += 1,
                "}" => depth -= 1,
                "," => first = depth == 1,
                _ => {}
            }
            (depth > 0).then_some(if is_member { token.as_str() } else { "" })
        })
    }

    fn is_in(&self, places: &[&str]) -> bool {
        places.iter().any(|place| self.name == *place || place.ends_with('/') && self.name.starts_with(place))
    }
}

/// Takes Rust apart as far as these rules need it.
fn split(text: &str) -> (Vec<String>, Vec<String>) {
    let characters: Vec<char> = text.chars().collect();
    let (mut tokens, mut strings) = (Vec::new(), Vec::new());
    let mut at = 0;
    while let Some(&character) = characters.get(at) {
        let next = characters.get(at + 1).copied();
        let hashes = characters[at + 1..].iter().take_while(|&&c| c == '#').count();
        let starts_word = character.is_alphabetic() || character == '_';
        if character == '/' && next == Some('/') {
            at += characters[at..].iter().take_while(|&&c| c != '\n').count();
        } else if character == 'r' && characters.get(at + 1 + hashes) == Some(&'"') {
            let from = at + 2 + hashes;
            let end = format!("\"{}", "#".repeat(hashes));
            let rest: String = characters[from..].iter().collect();
            let body = rest.split(&end).next().unwrap().to_owned();
            at = from + body.chars().count() + end.len();
            strings.push(body);
        } else if character == '"' {
            let mut end = at + 1;
            while characters[end] != '"' {
                end += if characters[end] == '\\' { 2 } else { 1 };
            }
            strings.push(characters[at + 1..end].iter().collect());
            at = end + 1;
        } else if character == '\'' && next == Some('\\') {
            at += 3;
            at += characters[at..].iter().take_while(|&&c| c != '\'').count() + 1;
        } else if character == '\'' && characters.get(at + 2) == Some(&'\'') {
            at += 3;
        } else if starts_word {
            let word = characters[at..].iter().take_while(|&&c| c.is_alphanumeric() || c == '_');
            let word: String = word.collect();
            at += word.chars().count();
            // The `b` of `b"..."` and `br"..."` belongs to the string.
            let is_prefix = (word == "b" || word == "c") && matches!(characters.get(at), Some('"' | '\''));
            let is_raw = word == "br" && matches!(characters.get(at), Some('"' | '#'));
            if is_raw {
                at -= 1;
            } else if !is_prefix {
                tokens.push(word);
            }
        } else {
            if !character.is_whitespace() {
                tokens.push(character.to_string());
            }
            at += 1;
        }
    }
    (tokens, strings)
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files: Vec<PathBuf> = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    assert!(files.len() > 50, "only {} sources were found", files.len());
    files.iter().map(|file| Source::read(&root, file)).collect()
}

/// The files outside `places` that break a rule.
fn offenders(places: &[&str], breaks: impl Fn(&Source) -> bool) -> Vec<String> {
    let sources = sources();
    let elsewhere = sources.iter().filter(|source| !source.is_in(places));
    elsewhere.filter(|source| breaks(source)).map(|source| source.name.clone()).collect()
}

/// Asserts that a path is named in `places` only, and that it is named there.
fn assert_only_in(places: &[&str], outer: &str, inner: &str) {
    let breaks = |source: &Source| source.names_path(outer, inner);
    assert_eq!(offenders(places, breaks), Vec::<String>::new(), "{outer}::{inner} is for {places:?}");
    assert!(sources().iter().any(breaks), "{outer}::{inner} is named nowhere: does the test still see?");
}

#[test]
fn only_the_real_disk_names_the_file_system() {
    let places = ["disk/os.rs", "disk/os/"];
    assert_only_in(&places, "std", "fs");
    assert_only_in(&places, "std", "os");
    let system = |source: &Source| source.names("libc");
    assert_eq!(offenders(&["disk/"], system), Vec::<String>::new(), "libc is for src/disk");
}

#[test]
fn only_the_binding_names_napi() {
    let breaks =
        |source: &Source| source.tokens.iter().any(|token| token == "napi" || token == "napi_derive");
    assert_eq!(offenders(&["binding/"], breaks), Vec::<String>::new());
    let named =
        |source: &Source| source.names_path("crate", "binding") || source.names_path("super", "binding");
    assert_eq!(offenders(&["binding/"], named), Vec::<String>::new(), "nothing may need the binding");
}

#[test]
fn unsafe_code_is_in_the_raw_calls_and_the_real_disk_only() {
    let breaks = |source: &Source| source.names("unsafe") || source.names("unsafe_code");
    let places = ["binding/hot.rs", "binding/buffer.rs", "binding/mod.rs", "disk/os/"];
    assert_eq!(offenders(&places, breaks), Vec::<String>::new());
}

#[test]
fn one_source_starts_a_thread_and_none_reads_a_clock() {
    assert_eq!(offenders(&[], |source| source.names("SystemTime")), Vec::<String>::new());
    assert_eq!(offenders(&["sync/thread.rs"], |source| source.names("spawn")), Vec::<String>::new());
    // Locks are waited for; nothing else is.
    assert_eq!(offenders(&["patience.rs"], |source| source.names("Instant")), Vec::<String>::new());
    // Whether it panics is asked where the state is locked, and which thread this is where it is shown.
    let places = [
        "disk/os/windows.rs",
        "lock/probe.rs",
        "patience.rs",
        "store/home.rs",
        "store/locked.rs",
        "sync/thread.rs",
    ];
    assert_only_in(&places, "std", "thread");
}

#[test]
fn the_layers_know_only_those_below_them() {
    let layers: [(&str, &[&str]); 12] = [
        ("json/", &["format", "engine", "disk", "wal", "lock", "store", "publish", "snapshot", "error"]),
        ("query/", &["format", "engine", "disk", "wal", "lock", "store", "publish", "snapshot", "layout"]),
        (
            "sequence/",
            &[
                "disk",
                "engine",
                "wal",
                "lock",
                "store",
                "protocol",
                "publish",
                "snapshot",
                "layout",
                "gate",
                "history",
                "format",
                "json",
                "transition",
                "rules",
                "error",
                "patience",
            ],
        ),
        (
            "rules/",
            &[
                "disk", "engine", "wal", "lock", "store", "protocol", "publish", "snapshot", "layout",
                "gate", "history",
            ],
        ),
        (
            "transition/",
            &["disk", "engine", "wal", "lock", "store", "protocol", "publish", "snapshot", "layout", "gate"],
        ),
        (
            "format/",
            &["transition", "engine", "disk", "wal", "lock", "store", "publish", "snapshot", "layout"],
        ),
        ("engine/", &["wal", "lock", "store", "publish", "snapshot", "layout", "error"]),
        ("disk/", &["format", "engine", "wal", "lock", "store", "publish", "snapshot", "layout", "error"]),
        ("lock/", &["format", "engine", "wal", "store", "publish", "snapshot"]),
        ("protocol/", &["disk", "wal", "lock", "publish", "snapshot", "sync", "gate", "layout", "patience"]),
        ("wal/", &["engine", "lock", "store", "publish", "snapshot", "sync"]),
        (
            "sync/",
            &["json", "format", "engine", "disk", "wal", "lock", "store", "publish", "snapshot", "layout"],
        ),
    ];
    for source in sources() {
        for (layer, above) in layers {
            let known = above.iter().find(|module| source.names_path("crate", module));
            assert!(!source.is_in(&[layer]) || known.is_none(), "{} names {known:?}", source.name);
        }
    }
}

#[test]
fn the_engine_changes_no_file() {
    for source in sources().iter().filter(|source| source.is_in(&["engine/"])) {
        for word in ["Disk", "OsDisk", "OpenMode", "append_all"] {
            assert!(!source.names(word), "{} names {word}", source.name);
        }
        for method in ["append", "write_at", "set_len", "sync", "try_lock"] {
            assert!(!source.calls(method), "{} calls {method}()", source.name);
        }
    }
}

#[test]
fn codes_are_spelled_where_errors_are_made() {
    let breaks = |source: &Source| source.strings.iter().any(|text| text.starts_with("OPSLOG_"));
    assert_eq!(offenders(&["error.rs", "binding/error.rs"], breaks), Vec::<String>::new());
}

/// The functions of a source that JS calls, with what is in them.
fn exported(source: &Source) -> Vec<(String, Vec<String>)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(next) = source.tokens[at..].windows(2).position(|window| window == ["#", "["]) {
        at += next + 2;
        if source.tokens[at] != "napi" {
            continue;
        }
        let rest = &source.tokens[at..];
        let Some(body) = rest.iter().position(|token| token == "{") else { break };
        let Some(named) = rest[..body].iter().position(|token| token == "fn") else { continue };
        let mut depth = 0;
        let inside = rest[body..].iter().take_while(|token| {
            depth += i32::from(*token == "{") - i32::from(*token == "}");
            depth > 0
        });
        found.push((rest[named + 1].clone(), inside.cloned().collect()));
    }
    found
}

#[test]
fn every_call_from_js_catches_panics() {
    let mut count = 0;
    for source in sources().iter().filter(|source| source.is_in(&["binding/"])) {
        for (name, body) in exported(source) {
            let catches =
                |token: &String| ["caught", "caught_js", "plain", "begin", "Work"].contains(&token.as_str());
            // Adding the raw calls to the exports happens once, when the addon is loaded.
            let is_loading = source.name == "binding/hot.rs" && name == "register";
            assert!(is_loading || body.iter().any(catches), "{}: {name} catches no panics", source.name);
            count += 1;
        }
        let raw = source.text.matches("unsafe extern \"C\" fn ").count();
        let answered = source.text.matches("    answer(env, || {").count();
        assert!(
            source.name != "binding/hot.rs" || raw == answered && answered >= 4,
            "a raw call catches none"
        );
    }
    assert!(count > 60, "only {count} calls were found");
}

#[test]
fn every_source_says_what_it_is() {
    let silent = offenders(&[], |source| !source.text.starts_with("//!"));
    assert_eq!(silent, Vec::<String>::new());
}

/// More fields than these are two nouns, or need a reason.
const MOST_FIELDS: usize = 8;

/// The structs of a source with named fields: how many, and whether their documentation gives the reason for many.
fn structs(text: &str) -> Vec<(String, usize, bool)> {
    let mut found = Vec::new();
    let mut has_reason = false;
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let code = line.trim_start();
        if let Some(doc) = code.strip_prefix("///") {
            has_reason |= doc.trim_start().starts_with("One struct: ");
            continue;
        }
        // Attributes may stand between the documentation and the struct.
        if code.starts_with('#') {
            continue;
        }
        let rest = code.strip_prefix("pub(").and_then(|rest| rest.split_once(") ")).map(|(_, rest)| rest);
        let rest = rest.or(code.strip_prefix("pub ")).unwrap_or(code);
        if let Some(named) = rest.strip_prefix("struct ")
            && code.ends_with('{')
        {
            let name = named.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            let indent = line.len() - code.len();
            let end = format!("{}}}", " ".repeat(indent));
            let is_field = |line: &&str| {
                line.len() > indent + 4
                    && line.is_char_boundary(indent + 4)
                    && line[..indent + 4].trim().is_empty()
                    && line[indent + 4..].starts_with(|c: char| c.is_alphabetic() || c == '_')
            };
            let fields = lines.by_ref().take_while(|line| *line != end).filter(is_field).count();
            found.push((name, fields, has_reason));
        }
        has_reason = false;
    }
    found
}

#[test]
fn a_struct_with_many_fields_says_why_it_is_one() {
    let mut count = 0;
    for source in sources() {
        for (name, fields, has_reason) in structs(&source.text) {
            assert!(
                fields <= MOST_FIELDS || has_reason,
                "{}: {name} has {fields} fields. Make it two structs, or say in a line \"/// One struct: ...\" why it is one.",
                source.name
            );
            // A reason that is not needed any more goes.
            assert!(fields > MOST_FIELDS || !has_reason, "{}: {name} has {fields} fields", source.name);
            count += 1;
        }
    }
    assert!(count > 200, "only {count} structs were found");
}

#[test]
fn the_rule_for_structs_counts_fields_and_sees_reasons() {
    let many: String =
        (0..9).map(|field| format!("    /// One.\n    pub(super) field_{field}: u8,\n")).collect();
    let few = "/// Few.\nstruct Few {\n    one: (u8,\n        u8),\n}\n";
    let text = |doc: &str| {
        format!("{few}{doc}#[derive(Default)]\npub(in crate::store) struct Many<T> {{\n{many}}}\n")
    };
    let few = || ("Few".to_owned(), 1, false);
    assert_eq!(structs(&text("/// Many.\n")), [few(), ("Many".to_owned(), 9, false)]);
    assert_eq!(
        structs(&text("/// Many.\n///\n/// One struct: so.\n")),
        [few(), ("Many".to_owned(), 9, true)]
    );
}

#[test]
fn the_rules_see_groups_and_ignore_comments_and_strings() {
    let source = |text: &str| {
        let (tokens, strings) = split(text);
        Source { name: String::new(), text: text.to_owned(), tokens, strings }
    };
    assert!(source("use std::fs::File;").names_path("std", "fs"));
    assert!(source("use std::{fmt, io::{self, Read}, fs};").names_path("std", "fs"));
    assert!(!source("use std::{fmt, sub::{fs}};").names_path("std", "fs"));
    assert!(!source("// std::fs\nlet a = \"std::fs \\\" std::fs\"; let b = r#\"std::fs\"#;").names("fs"));
    assert!(source("fn f<'a>(x: &'a u8) { let c = '\"'; unsafe {} }").names("unsafe"));
    assert_eq!(source("x(b\"one\", '\\'', br#\"t\"wo\"#)").strings, ["one", "t\"wo"]);
}
