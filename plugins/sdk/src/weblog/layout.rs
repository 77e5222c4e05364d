//! Lines whose layout the operator describes: values with constant text between them.

use crate::{Reject, scan};

/// How far a value reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Up to the text behind it.
    Plain,
    /// As `Plain`; but where that is a space, one behind a comma, or one of ` : `, belongs to the value: `192.0.2.1:80, 192.0.2.2:80 : 192.0.2.3:80`.
    List,
    /// Up to a quote that has no backslash before it.
    Quoted,
    /// Up to the first `/`, which belongs to the next value.
    Host,
}

/// A value, how far it reaches, and the text behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot<V> {
    /// What is done with it.
    pub value: V,
    /// How far it reaches.
    pub extent: Extent,
    /// The text behind it; empty at the end of the line.
    pub then: Box<[u8]>,
}

/// What a line consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout<V> {
    /// The text that lines begin with.
    pub before: Box<[u8]>,
    /// The values in their order.
    pub slots: Vec<Slot<V>>,
}

impl<V> Layout<V> {
    /// Goes through the values of a line, from `from` on. What is behind the last text is ignored.
    ///
    /// # Errors
    /// The line has not this layout, or `each` says so.
    pub fn read<'a>(
        &self,
        line: &'a [u8],
        from: usize,
        mut each: impl FnMut(&V, &'a [u8]) -> Result<(), Reject>,
    ) -> Result<(), Reject> {
        let rest = line.get(from..).unwrap_or_default();
        if !rest.starts_with(&self.before) {
            return Err(Reject("the line does not begin as the log format does"));
        }
        let mut at = from + self.before.len();
        for slot in &self.slots {
            let end = slot.end(line, at).ok_or(Reject("the line does not go on as the log format does"))?;
            each(&slot.value, &line[at..end])?;
            at = end + slot.then.len();
        }
        Ok(())
    }
}

impl<V> Slot<V> {
    fn end(&self, line: &[u8], from: usize) -> Option<usize> {
        match self.extent {
            Extent::Host => scan::find(line, from, b'/'),
            _ if self.then.is_empty() => Some(line.len()),
            Extent::Plain => find_text(line, from, &self.then),
            Extent::List => self.list_end(line, from),
            Extent::Quoted => self.quoted_end(line, from),
        }
    }

    fn list_end(&self, line: &[u8], from: usize) -> Option<usize> {
        let mut at = from;
        loop {
            let end = find_text(line, at, &self.then)?;
            let goes_on = self.then.starts_with(b" ")
                && (line[from..end].ends_with(b",")
                    || line[end..].starts_with(b" : ")
                    || line[from..end].ends_with(b" :"));
            if !goes_on {
                return Some(end);
            }
            at = end + 1;
        }
    }

    fn quoted_end(&self, line: &[u8], from: usize) -> Option<usize> {
        let mut at = from;
        loop {
            let end = scan::find2(line, at, b'"', b'\\')?;
            if line[end] == b'"' {
                return line[end..].starts_with(&self.then).then_some(end);
            }
            at = end + 2;
        }
    }
}

/// Where `text` is, at or after `from`; it is not empty.
fn find_text(line: &[u8], from: usize, text: &[u8]) -> Option<usize> {
    let mut at = from;
    loop {
        let found = scan::find(line, at, *text.first()?)?;
        if line[found..].starts_with(text) {
            return Some(found);
        }
        at = found + 1;
    }
}
