//! Answers to searches, over all partitions.

use std::{collections::BTreeSet, ops::Bound, path::Path, sync::Arc};

use collector_model::search::{Arrivals, Cursor, Histogram, Hit, Search, SearchError, SearchPage, SearchRequest};
use tantivy::{
    DocAddress, Order, Searcher, TantivyDocument, Term,
    collector::{Count, HistogramCollector, TopDocs, sort_key::SortByStaticFastValue},
    query::{BooleanQuery, Occur, Query, RangeQuery, TermQuery},
    schema::{Field, IndexRecordOption, Value as _},
};

use crate::{
    IndexError,
    catalog::Catalog,
    partition::time_bounds,
    query,
    schema::{Fields, SEQUENCE, TIMESTAMP},
};

/// The most hits of one answer.
const HITS_MAX: usize = 10_000;
/// The most buckets of a histogram.
const BUCKETS_MAX: usize = 1_000;

/// Reads an index: that of this process, seeing each commit at once, or that of another, as it was when it was opened.
#[derive(Clone)]
pub struct IndexReader(Arc<Catalog>);

impl IndexReader {
    /// Opens the index in `dir` for reading, whether or not a collector writes to it.
    ///
    /// # Errors
    /// When the directory or a partition in it cannot be read, or another version made it.
    pub fn open(dir: &Path) -> Result<IndexReader, IndexError> {
        Catalog::open(dir).map(|catalog| IndexReader(Arc::new(catalog)))
    }

    pub(crate) fn over(catalog: Arc<Catalog>) -> IndexReader {
        IndexReader(catalog)
    }

    pub(crate) fn catalog(&self) -> &Catalog {
        &self.0
    }

    /// The searchers of the partitions that can have documents of the time range, the newest first.
    fn searchers(&self, request: &SearchRequest) -> Result<Vec<Searcher>, SearchError> {
        let mut found = vec![];
        for partition in self.0.newest_first() {
            let searcher = partition.searcher();
            let Some((min, max)) = time_bounds(&searcher).map_err(failed)? else { continue };
            let is_after = request.until_ms.is_some_and(|until| min >= until);
            let is_before = request.since_ms.is_some_and(|since| max < since);
            if !is_after && !is_before {
                found.push(searcher);
            }
        }
        Ok(found)
    }
}

impl IndexReader {
    /// The terms of a field with few different ones.
    fn terms(&self, field: Field) -> Result<BTreeSet<String>, SearchError> {
        let mut found = BTreeSet::new();
        for partition in self.0.newest_first() {
            for segment in partition.searcher().segment_readers() {
                let inverted = segment.inverted_index(field).map_err(failed)?;
                let mut terms = inverted.terms().stream().map_err(|error| failed(error.into()))?;
                while terms.advance() {
                    found.insert(String::from_utf8_lossy(terms.key()).into_owned());
                }
            }
        }
        Ok(found)
    }
}

fn failed(error: tantivy::TantivyError) -> SearchError {
    SearchError::Failed(format!("searching the index: {error}"))
}

/// The request's query, topic and time range as one query.
fn compiled(request: &SearchRequest, fields: &Fields) -> Result<Box<dyn Query>, SearchError> {
    let expr = query::parse(&request.query).map_err(|error| SearchError::BadQuery(error.to_string()))?;
    let mut parts = vec![query::compile(&expr, fields).map_err(SearchError::BadQuery)?];
    if let Some(topic) = &request.topic {
        let term = Term::from_field_text(fields.topic, topic.as_str());
        parts.push(Box::new(TermQuery::new(term, IndexRecordOption::Basic)));
    }
    let time = |ms| Term::from_field_i64(fields.timestamp, ms);
    if request.since_ms.is_some() || request.until_ms.is_some() {
        let since = request.since_ms.map_or(Bound::Unbounded, |ms| Bound::Included(time(ms)));
        let until = request.until_ms.map_or(Bound::Unbounded, |ms| Bound::Excluded(time(ms)));
        parts.push(Box::new(RangeQuery::new(since, until)));
    }
    Ok(must(parts))
}

fn must(mut parts: Vec<Box<dyn Query>>) -> Box<dyn Query> {
    match parts.len() {
        1 => parts.swap_remove(0),
        _ => Box::new(BooleanQuery::new(parts.into_iter().map(|part| (Occur::Must, part)).collect())),
    }
}

fn hit(fields: &Fields, searcher: &Searcher, address: DocAddress) -> Result<Hit, SearchError> {
    let stored: TantivyDocument = searcher.doc(address).map_err(failed)?;
    let text = |field| stored.get_first(field).and_then(|value| value.as_str()).unwrap_or_default();
    let json = text(fields.document);
    let document = serde_json::from_str(json).unwrap_or_else(|_| serde_json::json!({ "message": json }));
    Ok(Hit {
        id: text(fields.id).to_owned(),
        topic: text(fields.topic).to_owned(),
        timestamp_ms: stored.get_first(fields.timestamp).and_then(|value| value.as_i64()).unwrap_or_default(),
        document,
    })
}

