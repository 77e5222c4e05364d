//! JSONTestSuite: one text a file; `y_` must parse, `n_` must not, `i_` may.

use std::path::Path;

use serde::Deserialize;

use crate::{
    cases::{Case, Expected},
    source::{Kind, read},
};

/// The source's settings.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct JsonTestSuite {
    /// Put before a text, so that one that is no object becomes a member's value.
    #[serde(default)]
    before: String,
    /// Put behind it.
    #[serde(default)]
    behind: String,
}

impl Kind for JsonTestSuite {
    fn cases(&self, path: &Path, shown: &str) -> anyhow::Result<Vec<Case>> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let expected = match name.get(..2) {
            Some("y_") => Expected::Parses,
            Some("n_") => Expected::Rejected,
            _ => Expected::Either,
        };
        let line = [self.before.as_bytes(), &read(path)?, self.behind.as_bytes()].concat();
        Ok(vec![Case::new(shown.to_owned(), line, expected)])
    }
}
