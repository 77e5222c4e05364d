//! What the items of Apache's `LogFormat` mean.

use crate::{FILE, REMOTE_ADDRESSES};
use collector_plugin::time::SECOND_NS;
use collector_plugin::weblog::{
    AGENT, BODY_BYTES, DESTINATION_PORT, METHOD, Meaning, PATH, PID, QUERY, REFERRER, REQUEST_BODY_BYTES,
    REQUEST_BYTES, REQUEST_ID, REQUEST_TYPE, RESPONSE_BYTES, RESPONSE_TYPE, SOURCE_PORT, THREAD, TLS_CIPHER,
    TLS_SERVER, USER,
};

/// What an item means: a field of ECS, or one of Apache's own with its name.
pub(crate) enum Item {
    /// ECS has a field for it.
    Known(Meaning),
    /// A text below `apache.access`.
    Text(String),
    /// A whole number below `apache.access`.
    Int(String),
}

/// The item `%{argument}letter`.
///
/// # Errors
/// There is no such item, or it cannot be read.
pub(crate) fn item(argument: Option<&str>, letter: &str) -> Result<Item, String> {
    if let Some(argument) = argument {
        return with_argument(argument, letter);
    }
    Ok(Item::Known(match letter {
        "h" | "a" => Meaning::Client,
        "A" => Meaning::ServerAddress,
        "l" => Meaning::Nothing,
        "u" => Meaning::Verbatim(USER),
        "t" => Meaning::ClockTime,
        "r" => Meaning::Request,
        "m" => Meaning::Text(METHOD),
        "U" => Meaning::Text(PATH),
        "Uq" => Meaning::Url,
        "q" => Meaning::Text(QUERY),
        "H" => Meaning::Protocol,
        "s" => Meaning::Status,
        "b" | "B" => Meaning::Int(BODY_BYTES),
        "O" => Meaning::Int(RESPONSE_BYTES),
        "I" => Meaning::Int(REQUEST_BYTES),
        "D" => Meaning::Duration(1_000),
        "T" => Meaning::Duration(SECOND_NS),
        "v" | "V" => Meaning::Server,
        "p" => Meaning::Int(DESTINATION_PORT),
        "P" => Meaning::Int(PID),
        "L" => Meaning::Text(REQUEST_ID),
        "f" => Meaning::Text(FILE),
        "S" => return Ok(Item::Int("bytes_transferred".to_owned())),
        "k" => return Ok(Item::Int("keepalive_requests".to_owned())),
        "R" => return Ok(Item::Text("handler".to_owned())),
        "X" => return Ok(Item::Text("connection_status".to_owned())),
        _ => {
            return Err(format!("Apache has no `%{letter}`, or it needs a name as in `%{{name}}{letter}`: correct it"));
        }
    }))
}

fn with_argument(argument: &str, letter: &str) -> Result<Item, String> {
    let lower = argument.to_ascii_lowercase();
    let meaning = match (letter, lower.as_str()) {
        ("a", "c") => Meaning::Nothing,
        ("p", "remote") => Meaning::Int(SOURCE_PORT),
        ("p", _) => Meaning::Int(DESTINATION_PORT),
        ("P", "tid" | "hextid") => Meaning::Int(THREAD),
        ("P", _) => Meaning::Int(PID),
        ("T", "s") => Meaning::Duration(SECOND_NS),
        ("T", "ms") => Meaning::Duration(1_000_000),
        ("T", "us") => Meaning::Duration(1_000),
        ("t", _) => return time(argument),
        ("i", "referer") => Meaning::Verbatim(REFERRER),
        ("i", "user-agent") => Meaning::Verbatim(AGENT),
        ("i", "host") => Meaning::Host,
        ("i", "x-forwarded-for") => Meaning::Forwarded(REMOTE_ADDRESSES),
        ("i", "content-type") => Meaning::Text(REQUEST_TYPE),
        ("i", "content-length") => Meaning::Int(REQUEST_BODY_BYTES),
        ("i", "x-request-id") | ("e", "unique_id") => Meaning::Text(REQUEST_ID),
        ("o", "content-type") => Meaning::Text(RESPONSE_TYPE),
        ("o", "content-length") => Meaning::Int(BODY_BYTES),
        ("x", "ssl_protocol") => Meaning::Tls,
        ("x", "ssl_cipher") => Meaning::Text(TLS_CIPHER),
        ("x", "ssl_tls_sni") => Meaning::Text(TLS_SERVER),
        _ => return own(argument, letter),
    };
    Ok(Item::Known(meaning))
}

fn own(argument: &str, letter: &str) -> Result<Item, String> {
    let group = match letter {
        "i" => "request.headers",
        "o" | "^to" => "response.headers",
        "^ti" => "request.trailers",
        "e" => "env",
        "C" => "cookies",
        "n" => "notes",
        "x" => "ssl",
        _ => return Err(format!("Apache has no `%{{{argument}}}{letter}`: correct it")),
    };
    let part = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    Ok(Item::Text(format!("{group}.{}", argument.chars().map(part).collect::<String>())))
}

/// `%{…}t`: a unit, or a format of strftime that can be read.
fn time(format: &str) -> Result<Item, String> {
    let format = format.strip_prefix("begin:").or(format.strip_prefix("end:")).unwrap_or(format);
    let meaning = match format {
        "sec" | "msec" | "usec" => Meaning::AnyTime,
        "msec_frac" | "usec_frac" => Meaning::Nothing,
        "%d/%b/%Y:%H:%M:%S %z" | "%d/%b/%Y:%T %z" => Meaning::ClockTime,
        _ if ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%T", "%Y-%m-%d %T", "%FT%T", "%F %T"]
            .iter()
            .any(|start| format.strip_prefix(start).is_some_and(|zone| matches!(zone, "%z" | "Z" | ""))) =>
        {
            Meaning::AnyTime
        }
        _ => {
            return Err(format!(
                "the time `%{{{format}}}t` cannot be read: use %t, %{{%Y-%m-%dT%H:%M:%S%z}}t, or %{{msec}}t in Apache's configuration too"
            ));
        }
    };
    Ok(Item::Known(meaning))
}
