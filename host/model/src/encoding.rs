//! How the bytes of lines become text.

use std::borrow::Cow;

use encoding_rs::{
    BIG5, EUC_JP, EUC_KR, GB18030, GBK, REPLACEMENT, SHIFT_JIS, UTF_8, UTF_16BE, UTF_16LE, X_USER_DEFINED,
};

/// A character encoding. Offsets, ids and what is kept of a line are those of its bytes; its text is what they mean in this encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encoding(&'static encoding_rs::Encoding);

/// UTF-8.
impl Default for Encoding {
    fn default() -> Self {
        Encoding::UTF_8
    }
}

/// Names in use that the registry of encodings does not have.
const OTHER_NAMES: [(&str, &str); 6] = [
    ("latin-1", "latin1"),
    ("cp932", "shift_jis"),
    ("cp936", "gbk"),
    ("cp949", "euc-kr"),
    ("cp950", "big5"),
    ("shift-jis", "shift_jis"),
];

impl Encoding {
    /// UTF-8, in which most logs are written.
    pub const UTF_8: Encoding = Encoding(UTF_8);

    /// The encoding of that name (`utf-8`, `utf-16le`, `gb18030`, `latin1`, `windows-1252`, …), in any case; none where it is not known.
    /// `utf-16` is little-endian, as Windows writes it.
    pub fn named(name: &str) -> Option<Self> {
        let lower = name.trim().to_ascii_lowercase();
        let other = OTHER_NAMES.iter().find(|(known, _)| *known == lower);
        let label = other.map_or(lower.as_str(), |(_, label)| label);
        let found = encoding_rs::Encoding::for_label(label.as_bytes())?;
        (found != REPLACEMENT && found != X_USER_DEFINED).then_some(Encoding(found))
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// Whether bytes are text as they are.
    #[inline]
    pub fn is_utf8(self) -> bool {
        self.0 == UTF_8
    }

    /// The text of a line, U+FFFD in the place of what means nothing, and whether there was such. A byte order mark is no part of it.
    pub fn decode(self, line: &[u8]) -> (Cow<'_, str>, bool) {
        if self.is_utf8() {
            let text = String::from_utf8_lossy(line);
            let replaced = matches!(text, Cow::Owned(_));
            return (text, replaced);
        }
        self.0.decode_with_bom_removal(line)
    }

    /// What ends a line.
    #[inline]
    fn newline(self) -> &'static [u8] {
        match self.0 {
            utf16 if utf16 == UTF_16LE => b"\n\0",
            utf16 if utf16 == UTF_16BE => b"\0\n",
            _ => b"\n",
        }
    }

    /// How many bytes end a line, which is also the unit that is never torn.
    #[inline]
    pub fn newline_bytes(self) -> usize {
        self.newline().len()
    }

    /// Whether the bytes begin with a newline.
    #[inline]
    pub fn begins_with_newline(self, bytes: &[u8]) -> bool {
        bytes.starts_with(self.newline())
    }

    /// Whether the bytes, which begin with a whole character, end with a newline.
    pub fn ends_with_newline(self, bytes: &[u8]) -> bool {
        bytes.ends_with(self.newline()) && bytes.len().is_multiple_of(self.newline_bytes())
    }

    /// Where the first newline is in bytes that begin with a whole character.
    #[inline]
    pub fn find_newline(self, bytes: &[u8]) -> Option<usize> {
        let newline = self.newline();
        if newline.len() == 1 {
            return memchr::memchr(b'\n', bytes);
        }
        memchr::memmem::find_iter(bytes, newline).find(|at| at.is_multiple_of(newline.len()))
    }

    /// Where the last newline is in bytes that begin with a whole character.
    pub fn find_last_newline(self, bytes: &[u8]) -> Option<usize> {
        let newline = self.newline();
        let whole = bytes.len() - bytes.len() % newline.len();
        bytes[..whole].rchunks_exact(newline.len()).position(|unit| unit == newline).map(|units| {
            // Counted from the end, the found one included.
            whole - (units + 1) * newline.len()
        })
    }

    /// The last place at or before `cut` where a character begins, in a line that begins at `start`; never `start` itself.
    pub fn character_start(self, bytes: &[u8], start: usize, cut: usize) -> usize {
        match self.0 {
            utf8 if utf8 == UTF_8 => utf8_start(bytes, start, cut),
            utf16 if utf16 == UTF_16LE || utf16 == UTF_16BE => {
                let cut = start + ((cut - start) / 2 * 2).max(2);
                let before = [bytes[cut - 2], bytes[cut - 1]];
                let unit = if utf16 == UTF_16LE { u16::from_le_bytes(before) } else { u16::from_be_bytes(before) };
                if (0xD800..0xDC00).contains(&unit) && cut > start + 2 { cut - 2 } else { cut }
            }
            other => wide_start(other, bytes, start, cut),
        }
    }
}

