use super::Plugin;
use collector_plugin::testing::{Fields, Session, check_samples};
use proptest::prelude::*;
use serde_json::{Value, json};

/// The fields of a message, without those of its header.
fn read(program: &str, message: &str) -> Fields {
    let mut session = Session::<Plugin>::open("").unwrap();
    let mut fields = session.line(&format!("2026-02-12T14:10:21Z web1 {program}[7]: {message}")).kept();
    assert_eq!(fields.remove("message"), Some(Value::from(message.trim_start())));
    for constant in ["event.kind", "event.module", "event.dataset", "event.timezone", "service.type", "related.hosts"] {
        assert!(fields.remove(constant).is_some(), "{constant}");
    }
    for header in ["@timestamp", "host.hostname", "process.name", "process.pid"] {
        assert!(fields.remove(header).is_some(), "{header}");
    }
    fields
}

fn some(program: &str, message: &str, names: [&str; 4]) -> [Value; 4] {
    let fields = read(program, message);
    names.map(|name| fields.get(name).cloned().unwrap_or_default())
}

#[test]
fn the_samples_hold() {
    check_samples::<Plugin>(super::SAMPLES).unwrap();
}

#[test]
fn connections_of_ssh_have_their_peer() {
    for (message, expected) in [
        ("Invalid user bob from 192.0.2.7 port 53502", json!(["bob", "192.0.2.7", 53502, "failure"])),
        ("Invalid user  from 192.0.2.7", json!([null, "192.0.2.7", null, "failure"])),
        ("Failed none for invalid user  from 192.0.2.7 port 1 ssh2", json!([null, "192.0.2.7", 1, "failure"])),
        ("Postponed publickey for git from 192.0.2.7 port 2 ssh2 [preauth]", json!(["git", "192.0.2.7", 2, null])),
        (
            "Connection closed by authenticating user root 192.0.2.7 port 45 [preauth]",
            json!(["root", "192.0.2.7", 45, null]),
        ),
        ("Disconnected from user alice 192.0.2.7 port 45", json!(["alice", "192.0.2.7", 45, null])),
        ("Unable to negotiate with 192.0.2.7 port 45: no matching cipher", json!([null, "192.0.2.7", 45, null])),
        ("Did not receive identification string from 192.0.2.7 port 9", json!([null, "192.0.2.7", 9, null])),
        (
            "User root from 192.0.2.7 not allowed because not listed in AllowUsers",
            json!(["root", "192.0.2.7", null, null]),
        ),
        (
            "refused connect from _x_@client.example.com (::ffff:192.0.2.7)",
            json!([null, "::ffff:192.0.2.7", null, null]),
        ),
        ("Connection from 192.0.2.7 port 45 on 10.0.0.1 port 22", json!([null, "192.0.2.7", 45, null])),
        ("Server listening on 0.0.0.0 port 22.", json!([null, null, null, null])),
    ] {
        let found = some("sshd", message, ["user.name", "source.ip", "source.port", "event.outcome"]);
        assert_eq!(Value::from(found.to_vec()), expected, "{message}");
    }
}

#[test]
fn a_user_name_cannot_pass_for_an_address() {
    let message = "Failed password for invalid user x from 198.51.100.1 port 1 ssh2 from 192.0.2.7 port 22 ssh2";
    let fields = read("sshd", message);
    assert_eq!(fields["source.ip"], "192.0.2.7");
    assert_eq!(fields["user.name"], "x from 198.51.100.1 port 1 ssh2");
}

#[test]
fn a_machine_s_name_is_a_domain() {
    let fields = read("sshd", "error: PAM: Authentication failure for illegal user bob from client.example.com");
    assert_eq!(fields["source.domain"], "client.example.com");
    assert_eq!(fields["system.auth.ssh.event"], "error: PAM: Authentication failure for illegal");
    assert_eq!(fields.get("related.ip"), None);
}

