//! `collector check`.
