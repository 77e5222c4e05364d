//! The names of facilities and severities, as Elastic's `syslog` processor writes them.

const FACILITIES: [&str; 24] = [
    "kernel",
    "user-level",
    "mail",
    "system",
    "security/authorization",
    "syslogd",
    "line printer",
    "network news",
    "UUCP",
    "clock",
    "security/authorization",
    "FTP",
    "NTP",
    "log audit",
    "log alert",
    "clock",
    "local0",
    "local1",
    "local2",
    "local3",
    "local4",
    "local5",
    "local6",
    "local7",
];

const SEVERITIES: [&str; 8] =
    ["Emergency", "Alert", "Critical", "Error", "Warning", "Notice", "Informational", "Debug"];

/// The name of a priority's facility.
pub(crate) fn facility(priority: u8) -> &'static str {
    FACILITIES[usize::from(priority >> 3).min(FACILITIES.len() - 1)]
}

/// The name of a priority's severity.
pub(crate) fn severity(priority: u8) -> &'static str {
    SEVERITIES[usize::from(priority & 7)]
}
