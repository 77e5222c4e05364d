//! Patterns with `*` and `?`, and networks, as regular expressions over terms.

/// Whether an unquoted word is a pattern.
pub(super) fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?'])
}

/// The regular expression of a text that stands for itself.
pub(super) fn literal(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if !c.is_alphanumeric() && c.is_ascii() && !c.is_ascii_control() {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// The regular expression of a pattern: `*` stands for any characters, `?` for one.
pub(super) fn wildcard(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 8);
    let mut buffer = [0; 4];
    for c in pattern.chars() {
        match c {
            '*' => out.push_str("(?s:.)*"),
            '?' => out.push_str("(?s:.)"),
            c => out.push_str(&literal(c.encode_utf8(&mut buffer))),
        }
    }
    out
}

/// The regular expression of the addresses of an IPv4 network such as `10.0.0.0/12`; none where the text is no network.
pub(super) fn network(text: &str) -> Option<String> {
    let (address, bits) = text.split_once('/')?;
    let address: std::net::Ipv4Addr = address.parse().ok()?;
    let bits = bits.parse::<u32>().ok().filter(|bits| *bits <= 32)?;
    let mut parts = vec![];
    for (i, octet) in (0u32..).zip(address.octets()) {
        let fixed = bits.saturating_sub(i * 8).min(8);
        parts.push(match fixed {
            8 => octet.to_string(),
            0 => "[0-9]+".to_owned(),
            fixed => {
                let size = 1u32 << (8 - fixed);
                let first = u32::from(octet) & !(size - 1);
                let all: Vec<String> = (first..first + size).map(|octet| octet.to_string()).collect();
                format!("({})", all.join("|"))
            }
        });
    }
    Some(parts.join("\\."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_its_octets() {
        assert_eq!(network("10.0.0.0/8").unwrap(), r"10\.[0-9]+\.[0-9]+\.[0-9]+");
        assert_eq!(network("10.1.2.253/30").unwrap(), r"10\.1\.2\.(252|253|254|255)");
        assert_eq!(network("10.1.2.3/32").unwrap(), r"10\.1\.2\.3");
        for other in ["10.0.0.0", "10.0.0/8", "10.0.0.0/33", "/api/x", "a/8"] {
            assert_eq!(network(other), None, "{other}");
        }
    }

    #[test]
    fn what_means_something_to_a_regex_is_escaped() {
        assert_eq!(wildcard("/a.b*"), r"\/a\.b(?s:.)*");
        assert_eq!(literal("é[x]"), r"é\[x\]");
    }
}
