//! What a transfer does with a topic.

use collector_model::{BucketDay, Topic, index_name::IndexRule};

use crate::{
    Bounds, ChainSpec, Defaults, TaskError,
    error::{At, Complaints, Trouble},
    parse,
    task::DocumentForm,
    written::WrittenRule,
};

/// How a transfer treats the lines of one topic: the value of `/logtransfer/<topic>`.
///
/// Written as `{"plugins":[…],"document":"ecs"|"seed","index":"…","keep_original":true,"retention_days":N}`, every key of which may be left out. `index`
/// is a fixed name, or ends in `-{bucket_day}` (or `{topic}-{bucket_day}`) for one index a day; it is `{topic}-{bucket_day}` for ECS
/// documents and `{topic}` for the seed's where nothing is said.
#[derive(Clone, Debug, PartialEq)]
pub struct TransferRule {
    /// The topic.
    pub topic: Topic,
    /// The plugins.
    pub chain: ChainSpec,
    /// The form of the documents.
    pub document: DocumentForm,
    /// Which index a document goes to.
    pub index: IndexRule,
    /// Whether a document keeps the line as `event.original` when a parser set `message`.
    pub keep_original: bool,
    /// How many days are kept, today included, where there is an index a day; `None`: all.
    pub retention_days: Option<u32>,
}

/// The most days that can be named.
const RETENTION_DAYS_MAX: u64 = 36_500;

impl TransferRule {
    /// The rule of a topic that has none written.
    pub fn plain(topic: &Topic, document: DocumentForm) -> Self {
        TransferRule {
            topic: topic.clone(),
            chain: ChainSpec::default(),
            document,
            index: default_index(topic, document),
            keep_original: true,
            retention_days: None,
        }
    }

    /// The same, keeping so many days where there is an index a day.
    #[must_use]
    pub fn keeping(mut self, retention_days: Option<u32>) -> Self {
        self.retention_days = retention_days.filter(|_| matches!(self.index, IndexRule::Daily(_)));
        self
    }

    /// The first day whose documents are kept; none where all are.
    pub fn first_kept(&self, today: BucketDay) -> Option<BucketDay> {
        self.retention_days.map(|days| today.first_of(days))
    }
}

/// Reads the rule of a topic. `source` (the key) stands in messages.
pub fn parse_rule(
    topic: &Topic,
    json: &str,
    source: &str,
    bounds: &Bounds,
    defaults: &Defaults,
) -> Result<TransferRule, TaskError> {
    let what = format!("the rule of topic {topic}");
    let mut complaints = Complaints::new();
    let rule = meaning(topic, json, bounds, defaults, &mut complaints);
    match rule {
        Some(rule) => complaints.into_result(&what, source, rule),
        None => Err(complaints.into_error(&what, source)),
    }
}

fn meaning(
    topic: &Topic,
    json: &str,
    bounds: &Bounds,
    defaults: &Defaults,
    complaints: &mut Complaints,
) -> Option<TransferRule> {
    if json.trim().is_empty() {
        At::new(complaints, String::new(), None).complain("it is empty", "write {} for a rule without plugins");
        return None;
    }
    At::new(complaints, String::new(), None).take(parse::check_size(json))?;
    let written: WrittenRule = parse::structure(json, "", 0, complaints)?;
    let mut at = At::new(complaints, String::new(), None);
    let document = parse::one(&mut at, "document", written.document.as_deref(), parse::DOCUMENT, defaults.document);
    let chain = parse::chain(written.plugins, bounds, defaults, &mut at.key("plugins"));
    let index = written.index.map(|text| at.key("index").take(index_of(&text, topic)));
    let index = index.unwrap_or_else(|| Some(default_index(topic, document?)));
    let retention_days = match written.retention_days {
        None => Some(defaults.retention_days),
        Some(days) => at.key("retention_days").take(retention_of(days, index.as_ref())),
    };
    let rule = TransferRule {
        topic: topic.clone(),
        chain: chain?,
        document: document?,
        index: index?,
        keep_original: written.keep_original.unwrap_or(true),
        retention_days: None,
    };
    Some(rule.keeping(retention_days?))
}

