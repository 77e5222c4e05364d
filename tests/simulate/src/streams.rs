//! The truth about what was written: each content that a file ever had, from its first byte until it was cut off.

use std::path::PathBuf;

/// The number of a content.
pub(crate) type StreamId = usize;

/// What is promised of a content's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Promise {
    /// All of them are found.
    Whole,
    /// The file has no name any more, and the agent has it open: all of them are found unless the agent ends before.
    WhileOpen,
    /// Those before an offset: whoever cut the rest off, or removed it unread, has lost it.
    UpTo(usize),
    /// A copy that rotation made: nobody reads it.
    Copy,
}

/// One content.
pub(crate) struct Stream {
    /// Where it was when it began.
    pub(crate) path: PathBuf,
    pub(crate) bytes: Vec<u8>,
    pub(crate) promise: Promise,
    /// Some name of a task leads to it.
    pub(crate) is_named: bool,
    /// Batches of it were sent, so that the journal knows it.
    pub(crate) is_known: bool,
    /// The agent that runs has sent batches of it.
    pub(crate) is_read: bool,
    /// Which of its bytes are safe: Kafka or the embedded index has them.
    safe: Vec<bool>,
    /// Everything before is a newline, or safe.
    safe_to: usize,
}

impl Stream {
    pub(crate) fn new(path: PathBuf) -> Self {
        Stream {
            path,
            bytes: vec![],
            promise: Promise::Whole,
            is_named: true,
            is_known: false,
            is_read: false,
            safe: vec![],
            safe_to: 0,
        }
    }

    /// Whether a piece stands at an offset.
    pub(crate) fn has(&self, offset: u64, piece: &[u8]) -> bool {
        let start = offset as usize;
        self.bytes.get(start..start + piece.len()) == Some(piece)
    }

    /// A line is safe.
    pub(crate) fn keep(&mut self, offset: u64, len: usize) {
        let (start, end) = (offset as usize, offset as usize + len);
        if self.safe.len() < end {
            self.safe.resize(end.max(self.bytes.len()), false);
        }
        self.safe[start..end].fill(true);
    }

    /// Up to where everything is safe.
    pub(crate) fn safe_to(&mut self) -> usize {
        while self.safe_to < self.bytes.len() {
            let is_safe = self.safe.get(self.safe_to).is_some_and(|&is_safe| is_safe);
            if !is_safe && self.bytes[self.safe_to] != b'\n' {
                break;
            }
            self.safe_to += 1;
        }
        self.safe_to
    }

    /// What is not safe yet is lost to whoever removed it.
    pub(crate) fn forsake(&mut self) {
        if !matches!(self.promise, Promise::UpTo(_) | Promise::Copy) {
            self.promise = Promise::UpTo(self.safe_to());
        }
    }

    /// How many of its bytes must be found.
    pub(crate) fn promised(&self) -> usize {
        match self.promise {
            Promise::Whole | Promise::WhileOpen => self.bytes.len(),
            Promise::UpTo(to) => to,
            Promise::Copy => 0,
        }
    }
}
