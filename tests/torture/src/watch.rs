//! Whether what the programs use stays bounded, whatever fails: they are looked at during the whole run (I6).

use std::{
    collections::BTreeMap,
    fmt,
    sync::mpsc::{RecvTimeoutError, Sender, channel},
    thread::JoinHandle,
    time::Duration,
};

use crate::fleet::{OPEN_FILES_MAX, Role, Usage, Watched};

const PAUSE: Duration = Duration::from_secs(1);

const MIB: u64 = 1 << 20;
/// The program itself in a dev build, with what it compiles and what the allocator keeps.
const PROGRAM_BYTES: u64 = 96 * MIB;
/// `limits.memory_bytes_max`: lines under way, and in the agent the producer's queues.
const LINES_BYTES: u64 = 64 * MIB;
/// Journal, checkpoint and what is known of files and tasks.
const STATE_BYTES: u64 = 16 * MIB;
/// Files that were deleted while they were open stay open beyond `limits.open_files_max`; and connections, and directories.
const DESCRIPTORS_BESIDE_FILES: u64 = 256;

/// What a process of a role may use.
fn limits(role: Role) -> Usage {
    let of_reader = OPEN_FILES_MAX as u64 + DESCRIPTORS_BESIDE_FILES;
    let (memory_bytes, descriptors) = match role {
        Role::Agent => (PROGRAM_BYTES + LINES_BYTES, of_reader),
        // Documents of two days of each of three topics (32 MiB of an index: clocks go wrong by a day); requests under way (4 of 5 MiB); what
        // is fetched ahead (1 MiB of each of up to 28 partitions, and as much beside the records); a plugin that eats memory gets 64 MiB of
        // each of two workers.
        Role::Transfer => (PROGRAM_BYTES + LINES_BYTES + (2 * 3 * 32 + 4 * 5 + 2 * 28 + 2 * 64) * MIB, 256),
        // `index.memory_bytes_max`, and as much while segments are merged.
        Role::Standalone => (PROGRAM_BYTES + LINES_BYTES + 2 * 64 * MIB, of_reader),
    };
    Usage { memory_bytes, descriptors, state_bytes: STATE_BYTES }
}

/// The most that a process of each role used.
#[derive(Clone, Debug, Default)]
pub struct Peaks(BTreeMap<Role, Usage>);

impl Peaks {
    fn add(&mut self, role: Role, usage: Usage) {
        let most = self.0.entry(role).or_default();
        *most = most.max(usage);
    }

    /// The most of both.
    pub(crate) fn max(mut self, other: Peaks) -> Peaks {
        other.0.into_iter().for_each(|(role, usage)| self.add(role, usage));
        self
    }

    /// What went beyond its limit, in words.
    pub fn broken(&self) -> Vec<String> {
        let over = |(role, used): (&Role, &Usage)| {
            let limits = limits(*role);
            let figures = [
                ("bytes of memory", used.memory_bytes, limits.memory_bytes),
                ("descriptors", used.descriptors, limits.descriptors),
                ("bytes of state", used.state_bytes, limits.state_bytes),
            ];
            let over = figures.into_iter().filter(|(_, used, limit)| used > limit);
            let name = role.name();
            over.map(move |(what, used, limit)| format!("I6: {name} used {used} {what}; {limit} are its limit"))
        };
        self.0.iter().flat_map(over).collect()
    }
}

impl fmt::Display for Peaks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("at most:")?;
        for (number, (role, used)) in self.0.iter().enumerate() {
            let (memory, state) = (used.memory_bytes >> 20, used.state_bytes >> 10);
            let separator = if number > 0 { "," } else { "" };
            let (name, descriptors) = (role.name(), used.descriptors);
            write!(f, "{separator} {name} {memory} MiB, {descriptors} descriptors and {state} KiB of state")?;
        }
        Ok(())
    }
}

/// A watch at work; it ends when this is dropped.
pub struct Watch {
    stop: Sender<()>,
    thread: JoinHandle<Peaks>,
}

impl Watch {
    /// Begins to look at those programs.
    pub fn start(programs: Vec<Watched>) -> anyhow::Result<Watch> {
        let (stop, stopped) = channel();
        let thread = std::thread::Builder::new().name("watch".into()).spawn(move || {
            let mut peaks = Peaks::default();
            while stopped.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
                for program in &programs {
                    program.usage().into_iter().for_each(|usage| peaks.add(program.role, usage));
                }
            }
            peaks
        })?;
        Ok(Watch { stop, thread })
    }

    /// What was seen.
    pub fn stop(self) -> anyhow::Result<Peaks> {
        drop(self.stop);
        self.thread.join().map_err(|_| anyhow::anyhow!("the watch has panicked"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_of_each_figure_is_kept_and_what_is_beyond_the_limit_of_its_role_is_told() {
        let mut peaks = Peaks::default();
        let limits = limits(Role::Agent);
        peaks.add(Role::Agent, limits);
        peaks.add(Role::Agent, Usage::default());
        assert_eq!(peaks.broken(), Vec::<String>::new());
        peaks.add(Role::Agent, Usage { descriptors: limits.descriptors + 1, ..Usage::default() });
        let told = peaks.broken();
        assert_eq!(told.len(), 1);
        assert!(told[0].starts_with("I6: agent used") && told[0].contains("descriptors"), "{told:?}");
    }
}
