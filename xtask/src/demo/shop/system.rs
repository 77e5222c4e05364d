//! The messages of the machine's system, as syslog writes them.

use std::time::SystemTime;

use super::Dice;

/// One line. The time is local there; the demo's machine keeps UTC, and says so.
pub(super) fn line(dice: &mut Dice, at: SystemTime) -> String {
    let time = super::written(at, "%Y-%m-%dT%H:%M:%S%.6f+00:00");
    let pid = 300 + dice.below(30_000);
    let port = 1_024 + dice.below(60_000);
    let what = match dice.below(8) {
        0 => format!(
            "sshd[{pid}]: Failed password for invalid user admin from 203.0.113.{} port {port} ssh2",
            1 + dice.below(254)
        ),
        1 => format!(
            "sshd[{pid}]: Accepted publickey for deploy from 198.51.100.7 port {port} ssh2: ED25519 SHA256:c2hvcA"
        ),
        2 => format!("CRON[{pid}]: (root) CMD (/usr/local/bin/backup --quick)"),
        3 => "kernel: [12345.678901] TCP: request_sock_TCP: Possible SYN flooding on port 443. Sending cookies."
            .to_owned(),
        4 => format!("systemd[1]: Started session-{}.scope - Session of user deploy.", dice.below(500)),
        _ => format!("postfix/smtpd[{pid}]: connect from mail.example.org[198.51.100.25]"),
    };
    format!("{time} shop-1 {what}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_has_a_time_a_host_and_a_program() {
        let mut dice = Dice::new(1);
        for _ in 0..1_000 {
            let line = line(&mut dice, SystemTime::now());
            let words: Vec<&str> = line.splitn(3, ' ').collect();
            assert!(words[0].ends_with("+00:00") && words[1] == "shop-1" && words[2].contains(": "), "{line}");
        }
    }
}
