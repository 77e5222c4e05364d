//! What the head of a slow query's entry tells: `# Query_time: 2.000227  Lock_time: 0.000000 Rows_sent: 1`.

use crate::clock::Clock;
use crate::{
    BYTES_RECEIVED, BYTES_SENT, DURATION, END, FILESORT, FILESORT_ON_DISK, FULL_JOIN, FULL_SCAN, INNODB_IO_R_BYTES,
    INNODB_IO_R_OPS, INNODB_IO_R_WAIT, INNODB_OLD_ROWS_READ, INNODB_PAGES_ACCESSED, INNODB_PAGES_DISTINCT,
    INNODB_PAGES_READ, INNODB_PAGES_UPDATED, INNODB_QUEUE_WAIT, INNODB_REC_LOCK_WAIT, INNODB_TRX_ID, KILLED,
    LAST_ERRNO, LOCK_TIME, MERGE_PASSES, PRIORITY_QUEUE, QUERY_CACHE_HIT, RATE_LIMIT, RATE_TYPE, READ_FIRST, READ_KEY,
    READ_LAST, READ_NEXT, READ_PREV, READ_RND, READ_RND_NEXT, ROWS_AFFECTED, ROWS_EXAMINED, ROWS_READ, ROWS_SENT,
    SORT_MERGE_PASSES, SORT_RANGE_COUNT, SORT_ROWS, SORT_SCAN_COUNT, START, THREAD, TMP_DISK_TABLES, TMP_TABLE,
    TMP_TABLE_ON_DISK, TMP_TABLE_SIZES, TMP_TABLES,
};
use collector_plugin::time::{SECOND_NS, fraction};
use collector_plugin::{Event, Field, scan};

/// What a value is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Int,
    /// Seconds with a fraction.
    Float,
    /// `Yes` or `No`.
    YesNo,
    Text,
    /// Seconds with a fraction, kept as nanoseconds.
    Duration,
    Time,
}

/// What the server calls it, and what it is here.
const METRICS: &[(&str, Field, Kind)] = &[
    ("Query_time", DURATION, Kind::Duration),
    ("Lock_time", LOCK_TIME, Kind::Float),
    ("Rows_sent", ROWS_SENT, Kind::Int),
    ("Rows_examined", ROWS_EXAMINED, Kind::Int),
    ("Id", THREAD, Kind::Int),
    ("Thread_id", THREAD, Kind::Int),
    ("Last_errno", LAST_ERRNO, Kind::Int),
    ("Errno", LAST_ERRNO, Kind::Int),
    ("Killed", KILLED, Kind::Int),
    ("QC_hit", QUERY_CACHE_HIT, Kind::YesNo),
    ("QC_Hit", QUERY_CACHE_HIT, Kind::YesNo),
    ("Rows_affected", ROWS_AFFECTED, Kind::Int),
    ("Rows_read", ROWS_READ, Kind::Int),
    ("Bytes_received", BYTES_RECEIVED, Kind::Int),
    ("Bytes_sent", BYTES_SENT, Kind::Int),
    ("Read_first", READ_FIRST, Kind::Int),
    ("Read_last", READ_LAST, Kind::Int),
    ("Read_key", READ_KEY, Kind::Int),
    ("Read_next", READ_NEXT, Kind::Int),
    ("Read_prev", READ_PREV, Kind::Int),
    ("Read_rnd", READ_RND, Kind::Int),
    ("Read_rnd_next", READ_RND_NEXT, Kind::Int),
    ("Sort_merge_passes", SORT_MERGE_PASSES, Kind::Int),
    ("Sort_range_count", SORT_RANGE_COUNT, Kind::Int),
    ("Sort_rows", SORT_ROWS, Kind::Int),
    ("Sort_scan_count", SORT_SCAN_COUNT, Kind::Int),
    ("Created_tmp_tables", TMP_TABLES, Kind::Int),
    ("Created_tmp_disk_tables", TMP_DISK_TABLES, Kind::Int),
    ("Tmp_tables", TMP_TABLES, Kind::Int),
    ("Tmp_disk_tables", TMP_DISK_TABLES, Kind::Int),
    ("Tmp_table_sizes", TMP_TABLE_SIZES, Kind::Int),
    ("Start", START, Kind::Time),
    ("End", END, Kind::Time),
    ("Full_scan", FULL_SCAN, Kind::YesNo),
    ("Full_join", FULL_JOIN, Kind::YesNo),
    ("Tmp_table", TMP_TABLE, Kind::YesNo),
    ("Tmp_table_on_disk", TMP_TABLE_ON_DISK, Kind::YesNo),
    ("Filesort", FILESORT, Kind::YesNo),
    ("Filesort_on_disk", FILESORT_ON_DISK, Kind::YesNo),
    ("Merge_passes", MERGE_PASSES, Kind::Int),
    ("Priority_queue", PRIORITY_QUEUE, Kind::YesNo),
    ("InnoDB_trx_id", INNODB_TRX_ID, Kind::Text),
    ("InnoDB_IO_r_ops", INNODB_IO_R_OPS, Kind::Int),
    ("InnoDB_IO_r_bytes", INNODB_IO_R_BYTES, Kind::Int),
    ("InnoDB_IO_r_wait", INNODB_IO_R_WAIT, Kind::Float),
    ("InnoDB_rec_lock_wait", INNODB_REC_LOCK_WAIT, Kind::Float),
    ("InnoDB_queue_wait", INNODB_QUEUE_WAIT, Kind::Float),
    ("InnoDB_pages_distinct", INNODB_PAGES_DISTINCT, Kind::Int),
    ("Pages_accessed", INNODB_PAGES_ACCESSED, Kind::Int),
    ("Pages_read", INNODB_PAGES_READ, Kind::Int),
    ("Pages_updated", INNODB_PAGES_UPDATED, Kind::Int),
    ("Old_rows_read", INNODB_OLD_ROWS_READ, Kind::Int),
    ("Log_slow_rate_type", RATE_TYPE, Kind::Text),
    ("Log_slow_rate_limit", RATE_LIMIT, Kind::Int),
];

