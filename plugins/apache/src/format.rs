//! Apache's `LogFormat`, compiled into the steps of reading a line.

use crate::{OWN, REMOTE_ADDRESSES, access::set_domain, items};
use collector_plugin::weblog::{self, Extent, Layout, Meaning, Slot, Values};
use collector_plugin::{Event, Reject, scan};
use items::Item;

/// The formats that need no compiling: lines of them are told apart as they come.
const USUAL: [&str; 4] = [
    r#"%h %l %u %t "%r" %>s %b"#,
    r#"%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i""#,
    r#"%v %h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i""#,
    r#"%v:%p %h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i""#,
];

/// A piece of the operator's text.
#[derive(Clone, Debug)]
enum Token {
    Text(String),
    Item { argument: Option<String>, letter: String },
}

/// A compiled format.
pub(crate) struct LogFormat {
    is_usual: bool,
    layout: Layout<Meaning>,
    values: Values,
    /// Fields of Apache's own, by the order of their ids.
    names: Vec<String>,
}

impl LogFormat {
    /// # Errors
    /// What is wrong with the text, and what to do about it.
    pub(crate) fn compile(text: &str) -> Result<Self, String> {
        let text = unwrap(text)?;
        let values = Values { json: text.trim_start().starts_with('{'), ..Values::default() };
        let mut format = Self {
            is_usual: USUAL.contains(&text.as_str()),
            layout: Layout { before: Box::default(), slots: vec![] },
            values,
            names: vec![],
        };
        format.lay_out(&with_brackets(tokens(&text)?))?;
        if format.layout.slots.iter().all(|slot| slot.value == Meaning::Nothing) {
            return Err(
                "it has no items: give the text of your `LogFormat`, such as '%h %l %u %t \"%r\" %>s %b'".to_owned()
            );
        }
        Ok(format)
    }

    /// Whether lines are of one of the formats that are known anyway.
    pub(crate) fn is_usual(&self) -> bool {
        self.is_usual
    }

    /// The fields of Apache's own.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    fn lay_out(&mut self, tokens: &[Token]) -> Result<(), String> {
        let mut tokens = tokens.iter().peekable();
        if let Some(Token::Text(text)) = tokens.next_if(|token| matches!(token, Token::Text(_))) {
            self.layout.before = text.as_bytes().into();
        }
        let mut before = self.layout.before.clone();
        while let Some(Token::Item { argument, letter }) = tokens.next() {
            let then: Box<[u8]> = match tokens.next_if(|token| matches!(token, Token::Text(_))) {
                Some(Token::Text(text)) => text.as_bytes().into(),
                _ => Box::default(),
            };
            if then.is_empty() && tokens.peek().is_some() {
                return Err(format!(
                    "nothing separates `%{letter}` from what follows: put a space or quotes between them, in Apache's configuration too"
                ));
            }
            let meaning = self.meaning(argument.as_deref(), letter)?;
            let extent = match meaning {
                _ if before.ends_with(b"\"") && then.starts_with(b"\"") => Extent::Quoted,
                Meaning::Forwarded(_) => Extent::List,
                _ => Extent::Plain,
            };
            before.clone_from(&then);
            self.layout.slots.push(Slot { value: meaning, extent, then });
        }
        Ok(())
    }

    fn meaning(&mut self, argument: Option<&str>, letter: &str) -> Result<Meaning, String> {
        let (name, is_int) = match items::item(argument, letter)? {
            Item::Known(meaning) => return Ok(meaning),
            Item::Text(name) => (name, false),
            Item::Int(name) => (name, true),
        };
        let full = format!("apache.access.{name}");
        let at = self.names.iter().position(|known| *known == full).unwrap_or_else(|| {
            self.names.push(full);
            self.names.len() - 1
        });
        let field = weblog::own((OWN.len() + at) as u32);
        Ok(if is_int { Meaning::Int(field) } else { Meaning::Text(field) })
    }

    /// Parses an access line; gives its status, where it has one.
    pub(crate) fn parse<'a>(
        &mut self,
        line: &'a [u8],
        related: bool,
        event: &mut Event<'a>,
    ) -> Result<Option<i64>, Reject> {
        let mut status = None;
        let Self { layout, values, .. } = self;
        layout.read(line, 0, |meaning, value| {
            values.set(*meaning, value, event)?;
            match meaning {
                Meaning::Status => status = std::str::from_utf8(value).ok().and_then(|value| value.parse().ok()),
                Meaning::Client if !matches!(value, b"" | b"-") => client(value, related, event),
                _ => {}
            }
            Ok(())
        })?;
        Ok(status)
    }
}

