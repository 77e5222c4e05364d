//! Addresses as they are written in settings.

use url::Url;

/// A problem and its fix.
pub(crate) type Trouble = (String, String);

/// A broker, `host:port`.
pub(crate) fn broker(text: &str) -> Result<String, Trouble> {
    let plain = text.trim();
    if let Some((scheme, rest)) = plain.split_once("://") {
        let fix = format!("write {rest:?}; TLS is set by [kafka.properties] security.protocol");
        return Err((format!("{plain:?} has a scheme ({scheme})"), fix));
    }
    let Some((host, port)) = plain.rsplit_once(':').filter(|(host, _)| !host.is_empty()) else {
        return Err((format!("{plain:?} has no port"), format!("write host:port, such as \"{plain}:9092\"")));
    };
    match port.parse::<u16>() {
        Ok(1..) if !host.contains([' ', ',', ';', '/']) => Ok(plain.to_owned()),
        Ok(1..) => Err((format!("{host:?} is not the name of a host"), "write one broker an entry: host:port".into())),
        _ => Err((format!("{port:?} is not a port"), "write a port from 1 to 65535".into())),
    }
}

/// An HTTP endpoint; `http://` is assumed where the scheme is missing, and then `port` where the port is missing too.
pub(crate) fn endpoint(text: &str, port: u16) -> Result<Url, Trouble> {
    let text = text.trim();
    let full = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let mut url = Url::parse(&full).map_err(|error| {
        (format!("{text:?} is not an address: {error}"), format!("write one such as \"http://host:{port}\""))
    })?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        let fix = format!("write http:// or https://, such as \"http://host:{port}\"");
        return Err((format!("{text:?} is not an HTTP address"), fix));
    }
    if !url.username().is_empty() || url.password().is_some() {
        let fix = "take them out of the address, and set user and password";
        return Err(("the address carries a user and a password".into(), fix.into()));
    }
    if !text.contains("://") && url.port().is_none() && !text.ends_with(":80") {
        // An http URL always takes a port.
        let _ = url.set_port(Some(port));
    }
    Ok(url)
}

/// Where to listen: `127.0.0.1:8686`, `:8686`, `8686`, `localhost:8686`.
pub(crate) fn listen(text: &str) -> Result<std::net::SocketAddr, Trouble> {
    let text = text.trim();
    let full = match text {
        port if port.bytes().all(|byte| byte.is_ascii_digit()) => format!("127.0.0.1:{port}"),
        port if port.starts_with(':') => format!("0.0.0.0{port}"),
        other => other.replace("localhost:", "127.0.0.1:"),
    };
    full.parse().map_err(|_| {
        (format!("{text:?} is not an address to listen on"), "write address:port, such as \"127.0.0.1:8686\"".into())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_get_what_they_lack() {
        let text = |written: &str| endpoint(written, 9200).map(|url| url.to_string());
        assert_eq!(text("127.0.0.1:9200").unwrap(), "http://127.0.0.1:9200/");
        assert_eq!(text("https://es.example").unwrap(), "https://es.example/");
        assert_eq!(text("es").unwrap(), "http://es:9200/");
        assert!(text("ftp://es").is_err() && text("http://u:p@es:9200").is_err() && text("es:port").is_err());
    }

    #[test]
    fn brokers_need_a_port() {
        assert_eq!(broker(" kafka-1:9092 ").unwrap(), "kafka-1:9092");
        assert_eq!(broker("[::1]:9092").unwrap(), "[::1]:9092");
        for bad in ["kafka-1", "kafka:0", "kafka:x", "PLAINTEXT://kafka:9092", "a:1,b:2", ":9092"] {
            assert!(broker(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_port_alone_listens_on_this_machine_only() {
        assert_eq!(listen("8686").unwrap().to_string(), "127.0.0.1:8686");
        assert_eq!(listen(":8686").unwrap().to_string(), "0.0.0.0:8686");
        assert!(listen("nowhere").is_err());
    }
}
