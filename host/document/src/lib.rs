//! Cells to JSON: ECS documents, the seed's form, and the safe document.
