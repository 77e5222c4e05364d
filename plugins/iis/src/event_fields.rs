//! What ECS says of any access to a web server.

use crate::emit::Entry;
use collector_plugin::weblog::{
    CATEGORY, DATASET, KIND, MODULE, OUTCOME, RELATED_IP, RELATED_USER, SERVICE, TYPE, outcome,
};
use collector_plugin::{Constants, Event};

/// What the constants of a line depend on: the error log, both ends of a connection, the outcome.
type Key = (bool, bool, Option<&'static str>);

/// The constants of each kind of line that was met.
#[derive(Default)]
pub(crate) struct EventFields(Vec<(Key, Constants)>);

impl EventFields {
    /// Sets those of a line.
    pub(crate) fn set(&mut self, entry: &Entry<'_>, event: &mut Event<'_>) {
        let is_connection = !entry.source_ip.is_empty() && !entry.destination_ip.is_empty();
        let key = (entry.is_error, is_connection, entry.status.map(outcome));
        let at = self.0.iter().position(|(known, _)| *known == key).unwrap_or_else(|| {
            self.0.push((key, constants(key)));
            self.0.len() - 1
        });
        event.constants(&mut self.0[at].1);
        let mut ips = [entry.source_ip, entry.destination_ip];
        ips.sort_unstable();
        for ip in ips.into_iter().filter(|ip| !ip.is_empty()) {
            event.append(RELATED_IP, ip);
        }
        if !entry.user.is_empty() {
            event.append(RELATED_USER, entry.user);
        }
    }
}

fn constants((is_error, is_connection, outcome): Key) -> Constants {
    let constants = Constants::new().text(KIND, "event");
    let constants = if is_connection {
        constants.json(CATEGORY, r#"["network","web"]"#).json(TYPE, r#"["connection"]"#)
    } else {
        constants.json(CATEGORY, r#"["web"]"#)
    };
    let constants = match outcome {
        Some(outcome) => constants.text(OUTCOME, outcome),
        None => constants,
    };
    let dataset = if is_error { "iis.error" } else { "iis.access" };
    constants.text(MODULE, "iis").text(DATASET, dataset).text(SERVICE, "iis")
}
