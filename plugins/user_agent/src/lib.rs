//! Tells browser, system and device from a user agent: `{"field":"user_agent.original","target":"user_agent"}` is the default.
//!
//! The fields and the names in them are those of Elasticsearch's processor of the same name. What a user agent says is told from tables of its own, so it is small and fast, and
//! knows what is usual; a name that is in no table is `Other`.

mod answer;
mod browser;
mod device;
mod families;
mod products;
mod system;

use answer::{Answer, Memory};
use collector_plugin::{Event, Field, Filter, Input, Manifest, Reject, Verdict};
use serde::Deserialize;

/// Names below the target, by place.
const BELOW: [&str; 6] = ["name", "version", "os.name", "os.version", "os.full", "device.name"];
const NAME: Field = Field::nth(0);
const VERSION: Field = Field::nth(1);
const OS_NAME: Field = Field::nth(2);
const OS_VERSION: Field = Field::nth(3);
const OS_FULL: Field = Field::nth(4);
const DEVICE: Field = Field::nth(5);
/// Bytes of a user agent that are looked at.
const AGENT_MAX: usize = 2048;

/// What the chain entry may say.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The field that has the user agent.
    pub field: String,
    /// The field below which the answers go.
    pub target: String,
}

impl Default for Config {
    fn default() -> Self {
        Self { field: "user_agent.original".to_owned(), target: "user_agent".to_owned() }
    }
}

/// The filter.
pub struct UserAgent {
    config: Config,
    memory: Memory,
}

impl Filter for UserAgent {
    type Config = Config;

    fn open(config: Config) -> Result<Self, String> {
        for (key, name) in [("field", &config.field), ("target", &config.target)] {
            if name.split('.').any(str::is_empty) || name.contains('*') {
                return Err(format!("`{key}`: `{name}` is not the name of one field; use one such as `user_agent`"));
            }
        }
        Ok(Self { config, memory: Memory::new() })
    }

    fn manifest(&self) -> Manifest {
        let target = &self.config.target;
        Manifest::reading([self.config.field.as_str()]).writing(BELOW.map(|name| format!("{target}.{name}")))
    }

    fn filter<'a>(&mut self, input: Input<'a>, event: &mut Event<'a>) -> Result<Verdict, Reject> {
        if let Some(agent) = input.text(0).filter(|agent| !agent.is_empty()) {
            set(self.memory.answer(beginning(agent)), event);
        }
        Ok(Verdict::Keep)
    }
}

/// As much of it as is looked at, cut between characters.
fn beginning(agent: &[u8]) -> &[u8] {
    let mut end = agent.len().min(AGENT_MAX);
    while agent.get(end).is_some_and(|byte| byte & 0xc0 == 0x80) {
        end -= 1;
    }
    &agent[..end]
}

fn set(answer: &Answer, event: &mut Event<'_>) {
    event.text(NAME, &answer.name);
    if !answer.version.is_empty() {
        event.text(VERSION, &answer.version);
    }
    if !answer.os_name.is_empty() {
        event.constant(OS_NAME, answer.os_name);
    }
    if !answer.os_version.is_empty() {
        event.text(OS_VERSION, &answer.os_version);
        event.build(OS_FULL, |arena| {
            for part in [answer.os_name, " ", answer.os_version.as_str()] {
                arena.extend_from_slice(part.as_bytes());
            }
        });
    }
    event.text(DEVICE, &answer.device);
}

collector_plugin::export!(UserAgent as Filter, samples = "../samples/samples.json");

#[cfg(test)]
mod tests;
