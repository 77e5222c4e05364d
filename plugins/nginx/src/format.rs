//! nginx's `log_format`, compiled into the steps of reading a line.

use crate::{OWN, REMOTE_IPS, access::Access, variables};
use collector_plugin::time::Zone;
use collector_plugin::weblog::{self, EventFields, Extent, Layout, Meaning, Slot, Values};
use collector_plugin::{Event, Reject, scan};

/// What nginx writes where nothing is configured.
const COMBINED: &str = r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent""#;

/// A piece of the operator's text.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Text(String),
    Variable(String),
}

/// A compiled format.
pub(crate) struct LogFormat {
    /// It begins as `combined` does; the layout is what follows.
    after_combined: bool,
    layout: Layout<Meaning>,
    values: Values,
    /// Fields of nginx's own, by the order of their ids.
    names: Vec<String>,
}

impl LogFormat {
    /// # Errors
    /// What is wrong with the text, and what to do about it.
    pub(crate) fn compile(text: &str) -> Result<Self, String> {
        let (text, json) = unwrap(text)?;
        let json = json || text.trim_start().starts_with('{');
        let rest = text.strip_prefix(COMBINED);
        let tokens = joined(tokens(rest.unwrap_or(&text))?);
        let mut format = Self {
            after_combined: rest.is_some(),
            layout: Layout { before: Box::default(), slots: vec![] },
            values: Values { json, ..Values::default() },
            names: vec![],
        };
        format.lay_out(&tokens, json)?;
        if format.after_combined || format.layout.slots.iter().any(|slot| slot.value != Meaning::Nothing) {
            return Ok(format);
        }
        Err("it has no variable: give the text of your `log_format`, such as '$remote_addr [$time_local] \"$request\" $status'".to_owned())
    }

    /// Whether lines are `combined` and no more.
    pub(crate) fn is_combined(&self) -> bool {
        self.after_combined && self.layout.slots.is_empty()
    }

    /// The fields of nginx's own.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    fn lay_out(&mut self, tokens: &[Token], json: bool) -> Result<(), String> {
        let precise = tokens.contains(&Token::Variable("msec".to_owned()));
        let mut tokens = tokens.iter().peekable();
        if let Some(Token::Text(text)) = tokens.next_if(|token| matches!(token, Token::Text(_))) {
            self.layout.before = text.as_bytes().into();
        }
        let mut before = self.layout.before.clone();
        while let Some(Token::Variable(name)) = tokens.next() {
            let then: Box<[u8]> = match tokens.next_if(|token| matches!(token, Token::Text(_))) {
                Some(Token::Text(text)) => text.as_bytes().into(),
                _ => Box::default(),
            };
            let extent = match tokens.peek() {
                Some(Token::Variable(next)) if then.is_empty() && !begins_with_slash(next) => {
                    return Err(format!(
                        "nothing separates `${name}` from `${next}`: put a space or quotes between them, in nginx's configuration too"
                    ));
                }
                Some(_) if then.is_empty() => Extent::Host,
                _ if json && before.ends_with(b"\"") && then.starts_with(b"\"") => Extent::Quoted,
                _ if variables::is_list(name) => Extent::List,
                _ => Extent::Plain,
            };
            let meaning = if precise && name.starts_with("time_") { Meaning::Nothing } else { self.meaning(name) };
            before.clone_from(&then);
            self.layout.slots.push(Slot { value: meaning, extent, then });
        }
        Ok(())
    }

    fn meaning(&mut self, name: &str) -> Meaning {
        if let Some(meaning) = variables::known(name) {
            return meaning;
        }
        let full = format!("nginx.access.{name}");
        let at = self.names.iter().position(|known| *known == full).unwrap_or_else(|| {
            self.names.push(full);
            self.names.len() - 1
        });
        variables::other(name, weblog::own((OWN.len() + at) as u32))
    }

    /// Parses an access line.
    pub(crate) fn parse<'a>(
        &mut self,
        line: &'a [u8],
        access: &mut Access,
        fields: Option<&mut EventFields>,
        zone: Zone,
        event: &mut Event<'a>,
    ) -> Result<(), Reject> {
        let (from, mut status) = match self.after_combined {
            true => access.beginning(line, fields.is_some(), event).map(|(at, status)| (at, Some(status)))?,
            false => (0, None),
        };
        let Self { layout, values, .. } = self;
        layout.read(line, from, |meaning, value| {
            if *meaning == Meaning::Status {
                status = std::str::from_utf8(value).ok().and_then(|value| value.parse().ok());
            }
            values.set(*meaning, value, event)?;
            if fields.is_some() {
                related(*meaning, value, event);
            }
            Ok(())
        })?;
        if let Some(fields) = fields {
            fields.set_access(status, zone, event);
        }
        Ok(())
    }
}

