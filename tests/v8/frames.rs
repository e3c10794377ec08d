//! The cases for Node, and what all topics share.

use crate::generate::{self, Random, Style};
use opslog::json::string::to_utf16;

/// Cases for Node: a topic's name, then its arguments, each with its length in front.
#[derive(Default)]
pub struct Frames {
    pub bytes: Vec<u8>,
    /// How often this crate said no and yes.
    pub outcomes: [u64; 2],
}

impl Frames {
    pub fn push(&mut self, topic: &str, arguments: &[&[u8]]) {
        self.bytes.extend_from_slice(&(arguments.len() as u32 + 1).to_le_bytes());
        for argument in [&[topic.as_bytes()], arguments].concat() {
            self.bytes.extend_from_slice(&(argument.len() as u32).to_le_bytes());
            self.bytes.extend_from_slice(argument);
        }
    }

    pub fn outcome(&mut self, yes: bool) -> &'static [u8] {
        self.outcomes[usize::from(yes)] += 1;
        if yes { b"yes" } else { b"no" }
    }

    /// A generator that only ever gives one answer tests nothing.
    pub fn expect_both_outcomes(&self, topic: &str) {
        let [no, yes] = self.outcomes;
        println!("{topic}: {yes} yes, {no} no");
        let cases = yes + no;
        assert!(cases == 0 || yes.min(no) * 50 > cases, "{topic}: outcomes are lopsided");
    }
}

/// A value in any spelling, or something close to it.
pub fn any_text(random: &mut Random) -> Vec<u8> {
    let mut text = Vec::new();
    generate::space(random, &mut text, Style::Any);
    generate::value(random, &mut text, Style::Any, 0);
    generate::space(random, &mut text, Style::Any);
    if random.one_in(2) {
        generate::damage(random, &mut text);
    }
    text
}

/// A string as Node's `utf16le` decodes it.
pub fn utf16_bytes(wtf8: &[u8]) -> Vec<u8> {
    to_utf16(wtf8).into_iter().flat_map(u16::to_le_bytes).collect()
}
