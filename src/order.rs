//! Sorting, compiled once. The standard library's sort is compiled anew for every type that is sorted, some 15 KB each
//! time; here only places are sorted, and what stands in them is moved once.

use std::cmp::Ordering;

/// Sorts by a comparison, keeping the order of what is equal, as `slice::sort_by` does. Costs 4 bytes for each item
/// meanwhile.
pub fn sort_by<T>(items: &mut Vec<T>, compare: impl Fn(&T, &T) -> Ordering) {
    sort_by_place(items, &|items: &[T], one, other| match (items.get(one), items.get(other)) {
        (Some(one), Some(other)) => compare(one, other),
        _ => Ordering::Equal,
    });
}

/// As [`sort_by`]; what is compared is told by its place in the list as it was.
pub fn sort_by_place<T>(items: &mut Vec<T>, compare: &dyn Fn(&[T], usize, usize) -> Ordering) {
    let list = items.as_slice();
    if (1..list.len()).all(|at| compare(list, at - 1, at) != Ordering::Greater) {
        return;
    }
    let mut places: Vec<u32> = (0..list.len() as u32).collect();
    sort_places(&mut places, &|one, other| compare(list, one as usize, other as usize));
    let mut taken: Vec<Option<T>> = std::mem::take(items).into_iter().map(Some).collect();
    items.extend(places.into_iter().filter_map(|place| taken.get_mut(place as usize).and_then(Option::take)));
}

/// As [`sort_by`], by a key.
pub fn sort_by_key<T, K: Ord>(items: &mut Vec<T>, key: impl Fn(&T) -> K) {
    sort_by(items, |one, other| key(one).cmp(&key(other)));
}

/// As [`sort_by`], by the items themselves.
pub fn sort<T: Ord>(items: &mut Vec<T>) {
    sort_by(items, T::cmp);
}

#[inline(never)]
fn sort_places(places: &mut [u32], compare: &dyn Fn(u32, u32) -> Ordering) {
    places.sort_by(|one, other| compare(*one, *other));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sort_by_key_equal_keys_stay_in_their_order() {
        let mut items: Vec<(u32, String)> = (0..5000).map(|n| (n * 7919 % 13, n.to_string())).collect();
        let mut expected = items.clone();
        expected.sort_by_key(|item| item.0);
        sort_by_key(&mut items, |item| item.0);
        assert_eq!(items, expected);
    }

    #[test]
    fn sort_nothing_and_what_is_sorted_stay_as_they_are() {
        let mut items: Vec<String> = Vec::new();
        sort(&mut items);
        assert!(items.is_empty());
        items.extend(["a".to_owned(), "b".to_owned()]);
        sort(&mut items);
        assert_eq!(items, ["a", "b"]);
    }
}
