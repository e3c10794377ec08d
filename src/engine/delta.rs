//! Patches that lead from a record back to its previous value: which top-level fields to set, which to
//! remove. The patches of 0.8.1, on text.
//!
//! Invariant: applying the patch to the new text gives the old text back, byte for byte up to the order
//! of fields. Fields are own properties whatever their name. Only for canonical texts of plain objects:
//! there, equal text means equal value.

use crate::json::array::elements;
use crate::json::object::{NARROW, entries, sort_keys};
use crate::json::scan::skip_string;
use crate::json::string::{escape_into, unescape, utf16_len};
use crate::json::{Kind, Members, kind, part, skip_value, string_body};
use hashbrown::{HashMap, HashSet};
use std::borrow::Cow;

/// The patch that turns `new` into `old`; `None` if they are equal, if the patch would be no shorter than
/// `old` (in UTF-16 code units, as 0.8.1 counts), or if either is no object.
///
/// Also `None` where the patch would set a field named `__proto__`: 0.8.1 could not apply it.
pub fn reverse_delta(old: &[u8], new: &[u8]) -> Option<Vec<u8>> {
    let patch = patch_of_values(old, new).or_else(|| patch_of_fields(old, new))?;
    (utf16_len(&patch) < utf16_len(old)).then_some(patch)
}

/// How much room a patch has at first, at most.
const ROOM: usize = 1 << 10;

/// The patch between records with the same fields in the same order, as most are; `None` if they are not, if they
/// are equal, or if there is more to it.
fn patch_of_values(old: &[u8], new: &[u8]) -> Option<Vec<u8>> {
    let mut patch = Vec::with_capacity(old.len().min(ROOM));
    let mut set = List { out: &mut patch, opening: b"{\"$set\":{", empty: true };
    let (mut at, mut there) = (1, 1);
    loop {
        if *old.get(at)? != b'"' {
            return None;
        }
        let colon = skip_string(old, at + 1)?;
        let end = skip_value(old, colon + 1)?;
        let field = old.get(at..end)?;
        let rest = new.get(there..)?;
        if rest.starts_with(field) && matches!(rest.get(field.len()), Some(b',' | b'}')) {
            there += field.len();
        } else {
            let name = old.get(at..colon + 1)?;
            if !rest.starts_with(name) || name == b"\"__proto__\":" {
                return None;
            }
            there = skip_value(new, there + name.len())?;
            set.next().extend_from_slice(field);
        }
        at = end;
        if !set.empty && old.get(at..)? == new.get(there..)? {
            break;
        }
        match (old.get(at)?, new.get(there)?) {
            (b',', b',') => (at, there) = (at + 1, there + 1),
            _ => return None,
        }
    }
    patch.extend_from_slice(b"}}");
    Some(patch)
}

/// The patch between any two records; `None` if there is none, whatever its length.
fn patch_of_fields(old: &[u8], new: &[u8]) -> Option<Vec<u8>> {
    let old_fields = read_fields(old)?;
    let new_fields = read_fields(new)?;
    let mut patch = Vec::new();
    let mut set = List { out: &mut patch, opening: b"{\"$set\":{", empty: true };
    let mut lookup = Lookup::new(&new_fields);
    for &(key, value) in &old_fields {
        if lookup.value(key) == Some(value) {
            continue;
        }
        if key == b"__proto__" {
            return None;
        }
        let out = set.next();
        out.push(b'"');
        out.extend_from_slice(key);
        out.extend_from_slice(b"\":");
        out.extend_from_slice(value);
    }
    let opening = if set.empty { b"{\"$unset\":[".as_slice() } else { b"},\"$unset\":[" };
    let nothing_set = set.empty;
    let mut unset = List { out: &mut patch, opening, empty: true };
    let mut lookup = Lookup::new(&old_fields);
    for &(key, _) in &new_fields {
        if lookup.value(key).is_none() {
            let out = unset.next();
            out.push(b'"');
            out.extend_from_slice(key);
            out.push(b'"');
        }
    }
    match (nothing_set, unset.empty) {
        (true, true) => return None,
        (false, true) => patch.extend_from_slice(b"}}"),
        (_, false) => patch.extend_from_slice(b"]}"),
    }
    Some(patch)
}

/// Writes its opening before the first item and commas before the others.
struct List<'o> {
    out: &'o mut Vec<u8>,
    opening: &'static [u8],
    empty: bool,
}

impl List<'_> {
    fn next(&mut self) -> &mut Vec<u8> {
        let before: &[u8] = if self.empty { self.opening } else { b"," };
        self.out.extend_from_slice(before);
        self.empty = false;
        self.out
    }
}

