//! Parts of lines that every dictionary has, where the usual definition needs backtracking, or is slow.

/// Name and definition.
pub(crate) const PATTERNS: &[(&str, &str)] = &[
    ("BASE10NUM", r"[+-]?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)"),
    ("BASE16NUM", r"[+-]?(?:0x)?[0-9A-Fa-f]+"),
    ("BASE16FLOAT", r"\b[+-]?(?:0x)?(?:[0-9A-Fa-f]+(?:\.[0-9A-Fa-f]*)?|\.[0-9A-Fa-f]+)\b"),
    ("QUOTEDSTRING", r#""(?:\\.|[^\\"])*"|'(?:\\.|[^\\'])*'|`(?:\\.|[^\\`])*`"#),
    // Between word boundaries instead of between what is no digit.
    ("IPV4", r"\b(?:(?:[01]?[0-9]{1,2}|2[0-4][0-9]|25[0-5])\.){3}(?:[01]?[0-9]{1,2}|2[0-4][0-9]|25[0-5])\b"),
    ("WINPATH", r"(?:[A-Za-z]+:|\\)(?:\\[^\\?*]*)+"),
    ("YEAR", r"(?:\d\d){1,2}"),
    ("TIME", r"%{HOUR}:%{MINUTE}:%{SECOND}"),
    ("HAPROXYTIME", r"%{HOUR}:%{MINUTE}:%{SECOND}"),
    ("IPTABLES4_FRAG", r"(?:\b(?:CE|DF|MF)\b ?)*"),
    ("MONGO_QUERY", r"\{ .* \}"),
    (
        "SYSLOGPAMSESSION",
        r"%{SYSLOGBASE} (?<message>%{WORD:pam_module}\(%{DATA:pam_caller}\): session %{WORD:pam_session_state} for user %{USERNAME:username}(?: by %{GREEDYDATA:pam_by})?)",
    ),
    // An address and a name have characters enough in common; this takes both.
    ("HTTPDUSER", r"[a-zA-Z0-9!#$%&'*+/=?^_`{|}~.@-]+"),
];