/// What was met in the lines of a head.
#[derive(Default)]
pub(crate) struct Met<'a> {
    pub(crate) query_time: bool,
    thread: bool,
    /// Nothing where none is named.
    pub(crate) schema: &'a [u8],
}

/// Sets what one line tells, which is given without its `#`: words that end with a colon are names, what follows each is its value, if it is no name itself.
pub(crate) fn parse<'a>(line: &'a [u8], met: &mut Met<'a>, clock: &mut Clock, event: &mut Event<'a>) {
    let mut words = line.split(|b| *b == b' ').filter(|word| !word.is_empty()).peekable();
    while let Some(word) = words.next() {
        let Some(name) = word.strip_suffix(b":") else {
            continue;
        };
        if let Some(value) = words.next_if(|next| !next.ends_with(b":")) {
            set(name, value, met, clock, event);
        }
    }
}

fn set<'a>(name: &[u8], value: &'a [u8], met: &mut Met<'a>, clock: &mut Clock, event: &mut Event<'a>) {
    if name == b"Schema" {
        met.schema = value;
    }
    let Some((_, field, kind)) = METRICS.iter().find(|(known, _, _)| known.as_bytes() == name) else {
        return;
    };
    if *field == THREAD && std::mem::replace(&mut met.thread, true) {
        return;
    }
    match kind {
        Kind::Text => event.text(*field, value),
        Kind::YesNo => event.bool(*field, value == b"Yes"),
        Kind::Int => {
            if let Some(int) = scan::int(value) {
                event.int(*field, int);
            }
        }
        Kind::Float => {
            if let Some(float) = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok()) {
                event.float(*field, float);
            }
        }
        Kind::Duration => {
            if let Some(ns) = seconds(value) {
                event.int(*field, ns);
                met.query_time = true;
            }
        }
        Kind::Time => {
            if let Some(ns) = clock.whole(value) {
                event.time_ns(*field, ns);
            }
        }
    }
}

/// Nanoseconds of `2.000227`.
fn seconds(text: &[u8]) -> Option<i64> {
    let (whole, end) = scan::digits(text, 0)?;
    let (fraction_ns, end) = fraction(text, end)?;
    let ns = i64::try_from(whole).ok()?.checked_mul(SECOND_NS)?.checked_add(fraction_ns)?;
    (end == text.len()).then_some(ns)
}
