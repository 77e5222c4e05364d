//! The shop's PostgreSQL.

use std::time::SystemTime;

use super::Dice;

/// One line with the `log_line_prefix` of Debian's packages.
pub(super) fn line(dice: &mut Dice, at: SystemTime) -> String {
    let time = super::written(at, "%Y-%m-%d %H:%M:%S%.3f UTC");
    let pid = 500 + dice.below(9_000);
    let ms = dice.below(900_000);
    let text = match dice.below(12) {
        0 => "ERROR:  duplicate key value violates unique constraint \"orders_pkey\"".to_owned(),
        1 => "FATAL:  password authentication failed for user \"report\"".to_owned(),
        2 => "LOG:  checkpoint starting: time".to_owned(),
        _ => format!(
            "LOG:  duration: {}.{:03} ms  statement: SELECT * FROM products WHERE id = {}",
            ms / 1_000,
            ms % 1_000,
            dice.below(5_000)
        ),
    };
    format!("{time} [{pid}] shop@orders {text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_has_its_prefix_and_its_severity() {
        let mut dice = Dice::new(1);
        for _ in 0..1_000 {
            let line = line(&mut dice, SystemTime::now());
            assert!(line.contains(" UTC [") && line.contains("] shop@orders ") && line.contains(":  "), "{line}");
        }
    }
}