fn utf8_start(bytes: &[u8], start: usize, cut: usize) -> usize {
    let goes_on = |at: &usize| bytes[*at] & 0xC0 == 0x80;
    (cut.saturating_sub(3).max(start + 1)..=cut).rev().find(|at| !goes_on(at)).unwrap_or(cut)
}

/// For encodings that only tell characters apart when they are read from the beginning.
fn wide_start(encoding: &'static encoding_rs::Encoding, bytes: &[u8], start: usize, cut: usize) -> usize {
    let mut at = start;
    loop {
        let next = at + wide_len(encoding, bytes[at], bytes.get(at + 1).copied().unwrap_or(0));
        if next > cut {
            return if at > start { at } else { cut };
        }
        at = next;
    }
}

/// How many bytes a character has that begins with those two.
fn wide_len(encoding: &'static encoding_rs::Encoding, first: u8, second: u8) -> usize {
    let is_chinese = encoding == GBK || encoding == GB18030;
    match first {
        0x81..=0xFE if is_chinese && second.is_ascii_digit() => 4,
        0x81..=0xFE if is_chinese || encoding == BIG5 || encoding == EUC_KR => 2,
        0x81..=0x9F | 0xE0..=0xFC if encoding == SHIFT_JIS => 2,
        0x8F if encoding == EUC_JP => 3,
        0x8E | 0xA1..=0xFE if encoding == EUC_JP => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> Encoding {
        Encoding::named(name).unwrap()
    }

    #[test]
    fn encodings_are_found_by_their_usual_names() {
        for (name, expected) in [
            ("UTF-8", "UTF-8"),
            ("utf-16", "UTF-16LE"),
            ("utf-16be", "UTF-16BE"),
            ("gb2312", "GBK"),
            ("cp936", "GBK"),
            ("GB18030", "gb18030"),
            ("latin-1", "windows-1252"),
            ("iso-8859-15", "ISO-8859-15"),
            ("sjis", "Shift_JIS"),
            ("big5", "Big5"),
            ("euc-kr", "EUC-KR"),
            ("koi8-r", "KOI8-R"),
        ] {
            assert_eq!(named(name).name(), expected, "{name}");
        }
        assert!(["utf-32", "ebcdic", "", "replacement"].iter().all(|name| Encoding::named(name).is_none()));
    }

    #[test]
    fn a_byte_order_mark_is_no_text_and_what_means_nothing_is_replaced() {
        assert_eq!(named("utf-16le").decode(b"\xff\xfea\0"), ("a".into(), false));
        assert_eq!(named("gbk").decode(b"\xd6\xd0\xce\xc4"), ("中文".into(), false));
        let (text, replaced) = named("gbk").decode(b"a\xff");
        assert!(text.starts_with('a') && replaced);
    }

    #[test]
    fn newlines_of_two_bytes_are_whole_units() {
        let (le, be) = (named("utf-16le"), named("utf-16be"));
        // U+0A00 and U+000A: the same bytes, one unit apart.
        assert_eq!(le.find_newline(b"\0\x0a\0\x0a\x0a\0"), Some(4));
        assert_eq!(be.find_newline(b"\x0a\0\x0a\0\0\x0a"), Some(4));
        assert_eq!(le.find_last_newline(b"\x0a\0a\0\x0a\0\0\x0a\0"), Some(4));
        assert_eq!(Encoding::UTF_8.find_last_newline(b"a\nb\nc"), Some(3));
        assert!(
            be.ends_with_newline(b"\0a\0\n") && !be.ends_with_newline(b"\0a\0\n\0") && !le.ends_with_newline(b"\0\n\0")
        );
    }

    #[test]
    fn a_cut_tears_no_character() {
        for (name, text) in [
            ("utf-8", "a中é𝄞b中"),
            ("utf-16le", "a中é𝄞b中"),
            ("utf-16be", "a中é𝄞b中"),
            ("gb18030", "a中é𝄞b中文"),
            ("gbk", "a中文b中"),
            ("big5", "a中文b中"),
            ("shift_jis", "aアｱ漢b字"),
            ("euc-jp", "aアｱ漢b字"),
            ("euc-kr", "a한국b어"),
            ("windows-1252", "aéüb"),
        ] {
            let encoding = named(name);
            let bytes = match name {
                "utf-16le" => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
                "utf-16be" => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
                _ => encoding.0.encode(text).0.into_owned(),
            };
            for cut in 4..bytes.len() {
                let at = encoding.character_start(&bytes, 0, cut);
                assert!(at > 0 && at <= cut);
                let parts = [encoding.decode(&bytes[..at]).0, encoding.decode(&bytes[at..]).0];
                assert_eq!(parts.concat(), text, "{name} cut at {cut}");
            }
        }
    }
}
