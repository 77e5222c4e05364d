//! The payment service, which writes logfmt.

use std::time::SystemTime;

use super::Dice;

/// One line.
pub(super) fn line(dice: &mut Dice, at: SystemTime) -> String {
    let time = super::written(at, "%Y-%m-%dT%H:%M:%S%.3fZ");
    let (order, cents, took) = (10_000 + dice.below(90_000), 100 + dice.below(50_000), 5 + dice.below(900));
    let method = dice.one_of(&["card", "invoice", "voucher"]);
    match dice.below(30) {
        0 => format!("time={time} level=error msg=\"card declined\" order={order} method=card attempts=3"),
        1 => format!("time={time} level=warn msg=\"slow answer\" order={order} took_ms={took}"),
        _ => format!(
            "time={time} level=info msg=\"payment taken\" order={order} method={method} cents={cents} took_ms={took}"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_closed() {
        let mut dice = Dice::new(1);
        for _ in 0..1_000 {
            let line = line(&mut dice, SystemTime::now());
            assert_eq!(line.matches('"').count(), 2, "{line}");
        }
    }
}
