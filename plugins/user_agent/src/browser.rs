//! Which program it is.

use crate::families::{BROWSERS, Family, PHRASES, SPIDERS};
use crate::products::{Products, numbers};
use crate::system::{Kind, System};
use collector_plugin::scan;
use std::borrow::Cow;

/// Marks in the names of bots, in lower case.
const BOT_MARKS: [(u8, &[u8]); 6] =
    [(b'b', b"bot"), (b's', b"spider"), (b'c', b"crawl"), (b'a', b"archiver"), (b'i', b"indexer"), (b's', b"scraper")];

/// A program.
pub(crate) struct Browser<'a> {
    pub(crate) name: Cow<'a, str>,
    /// Nothing where it is not told.
    pub(crate) version: Cow<'a, str>,
    pub(crate) is_spider: bool,
}

impl<'a> Browser<'a> {
    fn new(name: impl Into<Cow<'a, str>>, version: &'a [u8], parts: usize) -> Self {
        Self { name: name.into(), version: utf8(numbers(version, parts)).into(), is_spider: false }
    }
}

fn utf8(text: &[u8]) -> &str {
    std::str::from_utf8(text).unwrap_or_default()
}

/// The program of a user agent; `Other` where it is none that is known.
pub(crate) fn tell<'a>(agent: &'a [u8], products: &Products<'a>, system: &System<'a>) -> Browser<'a> {
    (spider(agent, products))
        .or_else(|| phrase(agent, false))
        .or_else(|| listed(BROWSERS, products, system))
        .or_else(|| app(products))
        .or_else(|| opera(products, system))
        .or_else(|| firefox(products, system))
        .or_else(|| chrome(products, system))
        .or_else(|| safari(products, system))
        .or_else(|| explorer(products))
        .unwrap_or_else(|| Browser::new("Other", b"", 0))
}

fn spider<'a>(agent: &'a [u8], products: &Products<'a>) -> Option<Browser<'a>> {
    let (mut found, mut before) = (None, &b""[..]);
    for product in products.iter() {
        // `like FeedFetcher-Google` is another one.
        if std::mem::replace(&mut before, product.name) == b"like" {
            continue;
        }
        if let Some(family) = SPIDERS.iter().find(|family| family.product.as_bytes() == product.name) {
            found = Some(Browser::new(family.name, product.version, family.parts));
            break;
        }
        if is_bot(product.name) {
            found = Some(Browser::new(utf8(product.name), product.version, 3));
            break;
        }
    }
    phrase(agent, true).or_else(|| found.map(|browser| Browser { is_spider: true, ..browser }))
}

/// A name such as `AhrefsBot`; not an address, nor the phones of that maker.
fn is_bot(name: &[u8]) -> bool {
    let is_name = name.len() < 64 && !name.iter().any(|b| matches!(b, b':' | b'/' | b'@' | b'?'));
    let begins = |rest: &[u8]| {
        let first = rest[0] | 0x20;
        BOT_MARKS.iter().any(|(byte, mark)| {
            *byte == first && rest.get(..mark.len()).is_some_and(|part| part.eq_ignore_ascii_case(mark))
        })
    };
    let has_mark = (0..name.len()).any(|at| begins(&name[at..]));
    is_name && has_mark && !name.eq_ignore_ascii_case(b"cubot") && !is_host(name)
}

/// `www.example.com`, `example.com`: where an address was cut apart.
fn is_host(name: &[u8]) -> bool {
    name.starts_with(b"www.") || name.ends_with(b".com") || name.ends_with(b".html") || name.ends_with(b".php")
}

fn phrase(agent: &[u8], is_spider: bool) -> Option<Browser<'_>> {
    PHRASES.iter().filter(|family| family.is_spider == is_spider).find_map(|family| {
        let (_, version) = scan::cut_text(agent, family.product.as_bytes())?;
        Some(Browser { is_spider, ..Browser::new(family.name, version, family.parts) })
    })
}