#[test]
fn becoming_somebody_else_has_both_users() {
    for (program, message, expected) in [
        ("su", "(to root) alice on pts/0", json!(["alice", "root", null, "success"])),
        ("su", "FAILED SU (to root) alice on pts/0", json!(["alice", "root", null, "failure"])),
        ("su", "Successful su for root by alice", json!(["alice", "root", null, "success"])),
        ("su", "- /dev/pts/0 alice:root", json!(["alice", "root", null, "failure"])),
        ("su", "'su root' failed for alice on /dev/pts/8", json!(["alice", "root", null, "failure"])),
        (
            "su",
            "pam_unix(su:session): session opened for user root by alice(uid=1000)",
            json!(["alice", "root", "1000", null]),
        ),
        ("sudo", "alice : TTY=pts/0 ; PWD=/ ; USER=alice ; COMMAND=/bin/ls", json!(["alice", "alice", null, null])),
        (
            "sudo",
            "alice : HOST=web1 ; TTY=pts/0 ; PWD=/ ; USER=db ; GROUP=dba ; COMMAND=x",
            json!(["alice", "db", null, null]),
        ),
    ] {
        let found = some(program, message, ["user.name", "user.effective.name", "user.id", "event.outcome"]);
        assert_eq!(Value::from(found.to_vec()), expected, "{message}");
    }
}

#[test]
fn pam_names_users_in_many_ways() {
    for (message, expected) in [
        ("pam_unix(cron:session): session opened for user root by (uid=0)", json!(["root", "0", null, "cron:session"])),
        ("pam_unix(cron:session): session closed for user root", json!(["root", null, null, "cron:session"])),
        (
            "pam_succeed_if(sshd:auth): requirement \"uid >= 1000\" not met by user \"root\"",
            json!(["root", null, null, "sshd:auth"]),
        ),
        (
            "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=192.0.2.7  user=root",
            json!(["root", null, "192.0.2.7", "sshd:auth"]),
        ),
        (
            "PAM 4 more authentication failures; logname= uid=0 euid=0 tty=ssh ruser= rhost=192.0.2.7",
            json!([null, null, "192.0.2.7", null]),
        ),
        ("pam_tally2(sudo:auth): user bob (4001) tally 6, deny 5", json!(["bob", "4001", null, "sudo:auth"])),
        ("pam_unix(sshd:auth): check pass; user unknown", json!([null, null, null, "sshd:auth"])),
        ("subsystem request for sftp by user alice", json!(["alice", null, null, null])),
        ("New session 5 of user alice.", json!(["alice", null, null, null])),
        ("no users here", json!([null, null, null, null])),
    ] {
        let found = some("login", message, ["user.name", "user.id", "source.ip", "system.auth.pam.origin"]);
        assert_eq!(Value::from(found.to_vec()), expected, "{message}");
    }
}

#[test]
fn changes_of_users_and_groups_are_told() {
    let names = ["user.name", "group.name", "event.type", "event.outcome"];
    let found = some("groupadd", "new group: name=apache, GID=48", names);
    assert_eq!(found, [json!(null), json!("apache"), json!(["creation", "group"]), json!("success")]);
    let found = some("userdel", "delete user 'bob'", names);
    assert_eq!(found, [json!("bob"), json!(null), json!(["deletion", "user"]), json!("success")]);
    let found = some("useradd", "failed adding user 'bob', data deleted", names);
    assert_eq!(found, [json!("bob"), json!(null), json!(["creation", "user"]), json!("failure")]);
}

proptest! {
    #[test]
    fn any_text_keeps_the_contract(text in any::<String>()) {
        Session::<Plugin>::open("").unwrap().line(&text);
    }

    #[test]
    fn any_message_keeps_the_contract(program in "sshd|sudo|su|useradd|login", message in r#"(Failed password| for | from |192\.0\.2\.7| port 22| ssh2|invalid user |[a-zé]{1,3}| : |TTY=| ; |COMMAND=|\(to |\) |pam_unix\(| user |'|"|\(uid=0\)| by |new user: name=|, |rhost=){0,14}"#) {
        Session::<Plugin>::open("").unwrap().line(&format!("2026-02-12T14:10:21Z web1 {program}: {message}"));
    }

    #[test]
    fn any_break_in_a_good_line_keeps_the_contract(at in 0usize..110, with in any::<char>(), cut in any::<bool>()) {
        let good = "Feb 12 14:10:21 web1 sshd[16378]: Accepted publickey for alice from 192.0.2.7 port 53502 ssh2: ED25519 SHA256:q2Zp";
        let broken: String = good.chars().enumerate().filter(|(i, _)| !cut || *i <= at).map(|(i, c)| if i == at { with } else { c }).collect();
        Session::<Plugin>::open("").unwrap().line(&broken);
    }
}
