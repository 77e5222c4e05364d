//! What ECS says of any entry of a database's log.

use crate::{About, CATEGORY, DATASET, Entry, KIND, MODULE, OUTCOME, RELATED_IP, RELATED_USER, SERVICE, TYPE};
use collector_plugin::{Constants, Event};

/// What the constants of an entry depend on.
type Key = (&'static str, About, bool);

/// The constants of each kind of entry that was met.
#[derive(Default)]
pub(crate) struct EventFields(Vec<(Key, Constants)>);

impl EventFields {
    /// Sets those of an entry.
    pub(crate) fn set(&mut self, entry: &Entry<'_>, event: &mut Event<'_>) {
        let key = (entry.dataset, entry.about, entry.failed);
        let at = self.0.iter().position(|(known, _)| *known == key).unwrap_or_else(|| {
            self.0.push((key, constants(key)));
            self.0.len() - 1
        });
        event.constants(&mut self.0[at].1);
        if !entry.user.is_empty() {
            event.append(RELATED_USER, entry.user);
        }
        if !entry.ip.is_empty() {
            event.append(RELATED_IP, entry.ip);
        }
    }
}

fn constants((dataset, about, failed): Key) -> Constants {
    let category = match about {
        About::Nothing => r#"["database"]"#,
        About::Denied => r#"["database","authentication"]"#,
        About::Network => r#"["database","network"]"#,
    };
    let kind = if failed { r#"["error","info"]"# } else { r#"["info"]"# };
    let constants = Constants::new().text(KIND, "event").json(CATEGORY, category).json(TYPE, kind);
    let constants = if about == About::Denied { constants.text(OUTCOME, "failure") } else { constants };
    constants.text(MODULE, "mysql").text(DATASET, dataset).text(SERVICE, "mysql")
}
