//! Before the first write to a name: is it a concrete index? An alias or a data stream would let a replay show twice.

use collector_failpoints::planted;
use collector_model::IndexName;
use serde::Deserialize;
use serde_json::json;

use crate::{
    answer::fault_in,
    client::{Answer, Call, NoAnswer, Nodes, segment},
    outcome::{Trouble, TroubleKind, trouble_of},
    template::MANAGED_BY,
};

/// What a name stands for.
#[derive(Debug, PartialEq)]
pub(crate) enum Standing {
    /// A concrete index.
    Index,
    /// Nothing yet.
    Missing,
    /// Nothing can be said now, or documents must not go there.
    Trouble(Trouble),
}

#[derive(Deserialize)]
struct Resolved {
    #[serde(default)]
    indices: Vec<Named>,
    #[serde(default)]
    aliases: Vec<Alias>,
    #[serde(default)]
    data_streams: Vec<Named>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[derive(Deserialize)]
struct Alias {
    name: String,
    #[serde(default)]
    indices: Vec<String>,
}

/// Asks what a name stands for.
pub(crate) async fn resolve(nodes: &Nodes, index: &IndexName) -> Standing {
    let path = format!("_resolve/index/{}", segment(index.as_str()));
    standing(index, &nodes.call(Call::get(&path)).await)
}

/// Creates the index by itself, so that no template can make a data stream of it, and marks it as the collector's own.
pub(crate) async fn create(nodes: &Nodes, index: &IndexName) -> Standing {
    let path = segment(index.as_str());
    let marked = json!({"mappings": {"_meta": {"managed_by": MANAGED_BY}}});
    created(index, &nodes.call(Call::put(&path, &marked)).await)
}

fn standing(index: &IndexName, answer: &Result<Answer, NoAnswer>) -> Standing {
    let answer = match answer {
        Ok(answer) => answer,
        Err(none) => return Standing::Trouble(none.into()),
    };
    let fault = fault_in(&answer.body);
    if answer.status == 404 && fault.as_ref().is_some_and(|fault| fault.kind == "index_not_found_exception") {
        return Standing::Missing;
    }
    let resolved = serde_json::from_slice::<Resolved>(&answer.body).ok().filter(|_| answer.status == 200);
    let Some(resolved) = resolved else {
        return Standing::Trouble(trouble_of(answer.status, fault.as_ref()));
    };
    let name = index.as_str();
    if let Some(alias) = resolved.aliases.iter().find(|alias| alias.name == name) {
        let indices = alias.indices.join(", ");
        return refused(format!("{name} is an alias (of {indices}), through which a replay could show twice"));
    }
    if resolved.data_streams.iter().any(|stream| stream.name == name) {
        if planted("data-stream-index") {
            return Standing::Index;
        }
        return refused(format!("{name} is a data stream, in which a replay could show twice"));
    }
    if resolved.indices.iter().any(|index| index.name == name) { Standing::Index } else { Standing::Missing }
}

fn created(index: &IndexName, answer: &Result<Answer, NoAnswer>) -> Standing {
    let answer = match answer {
        Ok(answer) => answer,
        Err(none) => return Standing::Trouble(none.into()),
    };
    if answer.status == 200 {
        return Standing::Index;
    }
    let fault = fault_in(&answer.body).unwrap_or_default();
    if fault.kind == "resource_already_exists_exception" {
        // Somebody was quicker: ask again what it is.
        return Standing::Missing;
    }
    if answer.status == 400 && fault.reason.contains("data stream") {
        if planted("data-stream-index") {
            return Standing::Index;
        }
        return refused(format!(
            "a template of the cluster makes {index} a data stream, in which a replay could show twice"
        ));
    }
    let mut trouble = trouble_of(answer.status, Some(&fault));
    if answer.status == 400 && trouble.kind == TroubleKind::Unexpected {
        trouble.kind = TroubleKind::IndexBlocked;
    }
    Standing::Trouble(trouble)
}

fn refused(reason: String) -> Standing {
    Standing::Trouble(Trouble { kind: TroubleKind::NotAnIndex, reason })
}

impl From<&NoAnswer> for Trouble {
    fn from(none: &NoAnswer) -> Self {
        Trouble { kind: TroubleKind::Unreachable, reason: format!("{}: {}", none.url, none.reason) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Result<Answer, NoAnswer> {
        Ok(Answer { url: "http://n/".to_owned(), status, body: body.to_owned().into() })
    }

    fn kind(standing: &Standing) -> Option<TroubleKind> {
        if let Standing::Trouble(trouble) = standing { Some(trouble.kind) } else { None }
    }

    #[test]
    fn an_index_is_taken_an_alias_or_a_data_stream_refused() {
        let index = IndexName::fixed("web");
        let of = |body| standing(&index, &answer(200, body));
        assert_eq!(
            of(r#"{"indices":[{"name":"web","attributes":["open"]}],"aliases":[],"data_streams":[]}"#),
            Standing::Index
        );
        assert_eq!(of(r#"{"indices":[],"aliases":[],"data_streams":[]}"#), Standing::Missing);
        let alias = of(r#"{"indices":[],"aliases":[{"name":"web","indices":["a","b"]}]}"#);
        assert!(
            matches!(&alias, Standing::Trouble(trouble) if trouble.reason.starts_with("web is an alias (of a, b)"))
        );
        assert_eq!(kind(&of(r#"{"data_streams":[{"name":"web"}]}"#)), Some(TroubleKind::NotAnIndex));
    }

    #[test]
    fn a_missing_index_is_told_from_a_refused_question() {
        let index = IndexName::fixed("web");
        let missing = r#"{"error":{"type":"index_not_found_exception","reason":"no such index [web]"},"status":404}"#;
        assert_eq!(standing(&index, &answer(404, missing)), Standing::Missing);
        assert_eq!(kind(&standing(&index, &answer(404, "<html>"))), Some(TroubleKind::Unexpected));
        assert_eq!(kind(&standing(&index, &answer(403, "{}"))), Some(TroubleKind::Refused));
        assert_eq!(kind(&standing(&index, &answer(503, "{}"))), Some(TroubleKind::Overloaded));
        assert_eq!(kind(&standing(&index, &answer(200, "<html>"))), Some(TroubleKind::Unexpected));
    }

    #[test]
    fn a_template_that_makes_data_streams_is_refused() {
        let index = IndexName::fixed("logs-a-b");
        let body = r#"{"error":{"type":"illegal_argument_exception","reason":"cannot create index with name [logs-a-b], because it matches with template [logs] that creates data streams only, use create data stream api instead"},"status":400}"#;
        assert_eq!(kind(&created(&index, &answer(400, body))), Some(TroubleKind::NotAnIndex));
        let full =
            r#"{"error":{"type":"validation_exception","reason":"this action would add [2] shards"},"status":400}"#;
        assert_eq!(kind(&created(&index, &answer(400, full))), Some(TroubleKind::IndexBlocked));
        let exists = r#"{"error":{"type":"resource_already_exists_exception","reason":"r"},"status":400}"#;
        assert_eq!(created(&index, &answer(400, exists)), Standing::Missing);
    }
}
