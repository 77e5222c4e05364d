//! Hostile plugins, each in the real sandbox and in the middle of good lines: what they may try, and that nothing comes of it but one
//! bad line. Beside them what is no plugin at all, and what is said about it.

mod answers;
mod bad_input;
mod calls;
mod chains;
mod guest;
mod limits;
mod loading;
mod quarantine;
mod rows;
mod trial;
mod values;
mod verdicts;
