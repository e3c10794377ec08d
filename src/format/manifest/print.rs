//! A manifest as the content of its file.

use super::{Generation, Manifest, Others};
use crate::format::fields::lossy;
use crate::json::number::push_integer;
use crate::json::object::sort_keys;
use crate::json::reformat::pretty_into;
use crate::json::string::escape_into;

impl Manifest {
    /// The manifest's file content: what `JSON.stringify(manifest, null, 2)` prints. Fields of ours that
    /// have their default are left out; those of newer versions come last.
    pub fn print(&self) -> String {
        let mut text = Vec::with_capacity(512);
        let out = &mut text;
        out.push(b'{');
        push_number(out, "version", self.version);
        push_string(out, "currentSnapshot", &self.current_snapshot);
        push_string(out, "activeOps", &self.active_ops);
        if let Some(agents) = &self.active_agent_ops {
            push_key(out, "activeAgentOps");
            push_agents(out, agents);
        }
        push_key(out, "archiveSegments");
        push_list(out, &self.archive_segments, |out, path| escape_into(out, path.as_bytes()));
        push_key(out, "stats");
        out.push(b'{');
        push_number(out, "activeRecords", self.stats.active_records);
        push_number(out, "archivedRecords", self.stats.archived_records);
        push_number(out, "opsCount", self.stats.ops_count);
        push_string(out, "created", &self.stats.created);
        push_string(out, "lastCheckpoint", &self.stats.last_checkpoint);
        push_others(out, &self.stats.others);
        out.push(b'}');
        self.push_ours(out);
        push_others(out, &self.others);
        out.push(b'}');
        let mut pretty = Vec::with_capacity(2 * text.len());
        pretty_into(&mut pretty, &text, 0);
        lossy(&pretty)
    }

    fn push_ours(&self, out: &mut Vec<u8>) {
        if self.generation > 0 {
            push_number(out, "generation", self.generation);
        }
        if self.clock > 0 {
            push_number(out, "clock", self.clock);
        }
        if let Some(path) = &self.previous_ops {
            push_string(out, "previousOps", path);
        }
        if self.previous_end > 0 {
            push_number(out, "previousEnd", self.previous_end);
        }
        if self.departures > 0 {
            push_number(out, "departures", self.departures);
        }
        push_pairs(out, "superseded", self.superseded.iter().map(|(path, ms)| (path, *ms)));
        if let Some((path, until)) = &self.pruned {
            push_key(out, "pruned");
            push_list(out, &[path, until], |out, text| escape_into(out, text.as_bytes()));
        }
        if !self.log_versions.is_empty() {
            push_key(out, "logVersions");
            out.push(b'{');
            for (path, version) in &self.log_versions {
                push_number(out, path, u64::from(*version));
            }
            out.push(b'}');
        }
        let former = self.former_versions.iter().map(|(path, version)| (path, u64::from(*version)));
        push_pairs(out, "formerVersions", former);
        if !self.log_ends.is_empty() {
            push_key(out, "logEnds");
            out.push(b'{');
            for (path, end) in &self.log_ends {
                push_number(out, path, *end);
            }
            out.push(b'}');
        }
        if !self.after.is_empty() {
            push_key(out, "after");
            out.push(b'{');
            for (path, after) in &self.after {
                push_string(out, path, after);
            }
            out.push(b'}');
        }
        if !self.lineage.is_empty() {
            let generations: Vec<String> = self.lineage.iter().map(Generation::print).collect();
            push_string(out, "lineage", &generations.join(" "));
        }
    }
}

fn push_agents(out: &mut Vec<u8>, agents: &[(String, String)]) {
    let mut agents: Vec<_> = agents.iter().collect();
    sort_keys(&mut agents, |(agent, _)| agent.as_bytes());
    out.push(b'{');
    for (agent, path) in agents {
        push_string(out, agent, path);
    }
    out.push(b'}');
}

/// Appends a list of lists of a path and a number, unless it is empty.
fn push_pairs<'p>(out: &mut Vec<u8>, key: &str, pairs: impl Iterator<Item = (&'p String, u64)>) {
    let pairs: Vec<_> = pairs.collect();
    if pairs.is_empty() {
        return;
    }
    push_key(out, key);
    push_list(out, &pairs, |out, (path, number)| {
        out.push(b'[');
        escape_into(out, path.as_bytes());
        out.push(b',');
        push_integer(out, *number);
        out.push(b']');
    });
}

fn push_list<T>(out: &mut Vec<u8>, items: &[T], push: impl Fn(&mut Vec<u8>, &T)) {
    out.push(b'[');
    for (place, item) in items.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        push(out, item);
    }
    out.push(b']');
}

fn push_others(out: &mut Vec<u8>, others: &Others) {
    for (key, value) in others {
        push_key(out, key);
        out.extend_from_slice(value);
    }
}

/// Starts a member, behind a comma unless it is the first.
fn push_key(out: &mut Vec<u8>, key: impl AsRef<[u8]>) {
    if out.last() != Some(&b'{') {
        out.push(b',');
    }
    escape_into(out, key.as_ref());
    out.push(b':');
}

fn push_number(out: &mut Vec<u8>, key: &str, value: u64) {
    push_key(out, key);
    push_integer(out, value);
}

fn push_string(out: &mut Vec<u8>, key: &str, value: &str) {
    push_key(out, key);
    escape_into(out, value.as_bytes());
}