impl Search for IndexReader {
    fn search(&self, request: &SearchRequest) -> Result<SearchPage, SearchError> {
        let fields = &self.0.fields;
        let query = compiled(request, fields)?;
        let limit = request.hits_max.min(HITS_MAX);
        let newest =
            (SortByStaticFastValue::<i64>::for_field(TIMESTAMP), SortByStaticFastValue::<u64>::for_field(SEQUENCE));
        let (mut total, mut found) = (0, vec![]);
        for searcher in self.searchers(request)? {
            if limit == 0 {
                total += searcher.search(&query, &Count).map_err(failed)? as u64;
                continue;
            }
            let top = TopDocs::with_limit(limit).order_by(newest.clone());
            let (count, top) = searcher.search(&query, &(Count, top)).map_err(failed)?;
            total += count as u64;
            found.extend(top.into_iter().map(|(key, address)| (key, searcher.clone(), address)));
        }
        found.sort_by(|(a, ..), (b, ..)| b.cmp(a));
        let hits = found.iter().take(limit).map(|(_, searcher, address)| hit(fields, searcher, *address));
        Ok(SearchPage { total, hits: hits.collect::<Result<_, _>>()? })
    }

    fn arrivals(&self, request: &SearchRequest, after: Option<Cursor>) -> Result<Arrivals, SearchError> {
        let fields = &self.0.fields;
        let query = compiled(request, fields)?;
        let end = self.0.published();
        let limit = request.hits_max.clamp(1, HITS_MAX);
        let Some(after) = after.filter(|after| after.0 < end) else {
            return Ok(Arrivals { hits: vec![], cursor: after.unwrap_or(Cursor(end)) });
        };
        let sequence = |number| Term::from_field_u64(fields.sequence, number);
        let new = RangeQuery::new(Bound::Excluded(sequence(after.0)), Bound::Included(sequence(end)));
        let query = must(vec![query, Box::new(new)]);
        let mut found = vec![];
        for searcher in self.searchers(request)? {
            let first = TopDocs::with_limit(limit).order_by_fast_field::<u64>(SEQUENCE, Order::Asc);
            let first = searcher.search(&query, &first).map_err(failed)?;
            found.extend(first.into_iter().map(|(sequence, address)| (sequence, searcher.clone(), address)));
        }
        found.sort_by_key(|&(sequence, ..)| sequence);
        found.truncate(limit);
        let is_all = found.len() < limit;
        let last = found.last().and_then(|&(sequence, ..)| sequence).filter(|_| !is_all);
        let hits = found.iter().map(|(_, searcher, address)| hit(fields, searcher, *address));
        Ok(Arrivals { hits: hits.collect::<Result<_, _>>()?, cursor: Cursor(last.unwrap_or(end)) })
    }

    fn histogram(&self, request: &SearchRequest, buckets_max: usize) -> Result<Histogram, SearchError> {
        let query = compiled(request, &self.0.fields)?;
        let searchers = self.searchers(request)?;
        let mut bounds: Option<(i64, i64)> = None;
        for searcher in &searchers {
            if let Some((min, max)) = time_bounds(searcher).map_err(failed)? {
                let (low, high) = bounds.unwrap_or((min, max));
                bounds = Some((low.min(min), high.max(max)));
            }
        }
        let (min, max) = bounds.unwrap_or_default();
        let from_ms = request.since_ms.unwrap_or(min);
        let until_ms = request.until_ms.unwrap_or_else(|| max.saturating_add(1)).max(from_ms.saturating_add(1));
        let buckets = buckets_max.clamp(1, BUCKETS_MAX);
        let bucket_ms = from_ms.abs_diff(until_ms).div_ceil(buckets as u64).max(1);
        let buckets = from_ms.abs_diff(until_ms).div_ceil(bucket_ms) as usize;
        let mut counts = vec![0; buckets];
        for searcher in &searchers {
            let collector = HistogramCollector::new::<i64>(TIMESTAMP.to_owned(), from_ms, bucket_ms, buckets);
            let found = searcher.search(&query, &collector).map_err(failed)?;
            counts.iter_mut().zip(found).for_each(|(sum, count)| *sum += count);
        }
        Ok(Histogram { from_ms, bucket_ms, counts })
    }

    fn topics(&self) -> Result<Vec<String>, SearchError> {
        Ok(self.terms(self.0.fields.topic)?.into_iter().collect())
    }

    fn field_names(&self) -> Result<Vec<String>, SearchError> {
        let mut names = self.terms(self.0.fields.names)?;
        if !names.is_empty() {
            names.extend(["@timestamp".to_owned(), "topic".to_owned()]);
        }
        Ok(names.into_iter().collect())
    }
}
