//! What an index keeps of each record: the keys of the values at its paths. Where a path leads to a list, there is a key for
//! the list and one for each element, as queries look into lists.
//!
//! Invariant: whatever a query finds by a value at one of the paths has a key within the bounds of that value
//! ([`super::bounds`]). Keys are cut at [`LONGEST`], which keeps their order.

use super::claims::Claims;
use super::key;
use super::node::Node;
use super::parse::Refused;
use super::path::Path;

/// How many bytes of a key are kept.
pub const LONGEST: usize = 256;
/// How many keys a record has at most in an index over several paths. One with more has the empty key alone, which is looked at
/// in every search.
pub(super) const MOST_COMBINED: usize = 64;
/// How many indexes a store has at most, and how many paths an index.
const MOST_INDEXES: usize = 64;
const MOST_PATHS: usize = 16;
/// How long a name is at most, in bytes.
const LONGEST_NAME: usize = 1024;

/// The name of the order of ids, which no field's index can have.
const IDS: &str = "$id";

/// An index as it was declared, or the order of ids.
#[derive(Debug, Clone)]
pub struct Definition {
    name: String,
    pub(super) paths: Vec<Path>,
    is_unique: bool,
}

/// The keys of a record.
#[derive(Debug, Default)]
pub struct Keys {
    /// The keys, in order, each once.
    pub keys: Vec<Vec<u8>>,
    /// Whether there is one key that says all of the values at the paths: then keys stand in the order of the records.
    pub is_plain: bool,
}

impl Definition {
    /// Reads definitions: an object of names, each with an object that may hold `"unique":true`.
    ///
    /// # Errors
    /// [`Refused`], which names the index.
    pub fn parse_all(text: &[u8]) -> Result<Vec<Self>, Refused> {
        let entries = Node::read(text).entries();
        if entries.len() > MOST_INDEXES {
            let what = format!("declares {} indexes; at most {MOST_INDEXES} are kept", entries.len());
            return Err(Refused { place: "option indexes".to_owned(), what });
        }
        entries.iter().map(|(name, options)| Self::parse(name, options)).collect()
    }

    fn parse(name: &[u8], options: &Node<'_>) -> Result<Self, Refused> {
        let shown = String::from_utf8_lossy(name).into_owned();
        let refused = |what: String| {
            let mut place = b"option indexes: ".to_vec();
            crate::json::string::escape_into(&mut place, name);
            Err(Refused { place: String::from_utf8_lossy(&place).into_owned(), what })
        };
        if name.len() > LONGEST_NAME {
            return refused(format!("has {} bytes; at most {LONGEST_NAME} are possible", name.len()));
        }
        let mut paths: Vec<Path> = Vec::new();
        for path in name.split(|&byte| byte == b',') {
            let is_odd = path.is_empty() || path.trim_ascii().len() < path.len() || path.starts_with(b"$");
            if is_odd || path.split(|&byte| byte == b'.').any(<[u8]>::is_empty) {
                return refused(
                    "must be the path of a field, or several with commas between them".to_owned(),
                );
            }
            let Some(path) = Path::parse(path) else { return refused(super::parse::too_long()) };
            if paths.iter().any(|known| known.names() == path.names()) {
                return refused("names a field twice".to_owned());
            }
            paths.push(path);
        }
        if paths.len() > MOST_PATHS {
            return refused(format!("names {} fields; at most {MOST_PATHS} are possible", paths.len()));
        }
        let is_unique = options.child(b"unique").kind() == Some(crate::json::Kind::True);
        Ok(Self { name: shown, paths, is_unique })
    }

    /// The order of ids.
    pub fn of_ids() -> Self {
        Self { name: IDS.to_owned(), paths: Vec::new(), is_unique: false }
    }

    /// What an index in a file was made for, by its name.
    ///
    /// # Errors
    /// [`Refused`]: there can be no such index.
    pub fn named(name: &[u8]) -> Result<Self, Refused> {
        if name == IDS.as_bytes() { Ok(Self::of_ids()) } else { Self::parse(name, &Node::Missing) }
    }