/// What is the same as other fields, for searching.
fn related<'a>(meaning: Meaning, value: &'a [u8], event: &mut Event<'a>) {
    match meaning {
        _ if matches!(value, b"" | b"-") => {}
        Meaning::Client => {
            if scan::is_ip(value, 0, value.len()) {
                event.append(weblog::RELATED_IP, value);
            }
            event.append(REMOTE_IPS, value);
        }
        Meaning::User => event.append(weblog::RELATED_USER, value),
        _ => {}
    }
}

/// The text of a format, taken out of a directive of nginx where it is one, and whether that says `escape=json`.
fn unwrap(text: &str) -> Result<(String, bool), String> {
    let mut rest = text.trim_start();
    let mut json = false;
    let is_directive = match rest.strip_prefix("log_format").filter(|rest| rest.starts_with(char::is_whitespace)) {
        Some(directive) => {
            rest = word(directive).1;
            while let (escape @ ("escape=json" | "escape=default" | "escape=none"), behind) = word(rest) {
                json = escape == "escape=json";
                rest = behind;
            }
            true
        }
        None => false,
    };
    let quoted = rest.trim_start();
    if quoted.starts_with('\'') || is_directive && quoted.starts_with('"') {
        return pieces(quoted).map(|text| (text, json));
    }
    let plain = if is_directive { quoted.trim_end().trim_end_matches(';') } else { text };
    Ok((plain.to_owned(), json))
}

/// The first word, and what is behind it.
fn word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    text.split_at(text.find(char::is_whitespace).unwrap_or(text.len()))
}

/// The quoted pieces that a directive consists of, as one text.
fn pieces(mut rest: &str) -> Result<String, String> {
    let mut text = String::new();
    loop {
        rest = rest.trim_start();
        let mut characters = rest.char_indices();
        let quote = match characters.next() {
            Some((_, quote @ ('\'' | '"'))) => quote,
            None | Some((_, ';')) => return Ok(text),
            Some((_, other)) => return Err(format!("`{other}` is between quoted pieces: quote it, or take it away")),
        };
        let end = loop {
            match characters.next() {
                Some((at, character)) if character == quote => break at + 1,
                Some((_, '\\')) => text.extend(characters.next().map(|(_, escaped)| escaped)),
                Some((_, character)) => text.push(character),
                None => return Err(format!("a piece that begins with {quote} has no end: put {quote} behind it")),
            }
        };
        rest = &rest[end..];
    }
}

/// Cuts a format into texts and variables.
fn tokens(mut rest: &str) -> Result<Vec<Token>, String> {
    let mut tokens = vec![];
    while !rest.is_empty() {
        let dollar = rest.find('$').unwrap_or(rest.len());
        if dollar > 0 {
            tokens.push(Token::Text(rest[..dollar].to_owned()));
        }
        rest = &rest[dollar..];
        let Some(name) = rest.strip_prefix('$') else { break };
        let (name, behind) = match name.strip_prefix('{') {
            Some(braced) => braced.split_once('}').ok_or("a `${` has no `}` behind it: write ${name}")?,
            None => {
                let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
                name.split_at(name.find(|c| !is_part(c)).unwrap_or(name.len()))
            }
        };
        if name.is_empty() {
            return Err("a `$` has no name behind it: write the name of a variable, such as $status".to_owned());
        }
        tokens.push(Token::Variable(name.to_owned()));
        rest = behind;
    }
    Ok(tokens)
}

/// `$uri$is_args$args` is one value.
fn joined(tokens: Vec<Token>) -> Vec<Token> {
    let mut joined: Vec<Token> = vec![];
    for token in tokens {
        let Token::Variable(name) = &token else {
            joined.push(token);
            continue;
        };
        let continues = match joined.last() {
            Some(Token::Variable(last)) if begins_with_slash(last) => {
                matches!(name.as_str(), "is_args" | "args" | "query_string")
            }
            _ => false,
        };
        if !continues {
            joined.push(token);
        }
    }
    joined
}

/// Whether the values of a variable begin with a slash.
fn begins_with_slash(name: &str) -> bool {
    matches!(name, "request_uri" | "uri" | "document_uri")
}
