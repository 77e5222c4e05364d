//! What a filter sees of an event.

use crate::abi::{self, CELL_WORDS, SPARSE_WORDS, whole};

/// A field's value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// There is no such field.
    Absent,
    /// Text, UTF-8.
    Text(&'a [u8]),
    /// An integer.
    Int(i64),
    /// A finite number.
    Float(f64),
    /// A bool.
    Bool(bool),
    /// JSON null.
    Null,
    /// Nanoseconds since 1970-01-01T00:00:00Z.
    TimeNs(i64),
    /// One JSON value as text: an array, an empty object, a number beyond i64.
    Json(&'a [u8]),
}

impl<'a> Value<'a> {
    /// The text, where it is text.
    #[inline(always)]
    #[must_use]
    pub fn as_text(self) -> Option<&'a [u8]> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    #[inline(always)]
    fn from_words(text: &'a [u8], words: [u32; 3]) -> Self {
        let [kind, a, b] = words;
        let span = || text.get(a as usize..a as usize + b as usize);
        match kind {
            abi::TEXT => span().map_or(Self::Absent, Self::Text),
            abi::I64 => Self::Int(whole(a, b).cast_signed()),
            abi::F64 => Self::Float(f64::from_bits(whole(a, b))),
            abi::BOOL => Self::Bool(a != 0),
            abi::NULL => Self::Null,
            abi::TIME => Self::TimeNs(whole(a, b).cast_signed()),
            abi::JSON => span().map_or(Self::Absent, Self::Json),
            _ => Self::Absent,
        }
    }
}

/// The fields of one event that the manifest asked for.
#[derive(Clone, Copy)]
pub struct Input<'a> {
    pub(crate) text: &'a [u8],
    pub(crate) cells: &'a [u32],
    pub(crate) sparse: &'a [u32],
    pub(crate) names: &'a [String],
}

impl<'a> Input<'a> {
    /// The value of the `column`-th exact name of the manifest's reads.
    #[inline(always)]
    #[must_use]
    pub fn value(&self, column: usize) -> Value<'a> {
        match self.cells.get(column * CELL_WORDS..).and_then(|c| c.first_chunk()) {
            Some(words) => Value::from_words(self.text, *words),
            None => Value::Absent,
        }
    }

    /// The text of the `column`-th exact name, where it is text.
    #[inline(always)]
    #[must_use]
    pub fn text(&self, column: usize) -> Option<&'a [u8]> {
        self.value(column).as_text()
    }

    /// Where the text of the `column`-th exact name lies: a text around it, and where it begins and ends in that. What looks at sixteen bytes at once can do so beyond the end.
    #[inline(always)]
    #[must_use]
    pub fn text_within(&self, column: usize) -> Option<(&'a [u8], usize, usize)> {
        let &[kind, start, length] = self.cells.get(column * CELL_WORDS..)?.first_chunk()?;
        let (start, end) = (start as usize, start as usize + length as usize);
        (kind == abi::TEXT && end <= self.text.len()).then_some((self.text, start, end))
    }

    /// The fields that match a pattern of the reads (`*`, `prefix.*`): names and values.
    pub fn matched(&self) -> impl Iterator<Item = (&'a str, Value<'a>)> + use<'a> {
        let Self { text, names, .. } = *self;
        self.sparse.as_chunks::<SPARSE_WORDS>().0.iter().map(move |&[_, name, kind, a, b]| {
            let name = names.get(name as usize).map_or("", String::as_str);
            (name, Value::from_words(text, [kind, a, b]))
        })
    }
}
