//! Which device it is.

use crate::products::Products;
use crate::system::{Kind, System};
use collector_plugin::scan;
use std::borrow::Cow;

/// Beginnings of models, and what their maker is called in front of them.
const MAKERS: [(&str, &str); 18] = [
    ("SM-", "Samsung "),
    ("GT-", "Samsung "),
    ("SGH-", "Samsung "),
    ("SCH-", "Samsung "),
    ("SPH-", "Samsung "),
    ("SHV-", "Samsung "),
    ("SHW-", "Samsung "),
    ("Redmi", "XiaoMi "),
    ("MI ", "XiaoMi "),
    ("Mi ", "XiaoMi "),
    ("DROID", "Motorola "),
    ("CPH", "Oppo "),
    ("RMX", "Oppo "),
    ("ONEPLUS", "OnePlus "),
    ("IN20", "OnePlus "),
    ("KB20", "OnePlus "),
    ("TA-1", "Nokia "),
    ("Nexus 7", "Asus "),
];

/// Beginnings that become others.
const PREFIXES: [(&str, &str); 13] = [
    ("SAMSUNG-", "Samsung "),
    ("SAMSUNG ", "Samsung "),
    ("moto ", "Motorola "),
    ("motorola ", "Motorola "),
    ("HUAWEI ", "Huawei "),
    ("HTC_", "HTC "),
    ("OPPO ", "Oppo "),
    ("ASUS_", "Asus "),
    ("itel ", "Itel "),
    ("ALCATEL ONE TOUCH ", "Alcatel One Touch "),
    ("ALCATEL_one_touch_", "Alcatel One Touch "),
    ("SonyEricsson", "SonyEricsson"),
    ("Sony", "Sony "),
];

/// The device of a user agent; `Other` where it is none that is known.
pub(crate) fn tell<'a>(agent: &'a [u8], products: &Products<'a>, system: &System<'a>, is_spider: bool) -> Cow<'a, str> {
    if is_spider {
        return "Spider".into();
    }
    match system.kind {
        Kind::Android => android(agent, products),
        Kind::Ios => [("iPad", "iPad"), ("iPod", "iPod")]
            .iter()
            .find(|(word, _)| products.has(word.as_bytes()))
            .map_or("iPhone", |(_, name)| name)
            .into(),
        Kind::Mac => "Mac".into(),
        Kind::Other if is_feature_phone(agent) => "Generic Feature Phone".into(),
        Kind::Other => "Other".into(),
    }
}

/// A telephone that runs small programs.
fn is_feature_phone(agent: &[u8]) -> bool {
    [&b"Profile/MIDP"[..], b"J2ME/MIDP", b"MAUI"].iter().any(|mark| scan::cut_text(agent, mark).is_some())
}

fn android<'a>(agent: &'a [u8], products: &Products<'a>) -> Cow<'a, str> {
    if products.has(b"Silk") && products.iter().any(|product| is_kindle(product.name)) {
        return "Kindle".into();
    }
    let generic = if products.has(b"Tablet") { "Generic Tablet" } else { "Generic Smartphone" };
    let model = comment(agent).and_then(model).and_then(|model| std::str::from_utf8(model).ok());
    model.map_or_else(|| generic.into(), named)
}

/// `KFAPWI`
fn is_kindle(name: &[u8]) -> bool {
    name.starts_with(b"KF") && name.len() > 4 && name.iter().all(u8::is_ascii_uppercase)
}

/// What is between the first brackets, with those that a model has.
fn comment(agent: &[u8]) -> Option<&[u8]> {
    let (_, rest) = scan::cut(agent, b'(')?;
    let mut depth = 1;
    let end = rest.iter().position(|byte| {
        match byte {
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ => {}
        }
        depth == 0
    });
    Some(&rest[..end.unwrap_or(rest.len())])
}

/// The last part that is no system, language or property: cut before the build.
fn model(comment: &[u8]) -> Option<&[u8]> {
    let parts = comment.split(|b| *b == b';').map(|part| part.trim_ascii());
    let behind = parts.skip_while(|part| !part.starts_with(b"Android")).skip(1);
    let mut model = behind
        .filter(|part| !is_property(part))
        .map(|part| scan::cut_text(part, b" Build").map_or(part, |(model, _)| model));
    let model = model.next()?;
    let model = scan::cut(model, b'/').map_or(model, |(model, _)| model);
    (!model.is_empty()).then_some(model)
}

/// `U`, `wv`, `en-us`, `Mobile`, `rv:109.0`.
fn is_property(part: &[u8]) -> bool {
    let is_language = match part {
        [a, b] => a.is_ascii_lowercase() && b.is_ascii_lowercase(),
        [a, b, b'-' | b'_', rest @ ..] => {
            a.is_ascii_lowercase()
                && b.is_ascii_lowercase()
                && rest.len() <= 2
                && rest.iter().all(u8::is_ascii_alphabetic)
        }
        _ => false,
    };
    is_language
        || matches!(part, b"" | b"U" | b"wv" | b"Mobile" | b"Tablet" | b"Linux" | b"arm" | b"arm_64")
        || part.starts_with(b"rv:")
}

fn named(model: &str) -> Cow<'_, str> {
    if let Some((prefix, maker)) = PREFIXES.iter().find(|(prefix, _)| model.starts_with(prefix)) {
        return format!("{maker}{}", model[prefix.len()..].trim_start().replace('_', " ")).into();
    }
    match MAKERS.iter().find(|(prefix, _)| model.starts_with(prefix)) {
        Some((_, maker)) => format!("{maker}{model}").into(),
        None if is_huawei(model.as_bytes()) => format!("Huawei {model}").into(),
        None => model.into(),
    }
}

/// `VOG-L29`
fn is_huawei(model: &[u8]) -> bool {
    let Some((line, variant)) = scan::cut(model, b'-') else {
        return false;
    };
    let letters = variant.iter().take_while(|b| b.is_ascii_uppercase()).count();
    line.len() == 3
        && line.iter().all(u8::is_ascii_uppercase)
        && (1..=2).contains(&letters)
        && (1..=2).contains(&(variant.len() - letters))
        && variant[letters..].iter().all(u8::is_ascii_digit)
}