/// A raw key and the text of its value. In canonical text, raw keys are equal only if the keys are.
type Field<'a> = (&'a [u8], &'a [u8]);

fn read_fields(text: &[u8]) -> Option<Vec<Field<'_>>> {
    let mut fields = Vec::with_capacity(NARROW);
    for member in Members::new(text) {
        let member = member.ok()?;
        fields.push((member.key, part(text, member.value)));
    }
    Some(fields)
}

/// Finds one object's fields while another's are walked.
struct Lookup<'f, 'a> {
    fields: &'f [Field<'a>],
    /// Where the next field stands if both objects have the same ones in the same order.
    expected: usize,
    /// Filled for wide objects, once the order was found to differ.
    places: HashMap<&'a [u8], usize>,
}

impl<'f, 'a> Lookup<'f, 'a> {
    fn new(fields: &'f [Field<'a>]) -> Self {
        Self { fields, expected: 0, places: HashMap::new() }
    }

    fn value(&mut self, key: &[u8]) -> Option<&'a [u8]> {
        let place = self.place(key)?;
        self.expected = place + 1;
        self.fields.get(place).map(|&(_, value)| value)
    }

    fn place(&mut self, key: &[u8]) -> Option<usize> {
        if self.fields.get(self.expected).is_some_and(|&(there, _)| there == key) {
            return Some(self.expected);
        }
        if self.fields.len() <= NARROW {
            return self.fields.iter().position(|&(there, _)| there == key);
        }
        if self.places.is_empty() {
            self.places = self.fields.iter().enumerate().map(|(at, &(key, _))| (key, at)).collect();
        }
        self.places.get(key).copied()
    }
}

/// The text that a patch makes of the current one; `None` if either is not what it should be: an object,
/// with an object as `$set` and an array of strings as `$unset`.
pub fn apply_delta(current: &[u8], patch: &[u8]) -> Option<Vec<u8>> {
    apply_in_order(current, patch).or_else(|| apply_to_fields(current, patch))
}

/// How many fields a patch sets at most that is applied in one pass.
const FEW: usize = 8;

/// What a patch makes of a record that has all the fields that it sets, in the same order, as most do; `None` if there is more
/// to it.
fn apply_in_order(current: &[u8], patch: &[u8]) -> Option<Vec<u8>> {
    let start = patch.starts_with(b"{\"$set\":{\"").then_some(9)?;
    let mut wanted = Some(start);
    let mut out = Vec::with_capacity(current.len() + patch.len());
    let (mut at, mut set, mut count) = (1, [b"".as_slice(); FEW], 0);
    let mut opening = b'{';
    if *current.first()? != b'{' {
        return None;
    }
    loop {
        if *current.get(at)? != b'"' {
            return None;
        }
        let colon = skip_string(current, at + 1)?;
        let key = current.get(at..colon)?;
        // NOTE: a number comes first, an escape may be another spelling, and of a field that is there twice the last one counts.
        let is_plain = key.is_ascii() && !key.contains(&b'\\') && !key.get(1)?.is_ascii_digit();
        let is_set_before = set.iter().take(count).any(|before| *before == key);
        if !is_plain || is_set_before || *current.get(colon)? != b':' {
            return None;
        }
        let end = skip_value(current, colon + 1)?;
        out.push(opening);
        opening = b',';
        match wanted.filter(|from| patch.get(*from..).is_some_and(|rest| rest.starts_with(key))) {
            Some(from) if *patch.get(from + key.len())? == b':' => {
                let value_end = skip_value(patch, from + key.len() + 1)?;
                out.extend_from_slice(patch.get(from..value_end)?);
                *set.get_mut(count)? = key;
                count += 1;
                wanted = match patch.get(value_end..)? {
                    b"}}" | b"},\"$unset\":[]}" => None,
                    [b',', b'"', ..] => Some(value_end + 1),
                    _ => return None,
                };
            }
            _ => out.extend_from_slice(current.get(at..end)?),
        }
        match *current.get(end)? {
            b',' => at = end + 1,
            b'}' if end + 1 == current.len() => break,
            _ => return None,
        }
    }
    out.push(b'}');
    wanted.is_none().then_some(out)
}

