//! The fields of a partition.

use tantivy::schema::{
    FAST, Field, IndexRecordOption, JsonObjectOptions, NumericOptions, STORED, STRING, Schema, TextFieldIndexing,
    TextOptions,
};
use tantivy::tokenizer::TextAnalyzer;

use crate::tokens::{ValueAndWords, Words};

const WORDS: &str = "collector_words_1";
const VALUES: &str = "collector_values_1";

/// Name of the fast column of `@timestamp`.
pub(crate) const TIMESTAMP: &str = "timestamp";
/// Name of the fast column of the order of arrival.
pub(crate) const SEQUENCE: &str = "sequence";

/// The fields of a partition, the same in all of them.
#[derive(Clone, Debug)]
pub(crate) struct Fields {
    /// The schema they are of.
    pub(crate) schema: Schema,
    /// The `_id`.
    pub(crate) id: Field,
    /// The topic.
    pub(crate) topic: Field,
    /// `@timestamp`, in ms.
    pub(crate) timestamp: Field,
    /// The order of arrival.
    pub(crate) sequence: Field,
    /// The words of the line.
    pub(crate) text: Field,
    /// The document's values, by their dotted names.
    pub(crate) values: Field,
    /// The document's numbers and times once more, as columns, for ranges.
    pub(crate) numbers: Field,
    /// The names of the fields that the document has.
    pub(crate) names: Field,
    /// The document itself.
    pub(crate) document: Field,
}

impl Fields {
    pub(crate) fn new() -> Fields {
        let mut builder = Schema::builder();
        let indexed = |tokenizer: &str, option: IndexRecordOption| {
            TextFieldIndexing::default().set_tokenizer(tokenizer).set_fieldnorms(false).set_index_option(option)
        };
        let positions = IndexRecordOption::WithFreqsAndPositions;
        let values = indexed(VALUES, positions);
        let text = TextOptions::default().set_indexing_options(indexed(WORDS, positions));
        let column = NumericOptions::default().set_fast();
        let dotted = JsonObjectOptions::default().set_expand_dots_enabled();
        let (id, topic) =
            (builder.add_text_field("_id", STRING | STORED), builder.add_text_field("topic", STRING | STORED));
        let timestamp = builder.add_i64_field(TIMESTAMP, column.clone() | STORED);
        let sequence = builder.add_u64_field(SEQUENCE, column);
        let text = builder.add_text_field("text", text);
        let values = builder.add_json_field("values", dotted.clone().set_indexing_options(values));
        let numbers = builder.add_json_field("numbers", dotted | FAST);
        let names = builder.add_text_field("names", STRING);
        let document = builder.add_text_field("document", STORED);
        let schema = builder.build();
        Fields { schema, id, topic, timestamp, sequence, text, values, numbers, names, document }
    }

    /// Teaches an index the tokenizers of the schema.
    pub(crate) fn register(index: &tantivy::Index) {
        index.tokenizers().register(WORDS, TextAnalyzer::from(Words::default()));
        index.tokenizers().register(VALUES, TextAnalyzer::from(ValueAndWords::default()));
    }
}
