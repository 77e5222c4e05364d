//! Expression to tantivy's query.

use std::ops::Bound;

use tantivy::{
    Term,
    query::{AllQuery, BooleanQuery, Occur, PhrasePrefixQuery, PhraseQuery, Query, RangeQuery, RegexQuery, TermQuery},
    schema::{Field, IndexRecordOption},
};

use super::{Expr, Test, Value, pattern};
use crate::{document, schema::Fields, tokens};

type Compiled = Result<Box<dyn Query>, String>;
type Clause = (Occur, Box<dyn Query>);

/// Makes the query that finds what the expression says.
///
/// # Errors
/// Says what cannot be asked, and how to ask instead.
pub(crate) fn compile(expr: &Expr, fields: &Fields) -> Compiled {
    let all = |parts: &[Expr], occur: Occur| -> Result<Vec<Clause>, String> {
        parts.iter().map(|part| Ok((occur, compile(part, fields)?))).collect()
    };
    Ok(match expr {
        Expr::All => Box::new(AllQuery),
        Expr::And(parts) => Box::new(BooleanQuery::new(all(parts, Occur::Must)?)),
        Expr::Or(parts) => Box::new(BooleanQuery::new(all(parts, Occur::Should)?)),
        Expr::Not(part) => {
            let everything: Box<dyn Query> = Box::new(AllQuery);
            Box::new(BooleanQuery::new(vec![(Occur::Must, everything), (Occur::MustNot, compile(part, fields)?)]))
        }
        Expr::Line(value) => line(value, fields)?,
        Expr::Field(name, test) => field(name, test, fields)?,
    })
}

fn field(name: &str, test: &Test, fields: &Fields) -> Compiled {
    match (name, test) {
        ("_id", Test::Is(value)) => Ok(exact(Term::from_field_text(fields.id, &value.text))),
        ("topic", Test::Is(value)) => topic(value, fields),
        ("@timestamp", Test::Between(low, high)) => between_times(low, high, fields),
        ("@timestamp", Test::Is(value)) => {
            let bound = Bound::Included(value.text.clone());
            between_times(&bound, &bound, fields)
        }
        ("@timestamp" | "_id" | "topic", Test::Exists) => Ok(Box::new(AllQuery)),
        (_, Test::Exists) => exists(name, fields),
        (_, Test::Is(value)) if document::is_line(name) => line(value, fields),
        (_, Test::Is(value)) => is(name, value, fields),
        (_, Test::Between(low, high)) => between(name, low, high, fields),
    }
}

fn exact(term: Term) -> Box<dyn Query> {
    Box::new(TermQuery::new(term, IndexRecordOption::Basic))
}

fn regex(expression: &str, field: Field) -> Compiled {
    let query = RegexQuery::from_pattern(expression, field);
    query.map(|query| Box::new(query) as _).map_err(|_| "the pattern is too long; write a shorter one".to_owned())
}

fn either(mut queries: Vec<Box<dyn Query>>) -> Box<dyn Query> {
    match queries.len() {
        1 => queries.swap_remove(0),
        _ => Box::new(BooleanQuery::new(queries.into_iter().map(|query| (Occur::Should, query)).collect())),
    }
}

fn topic(value: &Value, fields: &Fields) -> Compiled {
    if !value.quoted && pattern::is_pattern(&value.text) {
        return regex(&pattern::wildcard(&value.text), fields.topic);
    }
    Ok(exact(Term::from_field_text(fields.topic, &value.text)))
}

/// The field, or one below it, is there.
fn exists(name: &str, fields: &Fields) -> Compiled {
    regex(&format!("{}(\\.(?s:.)*)?", pattern::literal(name)), fields.names)
}

/// Words of the line, in a row.
fn line(value: &Value, fields: &Fields) -> Compiled {
    let words = tokens::words(&value.text);
    let terms =
        |words: &[String]| -> Vec<Term> { words.iter().map(|word| Term::from_field_text(fields.text, word)).collect() };
    let is_pattern = !value.quoted && pattern::is_pattern(&value.text);
    let lower = tokens::lower(&value.text);
    let core = lower.trim_matches(|c: char| !c.is_alphanumeric() && !matches!(c, '*' | '?'));
    if is_pattern && core.chars().all(|c| c.is_alphanumeric() || matches!(c, '*' | '?')) {
        return regex(&pattern::wildcard(core), fields.text);
    }
    if is_pattern {
        let stem = value
            .text
            .strip_suffix('*')
            .filter(|stem| stem.ends_with(char::is_alphanumeric) && !pattern::is_pattern(stem));
        return match stem {
            Some(_) => Ok(Box::new(PhrasePrefixQuery::new(terms(&words)))),
            None => Err(format!(
                "“{}” is a pattern over several words, which only works for a field; write it as field:pattern, such as url.path:/api/*, or use single words",
                value.text
            )),
        };
    }
    match words.as_slice() {
        [] => Err(format!(
            "“{}” has no letter or digit; lines are found by their words, so write some of them",
            value.text
        )),
        [word] => Ok(exact(Term::from_field_text(fields.text, word))),
        words => Ok(Box::new(PhraseQuery::new(terms(words)))),
    }
}

