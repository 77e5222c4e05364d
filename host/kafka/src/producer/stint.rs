//! What goes to one partition in a row: as much as one request carries.
//!
//! librdkafka has one request of an idempotent producer in flight to a partition at a time (it counts records there, and stops at
//! five). While records wait behind it that are older than its linger, its thread for the broker asks again and again whether they
//! may go, without a pause, and uses up a core. So records that may go anywhere go to a partition to which nothing is under way,
//! as many as make one request, and no more until that is answered.

use std::time::{Duration, Instant};

use crate::settings::REQUEST_RECORDS_MAX;

/// What librdkafka adds to the bytes of a record when it looks whether it is within a request, at most.
const RECORD_OVERHEAD_BYTES: usize = 36;
/// Records from so many bytes on are few in a request.
const LARGE_BYTES: usize = 4 << 10;

/// A partition that is being filled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stint {
    partition: i32,
    records_left: u32,
    bytes_left: usize,
    began: Instant,
    next: Option<i32>,
}

impl Stint {
    /// One that begins now, for a request of so many bytes.
    pub(crate) fn of(partition: i32, request_bytes: usize) -> Self {
        let bytes_max = request_bytes - request_bytes / 16;
        Stint { partition, records_left: REQUEST_RECORDS_MAX, bytes_left: bytes_max, began: Instant::now(), next: None }
    }

    /// One that is over, so that the next begins behind the partition.
    pub(crate) fn over(partition: i32) -> Self {
        Stint::of(partition, 0)
    }

    pub(crate) fn partition(&self) -> i32 {
        self.partition
    }

    /// Whether so many records, of so many bytes together, are no more than is left of it.
    pub(crate) fn takes(&self, records: usize, bytes: usize) -> bool {
        records <= self.records_left as usize && bytes + records * RECORD_OVERHEAD_BYTES <= self.bytes_left
    }

    /// The next one is to begin at that partition.
    pub(crate) fn continue_at(&mut self, partition: i32) {
        self.next = Some(partition);
    }

    /// Where the next one is to begin, where that was decided.
    pub(crate) fn next(&self) -> Option<i32> {
        self.next
    }

    /// A record of so many bytes goes there.
    pub(crate) fn take(&mut self, bytes: usize) {
        self.records_left = self.records_left.saturating_sub(1);
        // Of large ones the last may be too much for the request: it is sent when there is a request's worth of bytes without
        // what is added. Small ones all have to be within it; they are sent when there are enough of them, or after the linger.
        let counted = if bytes < LARGE_BYTES { bytes + RECORD_OVERHEAD_BYTES } else { bytes - bytes / 16 };
        self.bytes_left = self.bytes_left.saturating_sub(counted);
    }

    /// Whether it makes a request.
    pub(crate) fn is_full(&self) -> bool {
        self.records_left == 0 || self.bytes_left == 0
    }

    /// The same; or the client has waited long enough for more, and sent what there was.
    pub(crate) fn is_over(&self, linger: Duration) -> bool {
        self.is_full() || self.began.elapsed() >= linger
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: usize = 1_000_000;
    const LONG: Duration = Duration::from_secs(600);

    /// How many records of so many bytes fill one, and what librdkafka counts of them.
    fn filled_by(bytes: usize) -> (usize, usize) {
        let mut stint = Stint::of(0, REQUEST);
        let records = (1..).find(|_| {
            stint.take(bytes);
            stint.is_full()
        });
        let records = records.unwrap();
        (records, records * (bytes + RECORD_OVERHEAD_BYTES))
    }

    #[test]
    fn short_records_fill_a_request_by_their_number_and_longer_ones_by_their_bytes_and_are_all_within_it() {
        assert_eq!(filled_by(100).0, REQUEST_RECORDS_MAX as usize);
        for bytes in [100, 300, 450, 1_000, 3_000] {
            let (records, counted) = filled_by(bytes);
            assert!(counted <= REQUEST, "{records} of {bytes}: {counted}");
        }
    }

    #[test]
    fn large_records_fill_a_request_so_that_it_is_sent_at_once() {
        for bytes in [LARGE_BYTES, 30_000, 128_000, 900_000] {
            let (records, _) = filled_by(bytes);
            assert!(records * bytes >= REQUEST, "{records} of {bytes}");
            assert!((records - 1) * bytes < REQUEST + REQUEST / 16, "{records} of {bytes}");
        }
    }

    #[test]
    fn a_batch_that_is_more_than_is_left_belongs_to_the_next() {
        let mut stint = Stint::of(0, REQUEST);
        assert!(stint.takes(2_000, 500_000) && !stint.takes(2_100, 500_000) && !stint.takes(2_000, 900_000));
        (0..100).for_each(|_| stint.take(250));
        assert!(!stint.takes(2_000, 500_000));
    }

    #[test]
    fn one_is_over_when_it_is_full_or_the_client_has_sent_what_there_was() {
        assert!(Stint::over(3).is_over(LONG));
        assert!(!Stint::of(3, REQUEST).is_over(LONG));
        assert!(Stint::of(3, REQUEST).is_over(Duration::ZERO));
    }
}
