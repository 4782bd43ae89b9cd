//! What is known of one ClickHouse server: written by whoever watches it, read by whoever asks. Asks nobody itself.

/// What is known of a server.
#[derive(Clone, Debug)]
pub(super) struct ServerStatus {
    /// Whether it answers, or a sentence.
    pub(super) answering: Result<(), String>,
    /// Whether it took an insert when that was last tried, or a sentence; it counts while it answers.
    pub(super) inserting: Result<(), String>,
    /// The child's process id, while it serves.
    pub(super) pid: Option<u32>,
    /// How often the child had to be started again.
    pub(super) restarts: u64,
    /// It has not answered for so long that it is to be killed and started again.
    pub(super) is_unresponsive: bool,
}

impl ServerStatus {
    /// Why nothing could be inserted there now, a sentence.
    pub(super) fn useless(self) -> Option<String> {
        self.answering.and(self.inserting).err()
    }
}