fn client<'a>(value: &'a [u8], related: bool, event: &mut Event<'a>) {
    set_domain(value, event);
    if related {
        if scan::is_ip(value, 0, value.len()) {
            event.append(weblog::RELATED_IP, value);
        }
        event.append(REMOTE_ADDRESSES, value);
    }
}

/// The text of a format, taken out of a directive of Apache where it is one.
fn unwrap(text: &str) -> Result<String, String> {
    let text = text.trim();
    let directive = text.get(..9).filter(|word| word.eq_ignore_ascii_case("LogFormat")).map(|_| text[9..].trim_start());
    match directive.and_then(|rest| rest.strip_prefix('"')) {
        Some(quoted) => {
            let end = closing(quoted).ok_or("the quotes of the directive have no end: put \" behind the format")?;
            Ok(unescape(&quoted[..end]))
        }
        None => Ok(unescape(directive.unwrap_or(text))),
    }
}

/// Where the first quote is that has no backslash before it.
fn closing(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().find_map(|(at, character)| {
        let closes = character == '"' && !escaped;
        escaped = character == '\\' && !escaped;
        closes.then_some(at)
    })
}

fn unescape(text: &str) -> String {
    let mut characters = text.chars();
    let mut plain = String::new();
    while let Some(character) = characters.next() {
        match (character, characters.as_str().chars().next()) {
            ('\\', Some(next @ ('"' | '\'' | '\\' | 't' | 'n'))) => {
                characters.next();
                plain.push(match next {
                    't' => '\t',
                    'n' => '\n',
                    other => other,
                });
            }
            _ => plain.push(character),
        }
    }
    plain
}

/// Cuts a format into texts and items.
fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = vec![];
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        plain.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(behind) = rest.strip_prefix('%') {
            plain.push('%');
            rest = behind;
            continue;
        }
        // Which statuses an item is for, and whether it is of the first or the last request.
        rest = rest.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '!' | ',' | '<' | '>'));
        let argument = match rest.strip_prefix('{') {
            Some(braced) => {
                let (argument, behind) = braced.split_once('}').ok_or("a `%{` has no `}` behind it: close it")?;
                rest = behind.trim_start_matches(['<', '>']);
                Some(argument.to_owned())
            }
            None => None,
        };
        let length = if rest.starts_with('^') { 3 } else { rest.chars().next().map_or(0, char::len_utf8) };
        let letter = rest.get(..length).filter(|letter| !letter.is_empty());
        let letter =
            letter.ok_or("a `%` has no letter behind it: write an item such as %h, or %% for a percent sign")?;
        if !plain.is_empty() {
            tokens.push(Token::Text(std::mem::take(&mut plain)));
        }
        tokens.push(Token::Item { argument, letter: letter.to_owned() });
        rest = &rest[length..];
    }
    plain.push_str(rest);
    if !plain.is_empty() {
        tokens.push(Token::Text(plain));
    }
    Ok(tokens)
}

/// `%t` brings its brackets: they become text around it. A path and its query are one value.
fn with_brackets(tokens: Vec<Token>) -> Vec<Token> {
    let mut all: Vec<Token> = vec![];
    let text = |all: &mut Vec<Token>, more: &str| match all.last_mut() {
        Some(Token::Text(text)) => text.push_str(more),
        _ => all.push(Token::Text(more.to_owned())),
    };
    for token in tokens {
        match (&token, all.last_mut()) {
            (Token::Text(more), _) => text(&mut all, more),
            (Token::Item { argument: None, letter }, _) if letter == "t" => {
                text(&mut all, "[");
                all.push(token);
                text(&mut all, "]");
            }
            (Token::Item { letter, .. }, Some(Token::Item { letter: last, .. })) if letter == "q" && last == "U" => {
                *last = "Uq".to_owned();
            }
            _ => all.push(token),
        }
    }
    all
}
