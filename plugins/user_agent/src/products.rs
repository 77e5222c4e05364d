//! A user agent taken apart: names with versions, and words.

use collector_plugin::scan;

/// How many are looked at; what is behind them says nothing new.
const PRODUCTS_MAX: usize = 40;

/// `Chrome/120.0`, `MSIE 9.0`, `rv:11.0`, or a word without a version.
#[derive(Clone, Copy, Default)]
pub(crate) struct Product<'a> {
    pub(crate) name: &'a [u8],
    /// Nothing where it has none.
    pub(crate) version: &'a [u8],
}

/// The products of a user agent, in order.
pub(crate) struct Products<'a> {
    all: [Product<'a>; PRODUCTS_MAX],
    count: usize,
}

impl<'a> Products<'a> {
    pub(crate) fn of(agent: &'a [u8]) -> Self {
        let mut products = Self { all: [Product::default(); PRODUCTS_MAX], count: 0 };
        let mut at = 0;
        while let Some(skipped) = agent[at..].iter().position(|b| !is_separator(*b)) {
            let start = at + skipped;
            let length = agent[start..].iter().position(|b| is_separator(*b));
            at = length.map_or(agent.len(), |length| start + length);
            products.word(&agent[start..at], start > 0 && agent[start - 1] == b' ');
        }
        products
    }

    fn word(&mut self, word: &'a [u8], behind_space: bool) {
        if behind_space
            && word[0].is_ascii_digit()
            && let Some(last) = self.count.checked_sub(1).and_then(|last| self.all.get_mut(last))
            && last.version.is_empty()
        {
            last.version = word;
        } else if let Some(slot) = self.all.get_mut(self.count) {
            *slot = product(word);
            self.count += 1;
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Product<'a>> + '_ {
        self.all[..self.count].iter().copied()
    }

    /// The version of a product, nothing where it has none; None where there is no such product.
    pub(crate) fn version(&self, name: &[u8]) -> Option<&'a [u8]> {
        self.iter().find(|product| product.name == name).map(|product| product.version)
    }

    pub(crate) fn has(&self, name: &[u8]) -> bool {
        self.version(name).is_some()
    }
}

fn is_separator(byte: u8) -> bool {
    matches!(byte, b' ' | b';' | b'(' | b')' | b',' | b'[' | b']' | b'"')
}

fn product(word: &[u8]) -> Product<'_> {
    let (name, version) =
        scan::find2(word, 0, b'/', b':').map_or((word, &b""[..]), |at| (&word[..at], &word[at + 1..]));
    let version = version.strip_prefix(b"v").unwrap_or(version);
    if version.first().is_some_and(u8::is_ascii_digit) {
        Product { name, version }
    } else {
        Product { name: word, version: b"" }
    }
}

/// The first `parts` numbers of a version: `120.0.6099` of `120.0.6099.71b`.
pub(crate) fn numbers(version: &[u8], parts: usize) -> &[u8] {
    let (mut end, mut at) = (0, 0);
    for _ in 0..parts {
        let digits = version[at..].iter().take_while(|b| b.is_ascii_digit()).count();
        if digits == 0 {
            break;
        }
        end = at + digits;
        if !matches!(version.get(end), Some(b'.' | b'_')) {
            break;
        }
        at = end + 1;
    }
    &version[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_versions_are_found() {
        let products = Products::of(b"Mozilla/5.0 (compatible; MSIE 9.0; rv:11.0) MJ12bot/v1.4.4 word x/y");
        let of = |name: &str| products.version(name.as_bytes()).map(|version| std::str::from_utf8(version).unwrap());
        assert_eq!((of("Mozilla"), of("MSIE"), of("rv")), (Some("5.0"), Some("9.0"), Some("11.0")));
        assert_eq!((of("MJ12bot"), of("word"), of("x/y"), of("y")), (Some("1.4.4"), Some(""), Some(""), None));
    }

    #[test]
    fn versions_are_cut_behind_their_numbers() {
        for (version, parts, expected) in
            [("1.2.3.4", 3, "1.2.3"), ("1.2b3", 4, "1.2"), ("18_3_2", 4, "18_3_2"), ("x", 2, ""), ("1.", 2, "1")]
        {
            assert_eq!(numbers(version.as_bytes(), parts), expected.as_bytes(), "{version}");
        }
    }
}
