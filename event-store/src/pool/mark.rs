//! How a statement of ours is known among those that `system.processes` shows, so that it, and no other, can be killed. Pure.
//!
//! Query ids cannot be chosen in this engine, and whatever a setting carries its caller can change. What no caller reaches: the
//! number of the pool's thread, which the engine lists with every statement but an INSERT's data stream (that runs on threads
//! of the engine only), and a comment before an INSERT's text that nobody can guess.

/// What one statement is known by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    thread: u32,
    comment: String,
}

impl Mark {
    /// Of a statement that runs on this thread; `comment` is from [`comment`].
    pub fn new(thread: u32, comment: &str) -> Self {
        Self { thread, comment: comment.to_owned() }
    }

    /// The condition on `system.processes` that only this statement fulfils.
    pub fn condition(&self) -> String {
        format!("has(thread_ids, {}) OR startsWith(query, '{}')", self.thread, self.comment)
    }

    /// Whether a line of [`SELECT_RUNNING`] shows this statement.
    pub fn is_of(&self, threads: &str, query: &str) -> bool {
        let thread = self.thread.to_string();
        threads.split(',').any(|listed| listed == thread) || query.starts_with(&self.comment)
    }
}

/// What runs: the engine's query id, the threads, and the first line of the text.
pub const SELECT_RUNNING: &str = "SELECT query_id, arrayStringConcat(arrayMap(id -> toString(id), thread_ids), ','), \
                                  splitByChar('\\n', query)[1] FROM system.processes";

/// The comment of a statement: `secret` is the process's own, `number` is the statement's.
pub(super) fn comment(secret: &str, number: u64) -> String {
    format!("/* {secret} {number} */ ")
}

#[cfg(test)]
mod a_mark {
    use super::*;

    #[test]
    fn is_known_by_its_thread_or_its_comment_only() {
        let mark = Mark::new(12, &comment("s", 7));
        assert_eq!(mark.condition(), "has(thread_ids, 12) OR startsWith(query, '/* s 7 */ ')");
        assert!(mark.is_of("3,12", "SELECT 1"));
        assert!(mark.is_of("3", "/* s 7 */ INSERT INTO t FORMAT TSV"));
        for (threads, query) in
            [("3,120", "SELECT 1"), ("", "/* s 77 */ INSERT"), ("112", "SELECT '/* s 7 */ '")]
        {
            assert!(!mark.is_of(threads, query), "{threads} {query}");
        }
    }
}
