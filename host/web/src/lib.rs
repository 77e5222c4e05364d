//! HTTP: health, metrics, search API and the search page.