    /// Whether it is the order of ids.
    pub fn is_of_ids(&self) -> bool {
        self.paths.is_empty()
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether no two records may have the same values.
    pub fn is_unique(&self) -> bool {
        self.is_unique
    }

    /// The keys of a record.
    pub fn keys(&self, id: &[u8], text: &[u8]) -> Keys {
        if self.is_of_ids() {
            let mut key = id_key(id);
            let is_plain = key.len() <= LONGEST;
            key.truncate(LONGEST);
            return Keys { keys: vec![key], is_plain };
        }
        let values: Vec<Vec<Vec<u8>>> = self.values(text);
        // NOTE: a list is sorted by its elements, also if there are none.
        let is_plain =
            values.iter().all(|keys| keys.len() == 1 && !keys.iter().any(|value| key::is_list(value)));
        let mut count = 1_usize;
        for keys in &values {
            count = count.saturating_mul(keys.len());
        }
        if values.len() > 1 && count > MOST_COMBINED {
            return Keys { keys: vec![Vec::new()], is_plain: false };
        }
        let mut keys = combined(&values);
        let is_whole = keys.iter().all(|key| key.len() <= LONGEST);
        keys.iter_mut().for_each(|key| key.truncate(LONGEST));
        sort_once(&mut keys);
        Keys { keys, is_plain: is_plain && is_whole }
    }

    /// What no other record may have, where this index is unique.
    pub fn claims(&self, text: &[u8]) -> Claims {
        Claims::new(self.values(text))
    }

    /// The value at the path as JSON, or a list of those at several.
    pub fn shown(&self, text: &[u8]) -> Vec<u8> {
        let node = Node::read(text);
        let mut values = self.paths.iter().map(|path| path.unwrapped(&node)).collect::<Vec<_>>();
        let mut out = Vec::new();
        match values.pop() {
            Some(only) if values.is_empty() => print(&only, &mut out),
            last => print(&Node::List(values.into_iter().chain(last).collect()), &mut out),
        }
        out
    }

    /// For each path the keys of what stands there.
    fn values(&self, text: &[u8]) -> Vec<Vec<Vec<u8>>> {
        let node = Node::read(text);
        let value_at = |path: &Path| {
            let value = if node.is_container() { path.unwrapped(&node) } else { Node::Missing };
            let mut keys = Vec::new();
            gather(&value, path.dots() + 1, &mut keys);
            sort_once(&mut keys);
            keys
        };
        self.paths.iter().map(value_at).collect()
    }
}

/// The key of an id: its bytes stand in the order of UTF-16 code units.
pub fn id_key(id: &[u8]) -> Vec<u8> {
    if id.iter().all(|byte| *byte < 0xf0) {
        return id.to_vec();
    }
    // What takes two code units in UTF-16 takes four bytes in UTF-8: each unit is written on its own.
    crate::json::string::to_utf16(id)
        .into_iter()
        .flat_map(|unit| crate::json::string::from_utf16(&[unit]))
        .collect()
}

/// The id that has a key, if that is whole.
pub fn id_of_key(key: &[u8]) -> Vec<u8> {
    if !key.contains(&0xed) {
        return key.to_vec();
    }
    crate::json::string::from_utf16(&crate::json::string::to_utf16(key))
}

/// The key of a value, and of the elements of a list, through so many levels of lists.
fn gather(value: &Node<'_>, levels: usize, keys: &mut Vec<Vec<u8>>) {
    let mut own = Vec::new();
    key::write(&mut own, value);
    keys.push(own);
    if let Some(levels) = levels.checked_sub(1)
        && value.is_list()
    {
        for element in value.elements() {
            gather(&element, levels, keys);
        }
    }
}

fn print(node: &Node<'_>, out: &mut Vec<u8>) {
    match node {
        Node::Raw(text) => out.extend_from_slice(text),
        Node::List(nodes) => {
            out.push(b'[');
            for (at, node) in nodes.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                print(node, out);
            }
            out.push(b']');
        }
        Node::Missing | Node::Object(..) => out.extend_from_slice(b"null"),
    }
}

pub(super) fn sort_once(keys: &mut Vec<Vec<u8>>) {
    if keys.len() > 1 {
        crate::order::sort(keys);
        keys.dedup();
    }
}

/// Each key of the first value with each of the next, and so on.
pub(super) fn combined(values: &[Vec<Vec<u8>>]) -> Vec<Vec<u8>> {
    let mut all = vec![Vec::new()];
    for keys in values {
        let longer =
            all.iter().flat_map(|prefix| keys.iter().map(move |key| [prefix.as_slice(), key].concat()));
        all = longer.collect();
    }
    all
}