/// 0 keeps everything. A number is meant to delete something: where there is no index a day, nothing could be.
fn retention_of(days: u64, index: Option<&IndexRule>) -> Result<Option<u32>, Trouble> {
    if days > RETENTION_DAYS_MAX {
        let fix = format!("write a number of days up to {RETENTION_DAYS_MAX}, or 0 to keep everything");
        return Err((format!("{days} is out of range"), fix));
    }
    if let (1.., Some(IndexRule::Fixed(name))) = (days, index) {
        let problem = format!("the index {name:?} is one for all days, and only whole days are deleted");
        return Err((problem, "let \"index\" end in -{bucket_day}, or take retention_days away".to_owned()));
    }
    Ok((days > 0).then_some(days as u32))
}

fn default_index(topic: &Topic, document: DocumentForm) -> IndexRule {
    match document {
        DocumentForm::Ecs => IndexRule::daily(topic),
        DocumentForm::Seed => IndexRule::Fixed(topic.as_str().to_owned()),
    }
}

/// The index is chosen from the topic and the bucket day alone: from anything else, a replay would not find its document again.
fn index_of(text: &str, topic: &Topic) -> Result<IndexRule, Trouble> {
    let name = text.replace("{topic}", topic.as_str());
    let fix = || "write a name, or a name that ends in -{bucket_day}; {topic} may stand in it".to_owned();
    let (name, daily) = match name.strip_suffix("-{bucket_day}") {
        Some(prefix) => (prefix.to_owned(), true),
        None => (name, false),
    };
    if name.is_empty() || name.contains(['{', '}']) {
        let problem = format!("{text:?} does not name an index: only the topic and the bucket day may choose it");
        return Err((problem, fix()));
    }
    Ok(if daily { IndexRule::Daily(name) } else { IndexRule::Fixed(name) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<TransferRule, TaskError> {
        let bounds = Bounds::open(vec!["/opt/plugins".into()]);
        let topic = Topic::new("web").unwrap();
        parse_rule(&topic, json, "/logtransfer/web", &bounds, &Defaults::modern("/".into()))
    }

    #[test]
    fn an_empty_rule_is_the_plain_one() {
        assert_eq!(parse("{}").unwrap(), TransferRule::plain(&Topic::new("web").unwrap(), DocumentForm::Ecs));
        assert_eq!(parse("{}").unwrap().index, IndexRule::Daily("web".into()));
    }

    #[test]
    fn the_document_form_decides_the_index_where_none_is_named() {
        assert_eq!(parse(r#"{"document":"seed"}"#).unwrap().index, IndexRule::Fixed("web".into()));
        assert_eq!(parse(r#"{"index":"all"}"#).unwrap().index, IndexRule::Fixed("all".into()));
        assert_eq!(parse(r#"{"index":"x-{topic}-{bucket_day}"}"#).unwrap().index, IndexRule::Daily("x-web".into()));
    }

    #[test]
    fn a_rule_s_days_come_before_those_of_the_settings() {
        let bounds = Bounds::open(vec![]);
        let topic = Topic::new("web").unwrap();
        let defaults = Defaults { retention_days: Some(30), ..Defaults::modern("/".into()) };
        let days =
            |json: &str| parse_rule(&topic, json, "/logtransfer/web", &bounds, &defaults).unwrap().retention_days;
        assert_eq!(
            (days("{}"), days(r#"{"retention_days":7}"#), days(r#"{"retention_days":0}"#)),
            (Some(30), Some(7), None)
        );
        assert_eq!(days(r#"{"index":"one"}"#), None, "there are no days to delete");
    }

    #[test]
    fn mistakes_are_named() {
        for (json, expected) in [
            (r#"{"index":"one","retention_days":7}"#, "retention_days: the index \"one\" is one for all days"),
            (
                r#"{"index":"{host.name}"}"#,
                "reading the rule of topic web from /logtransfer/web: index: \"{host.name}\" does not name an index",
            ),
            (r#"{"plugin":[]}"#, "line 1: plugin: there is no key \"plugin\"; did you mean \"plugins\"?"),
            (r#"{"document":"ECS"}"#, "document: \"ECS\" is not known here; did you mean \"ecs\"?"),
            (r#"{"plugins":[{"path":"a/b.wasm"}]}"#, "plugins[0].path: \"/a/b.wasm\" lies outside"),
            ("", "it is empty; write {} for a rule without plugins"),
            ("[]", "write an object { … } instead"),
        ] {
            let message = parse(json).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}\nshould contain\n{expected}");
        }
    }
}
