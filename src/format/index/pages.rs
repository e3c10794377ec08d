//! Prints the pages of an index in order, so that a long one need not be in memory as a whole.
//!
//! Invariant: a slot stands in the page of its tag, or behind pages that are full and say so; behind the last page comes the first.

use super::{PAGE, SLOTS, Slot, checksum, home, pages_for};

/// The pages that are still to be printed.
pub struct Pages {
    /// In the order in which they fill the pages.
    slots: Vec<Slot>,
    /// How many slots are in pages that were printed.
    printed: usize,
    /// How many of the first ones have found no room in the last pages.
    wrapped: usize,
    seal: u64,
    pages: u32,
    next: u32,
}

impl Pages {
    /// The pages of slots, with the seal of their header; 0 for none.
    pub fn new(mut slots: Vec<Slot>, seal: u64) -> Self {
        // NOTE: one number is compared faster than a tuple.
        slots.sort_unstable_by_key(|slot| (u128::from(slot.tag) << 64) | u128::from(slot.offset));
        let pages = pages_for(slots.len() as u64);
        let wrapped = beyond_the_last(&slots, pages);
        slots.rotate_right(wrapped);
        Self { slots, printed: 0, wrapped, seal, pages, next: 0 }
    }

    /// Prints the next pages, as many whole ones as there is room for. Returns the number of bytes; 0 at the end.
    pub fn print(&mut self, out: &mut [u8]) -> usize {
        let mut len = 0;
        for page in out.chunks_exact_mut(PAGE) {
            if self.next == self.pages {
                break;
            }
            self.print_page(page);
            len += PAGE;
        }
        len
    }

    fn print_page(&mut self, page: &mut [u8]) {
        let number = self.next;
        self.next += 1;
        let rest = self.slots.get(self.printed..).unwrap_or_default();
        let wrapped = self.wrapped.saturating_sub(self.printed);
        let belongs = |(at, slot): &(usize, &Slot)| *at < wrapped || home(slot.tag, self.pages) <= number;
        let here = rest.iter().enumerate().take_while(belongs).take(SLOTS + 1).count();
        let is_full = here > SLOTS || self.next == self.pages && self.wrapped > 0;
        let here = here.min(SLOTS);
        // What its checksum is about, with its number before.
        let mut body = Vec::with_capacity(PAGE);
        body.extend_from_slice(&(here as u16).to_le_bytes());
        body.extend_from_slice(&u16::from(is_full).to_le_bytes());
        body.extend_from_slice(&self.seal.to_le_bytes());
        for slot in rest.iter().take(here) {
            body.extend_from_slice(&slot.tag.to_le_bytes());
            body.extend_from_slice(&slot.len.to_le_bytes());
            body.extend_from_slice(&slot.offset.to_le_bytes());
        }
        body.resize(PAGE - 4, 0);
        self.printed += here;
        if let Some((sum, rest)) = page.split_at_mut_checked(4) {
            sum.copy_from_slice(&checksum(&[&number.to_le_bytes(), &body]).to_le_bytes());
            rest.copy_from_slice(&body);
        }
    }

    /// All pages in one piece.
    #[cfg(test)]
    pub fn whole(mut self) -> Vec<u8> {
        let mut bytes = vec![0; self.pages as usize * PAGE];
        assert_eq!(self.print(&mut bytes), bytes.len());
        bytes
    }
}

/// How many slots find no room from the page of their tag to the last one. They go on in the first: there are more places
/// than slots, so that these displace none beyond the last page.
fn beyond_the_last(slots: &[Slot], pages: u32) -> usize {
    let mut beyond = 0;
    let mut page = 0;
    for slot in slots {
        let home = home(slot.tag, pages);
        beyond = usize::saturating_sub(beyond, (home - page) as usize * SLOTS) + 1;
        page = home;
    }
    beyond.saturating_sub((pages - page) as usize * SLOTS)
}

#[cfg(test)]
mod tests {
    use super::super::{Page, next_page};
    use super::*;

    /// Puts each slot into the first page from its own on that has room, and says how many each page has and whether it is full.
    fn filled_one_by_one(slots: &[Slot]) -> Vec<(usize, bool)> {
        let pages = pages_for(slots.len() as u64);
        let mut filled = vec![(0, false); pages as usize];
        for slot in slots {
            let mut number = home(slot.tag, pages);
            while filled[number as usize].0 == SLOTS {
                filled[number as usize].1 = true;
                number = next_page(number, pages);
            }
            filled[number as usize].0 += 1;
        }
        filled
    }

    #[test]
    fn each_page_has_what_it_has_when_slots_are_put_in_one_by_one() {
        for count in [0, 1, 44, 45, 63, 64, 88, 89, 200, 1000, 20_000] {
            for factor in [0, 1, 0x9E37_79B9, 0x00FF_FFFF, 0xFFFF_0000, u32::MAX] {
                let slots: Vec<Slot> = (0..count)
                    .map(|n: u32| Slot {
                        tag: n.wrapping_mul(factor).wrapping_sub(1),
                        len: n,
                        offset: n.into(),
                    })
                    .collect();
                let bytes = Pages::new(slots.clone(), 7).whole();
                let pages: Vec<Page<'_>> =
                    (0..).zip(bytes.chunks(PAGE)).map(|(n, b)| Page::parse(b, n).unwrap()).collect();
                let found: Vec<_> = pages.iter().map(|page| (page.all().count(), page.is_full())).collect();
                assert_eq!(found, filled_one_by_one(&slots), "{count} {factor}");
                let mut all: Vec<u32> = pages.iter().flat_map(Page::all).map(|(_, slot)| slot.len).collect();
                all.sort_unstable();
                assert_eq!(all, (0..count).collect::<Vec<_>>(), "{count} {factor}");
            }
        }
    }

    #[test]
    fn pages_are_the_same_however_many_are_printed_at_once() {
        let slots: Vec<Slot> = (0..1000_u32)
            .map(|n| Slot { tag: n.wrapping_mul(0x9E37_79B9) | 0xF000_0000, len: n, offset: n.into() })
            .collect();
        let whole = Pages::new(slots.clone(), 7).whole();
        for room in [PAGE, 3 * PAGE, 5 * PAGE + 1] {
            let mut pages = Pages::new(slots.clone(), 7);
            let mut bytes = Vec::new();
            let mut piece = vec![1; room];
            while let len @ 1.. = pages.print(&mut piece) {
                bytes.extend_from_slice(&piece[..len]);
            }
            assert!(bytes == whole, "{room}");
        }
    }
}
