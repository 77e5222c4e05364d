//! The shop's own program, which writes JSON.

use std::time::SystemTime;

use serde_json::json;

use super::Dice;

const LOGGERS: [&str; 4] = ["cart", "checkout", "catalogue", "session"];
const USERS: [&str; 4] = ["alice", "bob", "carol", "dave"];

/// One line.
pub(super) fn line(dice: &mut Dice, at: SystemTime) -> String {
    let (level, message) = match dice.below(40) {
        0 => ("error", "payment provider did not answer"),
        1..4 => ("warn", "stock is low"),
        4..10 => ("debug", "cache miss"),
        _ => ("info", "request served"),
    };
    let line = json!({
        "@timestamp": super::written(at, "%Y-%m-%dT%H:%M:%S%.3fZ"),
        "log.level": level,
        "message": message,
        "log": {"logger": dice.one_of(&LOGGERS)},
        "user": {"name": dice.one_of(&USERS)},
        "event": {"duration": (1 + dice.below(400)) * 1_000_000},
        "trace": {"id": format!("{:016x}", dice.below(u64::MAX))},
    });
    line.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_an_object_with_a_level() {
        let mut dice = Dice::new(1);
        for _ in 0..1_000 {
            let line: serde_json::Value = serde_json::from_str(&line(&mut dice, SystemTime::now())).unwrap();
            assert!(line["log.level"].is_string() && line["@timestamp"].is_string());
        }
    }
}
