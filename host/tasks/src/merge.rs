//! Tasks of several sources become one set.

use std::collections::HashSet;

use crate::{Task, TaskSet};

/// Merges the tasks of several sources, the nearest source first (this host's own key, its groups', everybody's). A task is known by
/// its topic and path; of several, the nearest wins.
pub fn merge<'a>(sources: impl IntoIterator<Item = &'a [Task]>, revision: i64) -> TaskSet {
    let mut seen = HashSet::new();
    let all = sources.into_iter().flatten();
    let tasks: Vec<Task> = all.filter(|task| seen.insert(task.key())).cloned().collect();
    TaskSet { tasks: tasks.into(), revision }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Bounds, Defaults, parse_tasks};

    fn tasks(json: &str) -> Vec<Task> {
        parse_tasks(json, "test", &Bounds::open(vec![]), &Defaults::modern("/".into())).unwrap()
    }

    #[test]
    fn the_nearer_source_wins() {
        let own = tasks(r#"[{"path":"/a","topic":"t","max_line":1}]"#);
        let everybody = tasks(r#"[{"path":"/a","topic":"t","max_line":2},{"path":"/b","topic":"t"}]"#);
        let merged = merge([own.as_slice(), everybody.as_slice()], 7);
        let found: Vec<_> = merged.tasks.iter().map(|task| (task.path.as_str(), task.line_bytes_max)).collect();
        assert_eq!((found, merged.revision), (vec![("/a", 1), ("/b", Defaults::LINE_BYTES_MAX)], 7));
    }
}
