//! How long to wait before trying again.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(30);

/// The longest wait before the attempt after `attempts` failed ones: 100 ms, doubled each time, up to 30 s.
pub(crate) fn ceiling(attempts: u32) -> Duration {
    FIRST.saturating_mul(1 << attempts.saturating_sub(1).min(16)).min(LONGEST)
}

/// A wait between nothing and the ceiling (full jitter), so that many senders do not come back together.
pub(crate) fn delay(attempts: u32) -> Duration {
    ceiling(attempts).mul_f64(fastrand::f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_from_100_ms_to_30_s() {
        let ceilings: Vec<u128> = [1, 2, 3, 9, 10, 1000].map(|n| ceiling(n).as_millis()).to_vec();
        assert_eq!(ceilings, [100, 200, 400, 25_600, 30_000, 30_000]);
        assert!((1..200).all(|n| delay(n) <= ceiling(n)));
    }
}
