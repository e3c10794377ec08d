//! Worlds in which faults were found, each with what it found in the protocol. They run whatever the plan of other worlds.

/// Seeds, and what was wrong in them.
const FOUND: [(u64, &str); 26] = [
    (17, "an undo that took effect was told as failed, because what came after it failed"),
    (25, "a copy of the log was taken for an empty one"),
    (70, "a store followed the manifest to the log of the store that had taken its agentId"),
    (84, "a follower was told again what an older listing did not show"),
    (310, "an undo left a second copy of an operation that had arrived twice"),
    (434, "an undo of a single writer counted although another had taken over"),
    (518, "a replaced single writer went on once its successor was closed"),
    (2102, "of two single writers that create a store at once, both went on"),
    (12_407, "an undo that was found out later was taken for a log that was lost"),
    (16_856, "a copy that was published and sealed before its writer knew was taken for a log that was lost"),
    (1357, "an archive that took effect was told as refused, because another writer had published since"),
    (497, "a follower was told again of an operation that was appended again, and was there when it opened"),
    (
        1685,
        "a log that was left when its agentId was taken over went before operations that it had overwritten",
    ),
    (2134, "after an undo in a sealed log, operations of that log were counted in the next one"),
    (3421, "a follower missed an operation of a retired log that was listed as it had been before"),
    (24_633, "an undo took back what an earlier store with its agentId had appended late"),
    (26_109, "an undo took back what another store with its agentId had logged, and been closed since"),
    (52_482, "a line that was there twice made room for one that was told as refused"),
    (
        56_909,
        "a follower took an operation for a copy, because another store with that agentId had used its clock",
    ),
    (
        193_534,
        "a follower was told again of an operation that it had seen in a log before that was sealed without it",
    ),
    (121_210, "0.8.1 read a log that was named no more, with an operation that had been refused"),
    (
        2_001_088,
        "a consumer was told an agent's operations in another order, because the listing of one of its two logs was older",
    ),
    (
        2_001_527,
        "a consumer that came back was told of one agent, at a position that did not say what it had been told of another",
    ),
    (1, "the first world"),
    (3, "lock objects alone"),
    (4, "a folder"),
];

#[test]
fn faults_that_were_found_once_do_not_come_back() {
    for (seed, what) in FOUND {
        let wrong = super::wrong_in(seed);
        assert!(wrong.is_empty(), "OPSLOG_WORLD_REPLAY={seed} ({what}): {wrong:#?}");
    }
}