fn apply_to_fields(current: &[u8], patch: &[u8]) -> Option<Vec<u8>> {
    let mut fields = own_fields(current)?;
    let (set, unset) = read_patch(patch)?;
    let mut places: HashMap<Cow<'_, [u8]>, usize> = HashMap::new();
    let wide = fields.len() + set.len() > NARROW;
    if wide {
        places.extend(fields.iter().enumerate().map(|(place, (key, _))| (key.clone(), place)));
    }
    for (key, value) in set {
        let place = if wide {
            *places.entry(key.clone()).or_insert(fields.len())
        } else {
            fields.iter().position(|(there, _)| *there == key).unwrap_or(fields.len())
        };
        match fields.get_mut(place) {
            Some(field) => field.1 = value,
            None => fields.push((key, value)),
        }
    }
    fields.retain(|(key, _)| !unset.contains(key));
    sort_keys(&mut fields, |(key, _)| key);
    let mut out = Vec::with_capacity(current.len() + patch.len());
    out.push(b'{');
    for (place, (key, value)) in fields.into_iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        escape_into(&mut out, &key);
        out.push(b':');
        out.extend_from_slice(value);
    }
    out.push(b'}');
    Some(out)
}

/// Decoded keys and the texts of their values.
type OwnFields<'a> = Vec<(Cow<'a, [u8]>, &'a [u8])>;

fn own_fields(text: &[u8]) -> Option<OwnFields<'_>> {
    let entries = entries(text).ok()?;
    Some(entries.into_iter().map(|entry| (entry.key, part(text, entry.value))).collect())
}

/// What to set and what to remove.
type Patch<'a> = (OwnFields<'a>, HashSet<Cow<'a, [u8]>>);

fn read_patch(patch: &[u8]) -> Option<Patch<'_>> {
    let mut set = Vec::new();
    let mut unset = HashSet::new();
    for (key, value) in own_fields(patch)? {
        match &*key {
            // What JavaScript calls falsy, 0.8.1 takes for absent.
            b"$set" | b"$unset" if matches!(kind(value), Some(Kind::Null | Kind::False)) => {}
            b"$set" => set = own_fields(value)?,
            b"$unset" => {
                let keys = elements(value)?.into_iter().map(string_body);
                unset = keys.map(|body| body.map(unescape)).collect::<Option<_>>()?;
            }
            _ => {}
        }
    }
    Some((set, unset))
}

#[cfg(test)]
mod tests {
    use super::{apply_delta, reverse_delta};

    fn reverse(old: &str, new: &str) -> Option<String> {
        reverse_delta(old.as_bytes(), new.as_bytes()).map(|patch| String::from_utf8(patch).unwrap())
    }

    fn apply(current: &str, patch: &str) -> Option<String> {
        apply_delta(current.as_bytes(), patch.as_bytes()).map(|text| String::from_utf8(text).unwrap())
    }

    const LONG: &str = r#""text":"long enough to make any patch the shorter one""#;

