//! Elasticsearch and OpenSearch: bulk creation with ids, outcomes, templates.
