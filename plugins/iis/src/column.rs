//! The columns of W3C logs, by the names that `#Fields:` has for them.

/// A column. Each is at most once in a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Column {
    Date,
    Time,
    SiteName,
    ServerName,
    ServerIp,
    Method,
    /// The path, without the query.
    Stem,
    Query,
    /// The path with the query, in the error log.
    Uri,
    ServerPort,
    User,
    ClientIp,
    ClientPort,
    Version,
    UserAgent,
    Cookie,
    Referrer,
    Host,
    Status,
    SubStatus,
    Win32Status,
    BytesSent,
    BytesReceived,
    /// Milliseconds.
    Took,
    ForwardedFor,
    SiteId,
    Reason,
    Queue,
    Session,
    FullPath,
    /// The `n`-th of those that have no name here.
    Other(usize),
    /// Passed over.
    Nothing,
}

/// What the logs call the columns, in lower case.
const NAMES: [(&str, Column); 44] = [
    ("date", Column::Date),
    ("time", Column::Time),
    ("s-sitename", Column::SiteName),
    ("s-computername", Column::ServerName),
    ("s-ip", Column::ServerIp),
    ("cs-method", Column::Method),
    ("cs-uri-stem", Column::Stem),
    ("cs-uri-query", Column::Query),
    ("cs-uri", Column::Uri),
    ("s-port", Column::ServerPort),
    ("cs-username", Column::User),
    ("c-ip", Column::ClientIp),
    ("c-port", Column::ClientPort),
    ("cs-version", Column::Version),
    ("cs(user-agent)", Column::UserAgent),
    ("cs(cookie)", Column::Cookie),
    ("cs(referer)", Column::Referrer),
    ("cs-host", Column::Host),
    ("cs(host)", Column::Host),
    ("sc-status", Column::Status),
    ("sc-substatus", Column::SubStatus),
    ("sc-win32-status", Column::Win32Status),
    ("sc-bytes", Column::BytesSent),
    ("cs-bytes", Column::BytesReceived),
    ("time-taken", Column::Took),
    ("timetakenms", Column::Took),
    ("x-forwarded-for", Column::ForwardedFor),
    ("cs(x-forwarded-for)", Column::ForwardedFor),
    ("x-forwarded", Column::ForwardedFor),
    ("x-real-ip", Column::ForwardedFor),
    ("cs(x-real-ip)", Column::ForwardedFor),
    ("originalip", Column::ForwardedFor),
    ("original-ip", Column::ForwardedFor),
    ("s-siteid", Column::SiteId),
    ("s-reason", Column::Reason),
    ("s-queuename", Column::Queue),
    ("x-session", Column::Session),
    ("x-fullpath", Column::FullPath),
    ("streamid", Column::Nothing),
    ("streamid_ex", Column::Nothing),
    ("transport", Column::Nothing),
    ("cs-uri-scheme", Column::Nothing),
    ("-", Column::Nothing),
    ("s-event", Column::Nothing),
];

/// The columns that an operator names, and the fields of those that have no name here.
///
/// # Errors
/// What is wrong with them.
pub(crate) fn read(fields: &str) -> Result<(Vec<Column>, Vec<String>), String> {
    let fields = fields.trim();
    let fields = fields.strip_prefix("#Fields:").unwrap_or(fields);
    let (mut columns, mut others) = (Vec::new(), Vec::new());
    for name in fields.split_ascii_whitespace() {
        let lower = name.to_ascii_lowercase();
        let column = match NAMES.iter().find(|(known, _)| *known == lower) {
            Some((_, column)) => *column,
            None => {
                others.push(field_of(&lower)?);
                Column::Other(others.len() - 1)
            }
        };
        if column != Column::Nothing && columns.contains(&column) {
            return Err(format!("`fields` names `{name}` twice: each column has one name"));
        }
        columns.push(column);
    }
    if columns.is_empty() {
        return Err("`fields` is empty: give what stands behind `#Fields:` in the log".to_owned());
    }
    Ok((columns, others))
}

/// `crypt-protocol` to `iis.access.crypt_protocol`, `cs(X-Trace)` to `iis.access.x_trace`.
fn field_of(name: &str) -> Result<String, String> {
    let inner = name.strip_suffix(')').and_then(|name| name.split_once('(')).map_or(name, |(_, inner)| inner);
    let clean: String = inner.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    if clean.is_empty() || clean.len() > 128 {
        return Err(format!("`fields`: `{name}` is no name of a column"));
    }
    Ok(format!("iis.access.{clean}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_behind_fields_is_read() {
        let (columns, others) = read("#Fields: date time cs(User-Agent) crypt-protocol cs(X-Trace)").unwrap();
        assert_eq!(columns[..3], [Column::Date, Column::Time, Column::UserAgent]);
        assert_eq!(columns[3..], [Column::Other(0), Column::Other(1)]);
        assert_eq!(others, ["iis.access.crypt_protocol", "iis.access.x_trace"]);
    }

    #[test]
    fn columns_that_make_no_sense_are_refused() {
        for (fields, part) in [("", "is empty"), ("date time date", "twice"), ("date cs()", "no name")] {
            let error = read(fields).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }
}
