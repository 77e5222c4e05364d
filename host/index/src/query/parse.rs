//! Query text to expression, by recursive descent.

use std::ops::Bound;

use super::{BadQuery, DEPTH_MAX, Expr, QUERY_BYTES_MAX, Test, Value, lex::Lexer};

/// Reads a query.
///
/// # Errors
/// Says at which character what is wrong, and how to write it.
pub fn parse(query: &str) -> Result<Expr, BadQuery> {
    if query.len() > QUERY_BYTES_MAX {
        return Err(BadQuery::at(
            query,
            QUERY_BYTES_MAX.min(query.len()),
            format!("it is longer than {QUERY_BYTES_MAX} bytes; ask for less at once"),
        )
        .without_near());
    }
    let mut parser = Parser { lexer: Lexer { query, at: 0 }, depth: 0 };
    parser.lexer.skip_space();
    if parser.lexer.is_at_end() {
        return Ok(Expr::All);
    }
    let expr = parser.any(None)?;
    if parser.lexer.is_at_end() {
        Ok(expr)
    } else {
        Err(parser.lexer.error("this parenthesis closes nothing; take it out, or put the text in \"…\""))
    }
}

impl BadQuery {
    fn without_near(self) -> BadQuery {
        BadQuery { near: None, ..self }
    }
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    depth: usize,
}