fn value_term(name: &str, fields: &Fields) -> Term {
    Term::from_field_json_path(fields.values, name, true)
}

/// The field has the value: as text (whole, or its words in a row), and as what it looks like.
fn is(name: &str, value: &Value, fields: &Fields) -> Compiled {
    let text = tokens::lower(&value.text);
    if !value.quoted && pattern::is_pattern(&text) {
        return values_like(name, &pattern::wildcard(&text), fields);
    }
    if let Some(network) = pattern::network(&text).filter(|_| !value.quoted) {
        return values_like(name, &network, fields);
    }
    let string = |text: &str| {
        let mut term = value_term(name, fields);
        term.append_type_and_str(text);
        term
    };
    let mut found = vec![exact(string(&text))];
    let words = tokens::words(&text);
    if words.len() > 1 {
        found.push(Box::new(PhraseQuery::new(words.iter().map(|word| string(word)).collect())));
    }
    found.extend(typed(name, &text, fields).map(exact));
    Ok(either(found))
}

/// The term of a number or a truth value.
fn typed(name: &str, text: &str, fields: &Fields) -> Option<Term> {
    let mut term = value_term(name, fields);
    if let Ok(value) = text.parse::<bool>() {
        term.append_type_and_fast_value(value);
    } else {
        append_number(&mut term, text)?;
    }
    Some(term)
}

/// Appends a number as tantivy keeps numbers: whole ones as integers.
fn append_number(term: &mut Term, text: &str) -> Option<()> {
    if let Ok(value) = text.parse::<i64>() {
        term.append_type_and_fast_value(value);
    } else if let Ok(value) = text.parse::<u64>() {
        term.append_type_and_fast_value(value);
    } else {
        let value = text.parse::<f64>().ok().filter(|value| value.is_finite())?;
        let is_whole = value.fract() == 0.0 && value.abs() < 9e15;
        if is_whole { term.append_type_and_fast_value(value as i64) } else { term.append_type_and_fast_value(value) }
    }
    Some(())
}

/// The string values of a field that fit a regular expression: it runs over the keys of the term dictionary, which are
/// the path, its parts separated by 1, then 0, `s` and the value.
fn values_like(name: &str, expression: &str, fields: &Fields) -> Compiled {
    let path: Vec<String> = name.split('.').map(pattern::literal).collect();
    regex(&format!("{}\u{0}s{expression}", path.join("\u{1}")), fields.values)
}

fn between(name: &str, low: &Bound<String>, high: &Bound<String>, fields: &Fields) -> Compiled {
    let term = |text: &String| -> Result<Term, String> {
        let mut term = Term::from_field_json_path(fields.numbers, name, true);
        if append_number(&mut term, text).is_some() {
            return Ok(term);
        }
        let time = time_of(text).map_err(|_| {
            format!("“{text}” is neither a number nor a time; {name} can be compared with one such as 500 or 2026-01-31T12:00:00Z, and other values by {name}:value or {name}:val*")
        })?;
        let ns = i64::try_from(time.as_nanosecond()).map_err(|_| format!("“{text}” is too far away"))?;
        term.append_type_and_fast_value(tantivy::DateTime::from_timestamp_nanos(ns));
        Ok(term)
    };
    match (bound(low, &term)?, bound(high, &term)?) {
        (Bound::Unbounded, Bound::Unbounded) => exists(name, fields),
        (low, high) => Ok(Box::new(RangeQuery::new(low, high))),
    }
}

fn between_times(low: &Bound<String>, high: &Bound<String>, fields: &Fields) -> Compiled {
    let term = |text: &String| time_of(text).map(|time| Term::from_field_i64(fields.timestamp, time.as_millisecond()));
    match (bound(low, &term)?, bound(high, &term)?) {
        (Bound::Unbounded, Bound::Unbounded) => Ok(Box::new(AllQuery)),
        (low, high) => Ok(Box::new(RangeQuery::new(low, high))),
    }
}

fn time_of(text: &str) -> Result<jiff::Timestamp, String> {
    let date_only = || {
        text.parse::<jiff::civil::Date>().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
    };
    document::time_of(text).or_else(date_only).ok_or_else(|| {
        format!("“{text}” is not a time; write it as 2026-01-31T12:00:00Z, or as 2026-01-31 for midnight UTC")
    })
}

fn bound(bound: &Bound<String>, term: &dyn Fn(&String) -> Result<Term, String>) -> Result<Bound<Term>, String> {
    Ok(match bound {
        Bound::Included(text) => Bound::Included(term(text)?),
        Bound::Excluded(text) => Bound::Excluded(term(text)?),
        Bound::Unbounded => Bound::Unbounded,
    })
}
