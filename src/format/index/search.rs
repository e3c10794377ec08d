//! A lookup in the pages of an index, wherever they are read from: says which page comes next, and takes its bytes.

use super::{Header, PAGE, Page, Slot, home, next_page};

/// Looks for the lines whose ids have a tag.
#[derive(Debug)]
pub struct Search {
    tag: u32,
    pages: u32,
    number: u32,
    /// How many pages may be read at most; 0 when everything was found.
    left: u32,
    found: Vec<Slot>,
}

impl Search {
    /// Begins in an index of so many pages.
    pub fn new(tag: u32, pages: u32) -> Self {
        Self { tag, pages, number: home(tag, pages), left: pages, found: Vec::new() }
    }

    /// The page that is to be read next; `None` at the end.
    pub fn page(&self) -> Option<u32> {
        (self.left > 0).then_some(self.number)
    }

    /// Takes the bytes of that page. `None` if they are not the whole page, or it is damaged.
    pub fn take(&mut self, bytes: &[u8]) -> Option<()> {
        self.take_if(bytes, |_| true)
    }

    /// As [`Search::take`] of a page that was read by itself: the index may have been replaced by another since its header was read.
    pub fn take_of(&mut self, bytes: &[u8], header: &Header) -> Option<()> {
        self.take_if(bytes, |page| page.is_of(header))
    }

    fn take_if(&mut self, bytes: &[u8], is_right: impl FnOnce(&Page<'_>) -> bool) -> Option<()> {
        let page = Page::parse(bytes, self.number).filter(|page| bytes.len() == PAGE && is_right(page))?;
        self.found.extend(page.slots(self.tag));
        self.left = if page.is_full() { self.left.saturating_sub(1) } else { 0 };
        self.number = next_page(self.number, self.pages);
        Some(())
    }

    /// The lines that were found.
    pub fn found(self) -> Vec<Slot> {
        self.found
    }
}

#[cfg(test)]
mod tests {
    use super::super::{PAGE, Pages};
    use super::*;

    fn print_pages(slots: Vec<Slot>) -> Vec<u8> {
        Pages::new(slots, 0).whole()
    }

    fn look(bytes: &[u8], tag: u32) -> Option<Vec<Slot>> {
        let mut search = Search::new(tag, (bytes.len() / PAGE) as u32);
        while let Some(number) = search.page() {
            let at = number as usize * PAGE;
            search.take(bytes.get(at..(at + PAGE).min(bytes.len()))?)?;
        }
        Some(search.found())
    }

    fn slot(tag: u32, n: u32) -> Slot {
        Slot { tag, len: n, offset: u64::from(n) * 100 }
    }

    fn spread(n: u32) -> Slot {
        slot(n.wrapping_mul(0x9E37_79B9), n)
    }

    #[test]
    fn every_line_is_found_and_no_other() {
        let bytes = print_pages((0..10_000).map(spread).collect());
        for n in 0..10_000 {
            assert_eq!(look(&bytes, spread(n).tag), Some(vec![spread(n)]));
        }
        assert_eq!(look(&bytes, spread(10_000).tag), Some(vec![]));
    }

    #[test]
    fn lines_whose_ids_collide_are_all_found() {
        let slots: Vec<Slot> = (0..5000).map(|n| slot(spread(n / 3).tag, n)).collect();
        let bytes = print_pages(slots.clone());
        for n in 0..1666 {
            assert_eq!(look(&bytes, spread(n).tag), Some(slots[n as usize * 3..][..3].to_vec()));
        }
    }

    #[test]
    fn lines_behind_the_last_page_go_on_in_the_first() {
        let last: Vec<Slot> = (0..200).map(|n| slot(u32::MAX, n)).collect();
        let bytes = print_pages(last.clone());
        assert!(bytes.len() > PAGE);
        assert_eq!(look(&bytes, u32::MAX), Some(last));
        assert_eq!(look(&bytes, 0), Some(vec![]));
    }

    #[test]
    fn an_index_whose_pages_all_say_that_they_are_full_ends_the_search() {
        let mut bytes = print_pages((0..130).map(spread).collect());
        for (number, page) in bytes.chunks_exact_mut(PAGE).enumerate() {
            page[6] = 1;
            let sum = super::super::checksum(&[&(number as u32).to_le_bytes(), &page[4..]]);
            page[..4].copy_from_slice(&sum.to_le_bytes());
        }
        assert_eq!(look(&bytes, 7), Some(vec![]));
    }

    #[test]
    fn a_page_that_is_damaged_short_or_another_is_none() {
        let bytes = print_pages((0..100).map(spread).collect());
        let (first, second) = bytes.split_at(PAGE);
        let take = |bytes: &[u8]| Search::new(0, 2 + (second.len() / PAGE) as u32).take(bytes);
        assert_eq!(take(first), Some(()));
        assert_eq!(take(&second[..PAGE]), None);
        assert_eq!(take(&first[..PAGE - 1]), None);
        assert_eq!(take(&[]), None);
        let mut damaged = first.to_vec();
        damaged[20] ^= 1;
        assert_eq!(take(&damaged), None);
    }
}
