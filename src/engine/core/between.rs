//! An operation of another agent that stands before later ones in the order, while these concern other records: it takes its place among them,
//! and nothing is taken back for it. An agent that appends without having read what others wrote has the lower clock, so each of its
//! operations is one of these. Everything else is for [`Engine::integrate`].

use std::io;

use super::Engine;
use crate::engine::operation::{Logged, Operation};
use crate::engine::slots::Id;
use crate::engine::text::Text;
use crate::format::operation::Kind;

/// So many at once: for each, the operations behind it are looked through.
const MOST: usize = 32;

impl Engine {
    /// Takes the first of some operations in, which are in their order, as long as each gives a record that is there a new value and no
    /// operation behind it in the order concerns that record: the others stay as they are. Leaves the rest. Returns the records concerned.
    ///
    /// # Errors
    /// Those of reading.
    pub(super) fn take_between(&mut self, added: &mut Vec<Operation>) -> io::Result<Vec<Id>> {
        let mut changed = Vec::new();
        let mut rest = std::mem::take(added).into_iter();
        while changed.len() < MOST
            && let Some(next) = rest.as_slice().first()
            && let Some((place, before)) = self.place_between(next)?
            && let Some(operation) = rest.next()
        {
            changed.push(Id::clone(&operation.id));
            self.insert(place, operation, before)?;
        }
        *added = rest.collect();
        Ok(changed)
    }

    /// Where an operation is put without taking others back, and the record's value there; `None` where it is not.
    fn place_between(&self, operation: &Operation) -> io::Result<Option<(usize, Text)>> {
        let place = self.operations.partition_point(|other| other.rank() < operation.rank());
        let Some((next, behind)) = self.operations.get(place..).and_then(<[_]>::split_first) else {
            return Ok(None);
        };
        // NOTE: what has the same rank may be the same line, read once more.
        let is_apart = next.rank() != operation.rank()
            && operation.kind == Kind::Set
            && self.journal.is_none()
            && !self.records.is_apart();
        if !is_apart || next.id == operation.id || behind.iter().any(|other| other.id == operation.id) {
            return Ok(None);
        }
        Ok(self.records.get(&operation.id)?.map(|before| (place, before)))
    }

    fn insert(&mut self, place: usize, operation: Operation, before: Text) -> io::Result<()> {
        let data = operation.data()?;
        if let Some(rank) = operation.rank() {
            self.see_clock(rank.clock);
        }
        let Operation { id, line, batch, origin, version, .. } = operation;
        self.apply(Logged { id, data, line, batch, origin, version }, Some(before));
        if let Some(applied) = self.operations.pop() {
            self.operations.insert(place, applied);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Base;
    use crate::engine::operation::{Cut, Origin, Rank};
    use crate::engine::overlay::Place;
    use crate::engine::records::Cursor;

    fn numbers(seed: u64) -> impl FnMut(u64) -> u64 {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        move |below| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) % below
        }
    }

    fn operation(clock: u64, agent: &str, id: &str, value: Option<u64>) -> Operation {
        let data = value.map_or_else(String::new, |value| format!(",\"data\":{value}"));
        let kind = if value.is_some() { Kind::Set } else { Kind::Delete };
        let op = if value.is_some() { "set" } else { "delete" };
        let line = format!(
            "{{\"ts\":\"2026-01-01T00:00:00.000Z\",\"op\":\"{op}\",\"id\":\"{id}\"{data},\"prev\":null}}"
        );
        let rank = Rank { clock, agent: agent.as_bytes().into() };
        Operation {
            id: id.as_bytes().into(),
            kind,
            line: Text::Held(line.as_bytes().into()),
            before: None,
            stood: Place::BELOW,
            batch: None,
            origin: Some(Box::new(Origin { rank, log: 1, value: None, placed: None, aged: None })),
            version: 1,
        }
    }

    fn engine() -> Engine {
        Engine::new(Base::empty(), Some(b"own"))
    }

    /// Records in their order, operations with what they replaced, and records again with each last operation taken back.
    fn all_of(engine: &mut Engine) -> Vec<String> {
        let text = |text: &Option<Text>| {
            text.as_ref().map(|text| String::from_utf8_lossy(&text.read().unwrap()).into_owned())
        };
        let mut all = vec![engine.clock().to_string(), engine.count().to_string()];
        for operation in engine.operations() {
            all.push(format!("{:?} {:?} {:?}", operation.rank(), operation.id, text(&operation.before)));
        }
        loop {
            let mut rows = Vec::new();
            engine.scan(Cursor::Base(0), usize::MAX, &mut rows).unwrap();
            all.push(String::from_utf8(rows).unwrap());
            if engine.operations().is_empty() {
                return all;
            }
            let last = engine.operations().last().and_then(Operation::as_cut).unwrap();
            engine.integrate(Vec::new(), &[last]).unwrap();
        }
    }

    #[test]
    fn operations_that_come_late_give_the_state_of_those_that_come_in_their_order() {
        let mut between = 0;
        for seed in 1..3000 {
            let mut number = numbers(seed);
            let mut operations: Vec<Operation> = (0..2 + number(30))
                .map(|at| {
                    let id = format!("r{}", number(6));
                    let agent = ["a", "b"][number(2) as usize];
                    operation(at * 2 + number(3), agent, &id, (number(5) > 0).then_some(at))
                })
                .collect();
            let mut late = engine();
            while !operations.is_empty() {
                let at = number(operations.len() as u64) as usize;
                let few = operations.split_off(at);
                let taken = late.operations().len();
                late.integrate(few.clone(), &[]).unwrap();
                between += late.operations().len() - taken;
                if number(4) == 0 {
                    late.integrate(few.clone(), &[]).unwrap();
                }
                if number(6) == 0 {
                    let cut: Vec<Cut> = few.iter().filter_map(Operation::as_cut).collect();
                    late.integrate(Vec::new(), &cut).unwrap();
                    late.integrate(few, &[]).unwrap();
                }
            }
            let mut in_order = engine();
            let mut sorted: Vec<Operation> = late.operations().to_vec();
            sorted.sort_by(|one, other| one.rank().cmp(&other.rank()));
            for operation in sorted {
                in_order.integrate(vec![operation], &[]).unwrap();
            }
            assert_eq!(all_of(&mut late), all_of(&mut in_order), "seed {seed}");
        }
        assert!(between > 10_000);
    }

    #[test]
    fn an_operation_before_others_of_other_records_leaves_them_where_they_are() {
        let mut engine = engine();
        engine
            .integrate(vec![operation(1, "a", "x", Some(1)), operation(2, "a", "y", Some(2))], &[])
            .unwrap();
        engine
            .integrate((10..20).map(|clock| operation(clock, "a", "x", Some(clock))).collect(), &[])
            .unwrap();
        let epoch = engine.epoch();
        let changed = engine.integrate(vec![operation(5, "b", "y", Some(5))], &[]).unwrap();
        assert_eq!(changed, [Id::from(&b"y"[..])]);
        // Cursors hold where nothing was taken back.
        assert_eq!(engine.epoch(), epoch);
        assert_eq!(engine.operations()[2].rank().map(|rank| rank.clock), Some(5));
        engine.integrate(vec![operation(6, "b", "x", Some(6))], &[]).unwrap();
        assert_ne!(engine.epoch(), epoch);
        let found = engine.get(b"x").unwrap().unwrap();
        assert_eq!(&*found.read().unwrap(), b"19");
    }
}
