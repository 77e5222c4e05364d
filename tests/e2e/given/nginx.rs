//! Lines of an nginx access log.

/// The line of a number: its address, path and status follow from it.
pub(crate) fn line(number: u64) -> String {
    let agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36";
    let (a, b) = (number / 250 % 250, number % 250);
    let status = [200, 200, 304, 404, 500][(number % 5) as usize];
    let (minute, second) = (number / 60 % 60, number % 60);
    format!(
        "10.1.{a}.{b} - - [22/Nov/2026:10:{minute:02}:{second:02} +0000] \"GET /item/{number}?page=2 HTTP/1.1\" {status} {} \
         \"https://shop.example.com/list\" \"{agent}\"",
        number % 10_000
    )
}

/// The number of a line, from its `url.original`.
pub(crate) fn number(url: &str) -> Option<u64> {
    url.strip_prefix("/item/")?.split('?').next()?.parse().ok()
}
