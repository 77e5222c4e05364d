//! Which system it runs on.

use crate::products::{Products, numbers};
use collector_plugin::scan;
use std::borrow::Cow;

/// Systems that matter for the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Android,
    Ios,
    Mac,
    Other,
}

/// A system.
pub(crate) struct System<'a> {
    pub(crate) kind: Kind,
    /// Nothing where it is none that is known.
    pub(crate) name: &'static str,
    /// Nothing where it is not told.
    pub(crate) version: &'a [u8],
    /// The user agent says that it is a telephone.
    pub(crate) is_mobile: bool,
}

impl System<'_> {
    /// The version with points, as it is told.
    pub(crate) fn version_text(&self) -> Cow<'_, str> {
        let text = std::str::from_utf8(self.version).unwrap_or_default();
        if text.contains('_') { text.replace('_', ".").into() } else { text.into() }
    }
}

/// Windows by its number.
const WINDOWS: [(&[u8], &[u8]); 9] = [
    (b"10.0", b"10"),
    (b"6.3", b"8.1"),
    (b"6.2", b"8"),
    (b"6.1", b"7"),
    (b"6.0", b"Vista"),
    (b"5.2", b"XP"),
    (b"5.1", b"XP"),
    (b"5.0", b"2000"),
    (b"4.0", b"NT 4.0"),
];

/// Systems that are named by a word.
const NAMED: [(&[u8], &str); 14] = [
    (b"Tizen", "Tizen"),
    (b"KAIOS", "KaiOS"),
    (b"HarmonyOS", "HarmonyOS"),
    (b"Ubuntu", "Ubuntu"),
    (b"Fedora", "Fedora"),
    (b"Debian", "Debian"),
    (b"CentOS", "CentOS"),
    (b"Red", "Red Hat"),
    (b"FreeBSD", "FreeBSD"),
    (b"OpenBSD", "OpenBSD"),
    (b"NetBSD", "NetBSD"),
    (b"SunOS", "Solaris"),
    (b"Linux", "Linux"),
    (b"BlackBerry", "BlackBerry OS"),
];

/// The system of a user agent.
pub(crate) fn tell<'a>(agent: &'a [u8], products: &Products<'a>) -> System<'a> {
    let is_mobile = products.has(b"Mobile");
    let system = |kind, name, version: &'a [u8]| System { kind, name, version, is_mobile };
    let behind = |phrase: &[u8]| scan::cut_text(agent, phrase).map(|(_, rest)| rest);
    if let Some(version) = behind(b"Windows Phone ") {
        let version = version.strip_prefix(b"OS ").unwrap_or(version);
        return System { is_mobile: true, ..system(Kind::Other, "Windows Phone", numbers(version, 2)) };
    }
    if let Some(rest) = behind(b"Windows ").or_else(|| behind(b"Windows;")) {
        return system(Kind::Other, "Windows", windows(rest));
    }
    if let Some(version) = products.version(b"Android") {
        return system(Kind::Android, "Android", numbers(version, 3));
    }
    if products.has(b"iPhone") || products.has(b"iPad") || products.has(b"iPod") {
        let version = behind(b"iPhone OS ").or_else(|| behind(b"CPU OS ")).unwrap_or_default();
        return system(Kind::Ios, "iOS", numbers(version, 3));
    }
    if let Some(version) = behind(b"Mac OS X") {
        return system(Kind::Mac, "Mac OS X", numbers(version.trim_ascii_start(), 3));
    }
    if let Some(rest) = behind(b"CrOS ") {
        let version = scan::cut(rest, b' ').map_or(&b""[..], |(_, version)| version);
        return system(Kind::Other, "Chrome OS", numbers(version, 3));
    }
    if products.has(b"CFNetwork") {
        let is_mac = behind(b"x86_64").is_some() || behind(b"(Mac").is_some();
        return if is_mac { system(Kind::Mac, "Mac OS X", b"") } else { system(Kind::Ios, "iOS", b"") };
    }
    if products.has(b"Silk") {
        return system(Kind::Android, "Android", b"");
    }
    let named = NAMED.iter().find_map(|(word, name)| Some((*name, products.version(word)?)));
    match named {
        // What stands behind it is the machine's.
        Some(("Linux", _)) => system(Kind::Other, "Linux", b""),
        Some((name, version)) => system(Kind::Other, name, numbers(version, 3)),
        None if behind(b"linux").is_some() => system(Kind::Other, "Linux", b""),
        None => system(Kind::Other, "", b""),
    }
}

/// `NT 6.1; …` to `7`, `98` and `XP` as they are.
fn windows(rest: &[u8]) -> &[u8] {
    if let Some(rest) = rest.strip_prefix(b"NT") {
        let number = numbers(rest.trim_ascii_start(), 2);
        return WINDOWS.iter().find(|(known, _)| *known == number).map_or(b"NT", |(_, version)| *version);
    }
    let word = rest.iter().take_while(|b| b.is_ascii_alphanumeric()).count();
    match &rest[..word] {
        word @ (b"98" | b"95" | b"2000" | b"XP" | b"CE" | b"ME" | b"Vista" | b"7" | b"8" | b"10" | b"11") => word,
        _ => b"",
    }
}
