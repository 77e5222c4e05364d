//! How files are followed: the figures, and their defaults.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use collector_failpoints::planted;
use globset::GlobSet;

const DAY_MS: i64 = 86_400_000;

/// Where "now" comes from. It decides the bucket day of a line and its read time; a test may set it.
#[derive(Clone)]
pub struct Clock {
    now_ms: Arc<dyn Fn() -> i64 + Send + Sync>,
    instant: Arc<dyn Fn() -> Instant + Send + Sync>,
}

impl Clock {
    /// A clock that asks `now` for milliseconds since the epoch.
    pub fn of(now: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        Clock { now_ms: Arc::new(now), instant: Arc::new(Instant::now) }
    }

    /// Has waits measured by `instant`, not by the machine's steady clock.
    pub fn with_instant(self, instant: impl Fn() -> Instant + Send + Sync + 'static) -> Self {
        Clock { instant: Arc::new(instant), ..self }
    }

    /// Milliseconds since the epoch.
    pub fn now_ms(&self) -> i64 {
        (self.now_ms)()
    }

    /// A time for measuring waits.
    pub fn instant(&self) -> Instant {
        (self.instant)()
    }
}

/// The machine's clock.
impl Default for Clock {
    fn default() -> Self {
        Clock::of(|| {
            let off_by = i64::from(planted("clock-ahead")) - i64::from(planted("clock-behind"));
            jiff::Timestamp::now().as_millisecond() + off_by * DAY_MS
        })
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

/// How files are followed.
#[derive(Clone, Debug)]
pub struct TailSettings {
    /// The name of this host, as it stands in documents.
    pub host_name: Arc<str>,
    /// The address by which this host reaches the network; empty when unknown.
    pub host_ip: Arc<str>,
    /// How many bytes of a file make a batch at most; a longer line makes one alone.
    pub batch_bytes_max: usize,
    /// How many lines make a batch at most.
    pub batch_lines_max: usize,
    /// How long lines of a file that keeps growing are gathered; the first line after a pause never waits.
    pub linger: Duration,
    /// How often files are looked at where the system does not tell of changes, and files that were rotated away.
    pub poll_interval: Duration,
    /// How often everything is looked for anew, in case a change was not told of.
    pub rescan_interval: Duration,
    /// How long a file that was rotated away is still read after its last byte.
    pub rotate_grace: Duration,
    /// How long a deleted file may be kept open (and hold its disk space) while its lines cannot be sent.
    pub deleted_hold_max: Duration,
    /// How old a checkpoint may grow while lines are being acknowledged.
    pub checkpoint_interval: Duration,
    /// Below this size the journal is not written anew.
    pub journal_compact_bytes_min: u64,
    /// How long a file must be away before what is known of it is forgotten.
    pub forget_after: Duration,
    /// How long a stop waits for lines that are under way.
    pub drain_max: Duration,
    /// How long lines that were given up wait before they are read again.
    pub retry_after: Duration,
    /// How many files are kept open at most; `None` takes what the system's limit on descriptors leaves.
    pub open_files_max: Option<usize>,
    /// Which files may be read, after links were resolved; `None` allows all.
    pub allowed: Option<GlobSet>,
    /// How many files have gauges of their own: those that are furthest behind.
    pub lag_files_max: usize,
    /// How many directories are watched at most; those beyond are polled.
    pub watched_dirs_max: usize,
    /// The clock.
    pub clock: Clock,
}

impl Default for TailSettings {
    fn default() -> Self {
        TailSettings {
            host_name: "".into(),
            host_ip: "".into(),
            batch_bytes_max: 128 << 10,
            batch_lines_max: 2000,
            linger: Duration::from_millis(20),
            poll_interval: Duration::from_millis(250),
            rescan_interval: Duration::from_secs(10),
            rotate_grace: Duration::from_secs(5),
            deleted_hold_max: Duration::from_secs(3600),
            checkpoint_interval: Duration::from_millis(1000),
            journal_compact_bytes_min: 1 << 20,
            forget_after: Duration::from_secs(24 * 3600),
            drain_max: Duration::from_secs(10),
            retry_after: Duration::from_millis(500),
            open_files_max: None,
            allowed: None,
            lag_files_max: 10,
            watched_dirs_max: 8192,
            clock: Clock::default(),
        }
    }
}