impl Parser<'_> {
    /// `a OR b`. Inside of `field:( … )`, words without a field are values of it.
    fn any(&mut self, field: Option<&str>) -> Result<Expr, BadQuery> {
        let mut found = vec![self.all(field)?];
        while self.lexer.eat_keyword("OR") {
            found.push(self.all(field)?);
        }
        Ok(one_or(found, Expr::Or))
    }

    /// `a b`, `a AND b`.
    fn all(&mut self, field: Option<&str>) -> Result<Expr, BadQuery> {
        let mut found = vec![];
        loop {
            self.lexer.skip_space();
            let rest = self.lexer.clone();
            let is_joined = self.lexer.eat_keyword("AND");
            if is_joined && found.is_empty() {
                return Err(rest.error("AND stands between two things to find; to find the word itself write \"AND\""));
            }
            self.lexer.skip_space();
            let is_end =
                self.lexer.is_at_end() || self.lexer.rest().starts_with(')') || self.lexer.clone().eat_keyword("OR");
            match (is_end, is_joined || found.is_empty()) {
                (true, true) => return Err(self.missing()),
                (true, false) => return Ok(one_or(found, Expr::And)),
                (false, _) => found.push(self.negated(field)?),
            }
        }
    }

    fn missing(&self) -> BadQuery {
        self.lexer.error("something to find is missing here, such as a word or field:value; for OR or a parenthesis itself write \"…\"")
    }

    fn negated(&mut self, field: Option<&str>) -> Result<Expr, BadQuery> {
        let start = self.lexer.clone();
        let is_minus = self.lexer.rest().strip_prefix('-').is_some_and(|rest| !rest.starts_with(char::is_whitespace));
        let is_negated = self.lexer.eat_keyword("NOT") || (is_minus && self.is_negation() && self.lexer.eat("-"));
        if !is_negated {
            return self.primary(field);
        }
        self.lexer.skip_space();
        if self.lexer.is_at_end() {
            return Err(start.error("what is not to be found is missing; to find the word itself write \"NOT\""));
        }
        self.deeper(|parser| parser.negated(field)).map(|expr| Expr::Not(Box::new(expr)))
    }

    /// `-5` inside of `field:( … )` is a number.
    fn is_negation(&self) -> bool {
        !self.lexer.rest()[1..].starts_with(|c: char| c.is_ascii_digit())
    }

    fn deeper(&mut self, inner: impl FnOnce(&mut Self) -> Result<Expr, BadQuery>) -> Result<Expr, BadQuery> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self
                .lexer
                .error(format!("it is nested deeper than {DEPTH_MAX} levels; use fewer parentheses")));
        }
        let expr = inner(self)?;
        self.depth -= 1;
        Ok(expr)
    }

    fn primary(&mut self, field: Option<&str>) -> Result<Expr, BadQuery> {
        if self.lexer.rest().starts_with('(') {
            return self.group(field);
        }
        if let Some(name) = self.lexer.eat_field() {
            return self.test(name);
        }
        if let Some(name) = field {
            return self.test(name.to_owned());
        }
        let value = self.word()?;
        Ok(if !value.quoted && value.text == "*" { Expr::All } else { Expr::Line(value) })
    }

    fn group(&mut self, field: Option<&str>) -> Result<Expr, BadQuery> {
        let start = self.lexer.clone();
        self.lexer.eat("(");
        let expr = self.deeper(|parser| parser.any(field))?;
        if !self.lexer.eat(")") {
            return Err(start
                .error("this parenthesis is never closed; add the ) that ends the group, or put the text in \"…\""));
        }
        Ok(expr)
    }

    fn word(&mut self) -> Result<Value, BadQuery> {
        let start = self.lexer.clone();
        let value = self.lexer.value(&['(', ')'])?;
        if value.text.is_empty() && !value.quoted {
            return Err(
                start.error("a word is missing here; put what has spaces, parentheses or quotation marks in \"…\"")
            );
        }
        Ok(value)
    }

    fn test(&mut self, name: String) -> Result<Expr, BadQuery> {
        for (sign, bound) in COMPARISONS {
            if self.lexer.eat(sign) {
                let value = self.bound(&name, &['(', ')'])?;
                let (low, high) = bound(value);
                return Ok(Expr::Field(name, Test::Between(low, high)));
            }
        }
        match self.lexer.rest().chars().next() {
            Some('(') => self.group(Some(&name)),
            Some('[' | '{') => self.range(name),
            None | Some(' ' | ')') => Err(self.lexer.error(format!(
                "the value of {name} is missing; write {name}:value without a space, or {name}:* for every document that has it"
            ))),
            Some(_) => {
                let value = self.word()?;
                let test = if !value.quoted && value.text == "*" { Test::Exists } else { Test::Is(value) };
                Ok(Expr::Field(name, test))
            }
        }
    }

    fn range(&mut self, name: String) -> Result<Expr, BadQuery> {
        let start = self.lexer.clone();
        let broken = || {
            start.error(format!("a range is written {name}:[500 TO 599], with {{ or }} where an end is left out of it, and * for an open end"))
        };
        let low_inside = self.lexer.eat("[") || !self.lexer.eat("{");
        self.lexer.skip_space();
        let low = self.lexer.value(&[']', '}']).map_err(|_| broken())?.text;
        self.lexer.skip_space();
        if low.is_empty() || !self.lexer.eat_keyword("TO") {
            return Err(broken());
        }
        self.lexer.skip_space();
        let high = self.lexer.value(&[']', '}']).map_err(|_| broken())?.text;
        self.lexer.skip_space();
        let high_inside = self.lexer.eat("]");
        if high.is_empty() || !(high_inside || self.lexer.eat("}")) {
            return Err(broken());
        }
        Ok(Expr::Field(name, Test::Between(end(low, low_inside), end(high, high_inside))))
    }

    fn bound(&mut self, name: &str, ends: &[char]) -> Result<String, BadQuery> {
        let start = self.lexer.clone();
        let value = self.lexer.value(ends)?.text;
        let missing =
            || start.error(format!("the number or time is missing; write it without a space, such as {name}:>=500"));
        if value.is_empty() { Err(missing()) } else { Ok(value) }
    }
}

fn end(value: String, inside: bool) -> Bound<String> {
    match (value.as_str(), inside) {
        ("*", _) => Bound::Unbounded,
        (_, true) => Bound::Included(value),
        (_, false) => Bound::Excluded(value),
    }
}

type MakeBounds = fn(String) -> (Bound<String>, Bound<String>);
const COMPARISONS: [(&str, MakeBounds); 4] = [
    (">=", |value| (Bound::Included(value), Bound::Unbounded)),
    ("<=", |value| (Bound::Unbounded, Bound::Included(value))),
    (">", |value| (Bound::Excluded(value), Bound::Unbounded)),
    ("<", |value| (Bound::Unbounded, Bound::Excluded(value))),
];

fn one_or(mut found: Vec<Expr>, several: fn(Vec<Expr>) -> Expr) -> Expr {
    match found.len() {
        1 => found.swap_remove(0),
        _ => several(found),
    }
}
