//! Whether what the program uses stays bounded, whatever fails.

use crate::fleet::{Program, Usage};

/// What a process may use: lines under way take at most 64 MiB by its settings, the rest is the program itself.
const LIMITS: Usage = Usage { memory_bytes: 600 << 20, descriptors: 1_024, state_bytes: 64 << 20 };

/// The most that was seen of each figure.
#[derive(Clone, Copy, Debug, Default)]
pub struct Peaks(pub Usage);

impl Peaks {
    /// Looks at a process.
    pub fn look(&mut self, program: &Program) {
        let now = program.usage();
        self.0.memory_bytes = self.0.memory_bytes.max(now.memory_bytes);
        self.0.descriptors = self.0.descriptors.max(now.descriptors);
        self.0.state_bytes = self.0.state_bytes.max(now.state_bytes);
    }

    /// What went beyond its limit, in words.
    pub fn broken(&self) -> Vec<String> {
        let figures = [
            ("bytes of memory", self.0.memory_bytes, LIMITS.memory_bytes),
            ("descriptors", self.0.descriptors, LIMITS.descriptors),
            ("bytes of state", self.0.state_bytes, LIMITS.state_bytes),
        ];
        let over = figures.into_iter().filter(|(_, used, limit)| used > limit);
        over.map(|(what, used, limit)| format!("I6: a process used {used} {what}; {limit} are its limit")).collect()
    }
}