    #[test]
    fn a_patch_names_what_to_set_and_what_to_remove() {
        let old = format!(r#"{{"1":0,"b":[1],"c":2,{LONG}}}"#);
        let new = format!(r#"{{"c":3,{LONG},"d":1,"e":2}}"#);
        let patch = reverse(&old, &new).unwrap();
        assert_eq!(patch, r#"{"$set":{"1":0,"b":[1],"c":2},"$unset":["d","e"]}"#);
        let back = format!(r#"{{"1":0,"c":2,{LONG},"b":[1]}}"#);
        assert_eq!(apply(&new, &patch), Some(back));
    }

    #[test]
    fn there_is_no_patch_between_equal_records_or_when_it_is_not_shorter() {
        assert_eq!(reverse(r#"{"a":1}"#, r#"{"a":1}"#), None);
        assert_eq!(reverse(r#"{"a":1}"#, r#"{"a":2}"#), None);
        // 18 code units either way, but fewer bytes in the patch: units count.
        assert_eq!(reverse("{\"a\":1,\"b\":\"\u{e9}\u{e9}\"}", "{\"b\":\"\u{e9}\u{e9}\"}"), None);
        assert_eq!(reverse("[1,2,3,4,5,6,7,8,9,0,1,2,3]", "[1]"), None);
    }

    #[test]
    fn records_with_the_same_fields_have_the_patch_that_comparing_all_fields_gives() {
        let values =
            ["1", "12", "\"1\"", "\"\\\"}\"", "[1,{\"a\":2}]", "{\"a\":\"},\"}", "null", "\"\u{e9}\""];
        let names = ["a", "b", "\\\"", "__proto__", "c"];
        let record = |seed: usize, fields: usize| {
            let field = |at: usize| format!("\"{}\":{}", names[at], values[seed / 8usize.pow(at as u32) % 8]);
            format!("{{{}}}", (0..fields).map(field).collect::<Vec<_>>().join(","))
        };
        let (mut fast, mut tried) = (0, 0);
        for seed in 0..20_000 {
            let (one, other) = (seed * 7919 % 32_768, seed * 104_729 % 32_768);
            let (old, new) = (
                record(one, 5 - seed % 3),
                record(if seed % 2 == 0 { other } else { one ^ 9 }, 5 - seed % 4),
            );
            tried += 1;
            if let Some(patch) = super::patch_of_values(old.as_bytes(), new.as_bytes()) {
                fast += 1;
                assert_eq!(
                    Some(patch),
                    super::patch_of_fields(old.as_bytes(), new.as_bytes()),
                    "{old} {new}"
                );
            }
        }
        assert!(fast > tried / 10, "{fast} of {tried}");
    }

    #[test]
    fn a_patch_applied_in_one_pass_gives_what_applying_it_to_all_fields_gives() {
        let values = ["1", "\"}\"", "[1,{\"a\":2}]", "{\"b\":\"},\"}", "null", "\"\u{e9}\"", "1 ", ""];
        let names = ["a", "b", "\\u0061", "__proto__", "7", "a\u{e9}", "b", "$set"];
        let mut dice = 1u64;
        let mut roll = |sides: usize| {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (dice >> 33) as usize % sides
        };
        let mut object = |most: usize, odd: usize| {
            let field = |roll: &mut dyn FnMut(usize) -> usize| {
                format!("\"{}\":{}", names[roll(odd)], values[roll(odd)])
            };
            let count = roll(most + 1);
            format!("{{{}}}", (0..count).map(|_| field(&mut roll)).collect::<Vec<_>>().join(","))
        };
        let (mut fast, tried) = (0, 40_000);
        for seed in 0..tried {
            let odd = 2 + seed % 7;
            let current = object(4, odd);
            let set = object(3, odd);
            let patch = match seed % 4 {
                0 => format!("{{\"$set\":{set},\"$unset\":[]}}"),
                1 if seed % 3 == 0 => format!("{{\"$set\":{set},\"$unset\":[\"b\"]}}"),
                _ => format!("{{\"$set\":{set}}}"),
            };
            if let Some(found) = super::apply_in_order(current.as_bytes(), patch.as_bytes()) {
                fast += 1;
                let found = String::from_utf8(found).unwrap();
                let wanted = super::apply_to_fields(current.as_bytes(), patch.as_bytes());
                // What is there twice is the same to every reader: the last one counts.
                let wanted = wanted.map(|text| apply(&String::from_utf8(text).unwrap(), "{}").unwrap());
                let found = super::apply_to_fields(found.as_bytes(), b"{}").unwrap();
                assert_eq!(Some(String::from_utf8(found).unwrap()), wanted, "{current} {patch}");
            }
        }
        assert!(fast > tried / 50, "{fast} of {tried}");
    }

    #[test]
    fn names_of_the_prototype_are_plain_fields() {
        let old = format!(r#"{{"constructor":1,{LONG}}}"#);
        let new = format!(r#"{{{LONG},"toString":2,"__proto__":3}}"#);
        let patch = reverse(&old, &new).unwrap();
        assert_eq!(patch, r#"{"$set":{"constructor":1},"$unset":["toString","__proto__"]}"#);
        assert_eq!(apply(&new, &patch), Some(format!(r#"{{{LONG},"constructor":1}}"#)));
        assert_eq!(apply("{}", r#"{"$set":{"__proto__":1}}"#), Some(r#"{"__proto__":1}"#.into()));
    }

    #[test]
    fn a_proto_field_that_must_be_restored_is_left_to_the_whole_record() {
        let record = |value: u8| format!(r#"{{"__proto__":{value},{LONG}}}"#);
        assert_eq!(reverse(&record(1), &record(2)), None);
    }

    #[test]
    fn wide_records_with_fields_out_of_step_are_compared_by_name() {
        let fields = |skip: usize| {
            let all = (0..100).filter(|at| at % 10 != skip).map(|at| format!("\"k{at}\":{at}"));
            format!("{{{}}}", all.collect::<Vec<_>>().join(","))
        };
        let patch = reverse(&fields(3), &fields(4)).unwrap();
        assert!(patch.starts_with(r#"{"$set":{"k4":4,"k14":14,"#), "{patch}");
        assert!(patch.contains(r#"},"$unset":["k3","k13","#), "{patch}");
    }

    #[test]
    fn what_is_no_patch_is_refused() {
        assert_eq!(apply("{}", r#"{"$set":[1]}"#), None);
        assert_eq!(apply("{}", r#"{"$unset":[1]}"#), None);
        assert_eq!(apply("[]", "{}"), None);
        assert_eq!(apply(r#"{"a":1}"#, r#"{"$set":null}"#), Some(r#"{"a":1}"#.into()));
    }
}