fn listed<'a>(families: &'static [Family], products: &Products<'a>, system: &System<'a>) -> Option<Browser<'a>> {
    let rank = |name: &[u8]| families.iter().position(|family| family.product.as_bytes() == name);
    let (rank, version) =
        products.iter().filter_map(|p| Some((rank(p.name)?, p.version))).min_by_key(|(rank, _)| *rank)?;
    let family = &families[rank];
    let name = match family.name {
        "Edge" if system.is_mobile => "Edge Mobile",
        "DuckDuckGo" if system.is_mobile => "DuckDuckGo Mobile",
        name => name,
    };
    Some(Browser::new(name, version, family.parts))
}

/// Programs on Apple's systems say who they are, then with what they ask.
fn app<'a>(products: &Products<'a>) -> Option<Browser<'a>> {
    let first = products.iter().next().filter(|first| !first.version.is_empty())?;
    products.has(b"CFNetwork").then(|| Browser::new(utf8(first.name), first.version, 3))
}

fn opera<'a>(products: &Products<'a>, system: &System<'a>) -> Option<Browser<'a>> {
    if let Some(version) = products.version(b"OPR") {
        let name = if system.kind == Kind::Android { "Opera Mobile" } else { "Opera" };
        return Some(Browser::new(name, version, 3));
    }
    let version = products.version(b"Opera")?;
    // Since version 10 it says 9.80 here, and itself behind it.
    Some(Browser::new("Opera", products.version(b"Version").unwrap_or(version), 3))
}

fn firefox<'a>(products: &Products<'a>, system: &System<'a>) -> Option<Browser<'a>> {
    let version = products.version(b"Firefox")?;
    let known = numbers(version, 3);
    let name = match version.get(known.len()) {
        _ if system.kind == Kind::Android || system.is_mobile => "Firefox Mobile",
        Some(b'a') => "Firefox Alpha",
        Some(b'b') => "Firefox Beta",
        _ => "Firefox",
    };
    let mark = &version[known.len()..];
    let length = mark.iter().take_while(|b| b.is_ascii_alphanumeric()).count();
    match mark.first() {
        Some(b'a' | b'b') => {
            let version = format!("{}.{}", utf8(known), utf8(&mark[..length])).into();
            Some(Browser { version, ..Browser::new(name, b"", 0) })
        }
        _ => Some(Browser::new(name, known, 3)),
    }
}

fn chrome<'a>(products: &Products<'a>, system: &System<'a>) -> Option<Browser<'a>> {
    let version = products.version(b"Chrome")?;
    let is_view = system.kind == Kind::Android && (products.has(b"wv") || products.has(b"Version"));
    let name = match system.is_mobile {
        _ if is_view => "Chrome Mobile WebView",
        true => "Chrome Mobile",
        false => "Chrome",
    };
    Some(Browser::new(name, version, 4))
}

fn safari<'a>(products: &Products<'a>, system: &System<'a>) -> Option<Browser<'a>> {
    let (version, has_safari) = (products.version(b"Version"), products.has(b"Safari"));
    match system.kind {
        Kind::Ios if has_safari => Some(Browser::new("Mobile Safari", version.unwrap_or_default(), 3)),
        Kind::Ios if products.has(b"AppleWebKit") => Some(Browser::new("Mobile Safari UI/WKWebView", b"", 0)),
        Kind::Android => (!system.version.is_empty()).then(|| Browser::new("Android", system.version, 3)),
        Kind::Mac if !has_safari => {
            products.version(b"AppleWebKit").map(|version| Browser::new("Apple Mail", version, 3))
        }
        _ => has_safari.then(|| Browser::new("Safari", version.unwrap_or_default(), 3)),
    }
}

/// The number of its engine tells more than its own, which it changes for old pages.
fn explorer<'a>(products: &Products<'a>) -> Option<Browser<'a>> {
    let engine = products.version(b"Trident").map(|version| numbers(version, 1));
    let version = match (engine, products.version(b"MSIE")) {
        (Some(b"7"), _) => "11.0",
        (Some(b"6"), _) => "10.0",
        (Some(b"5"), _) => "9.0",
        (Some(b"4"), _) => "8.0",
        (_, Some(version)) => return Some(Browser::new("IE", version, 2)),
        (_, None) => return None,
    };
    Some(Browser { version: version.into(), ..Browser::new("IE", b"", 0) })
}
