//! How long to wait before trying again.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);

/// The longest wait before the attempt after `attempts` failed ones: 100 ms, doubled each time, up to `longest`.
fn ceiling(attempts: u32, longest: Duration) -> Duration {
    FIRST.saturating_mul(1 << attempts.saturating_sub(1).min(16)).min(longest)
}

/// A wait between nothing and the ceiling (full jitter), so that many senders do not come back together.
pub(crate) fn delay(attempts: u32, longest: Duration) -> Duration {
    ceiling(attempts, longest).mul_f64(fastrand::f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_from_100_ms_to_30_s() {
        let longest = Duration::from_secs(30);
        let ceilings = [1, 2, 3, 9, 10, 1000].map(|n| ceiling(n, longest).as_millis());
        assert_eq!(ceilings, [100, 200, 400, 25_600, 30_000, 30_000]);
        assert!((1..200).all(|n| delay(n, longest) <= ceiling(n, longest)));
    }
}
