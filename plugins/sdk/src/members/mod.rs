//! What parsers of lines that name their own fields share (JSON, logfmt): which member is the time, where the others lie, which get the names of ECS.

mod config;
mod ecs;
mod times;

pub use config::{Config, TimeFormat, names};
pub use times::Times;

use crate::{Event, Field, Manifest, Reject};

/// `@timestamp`
const TIME: Field = Field::nth(0);

/// What is special about a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// It has the time.
    Time,
    /// A level, which some loggers write as a number.
    Level,
    /// `server/listen.go:42`
    Caller,
}

/// A member's value that is no object and no array.
#[derive(Clone, Copy, Debug)]
pub struct Scalar<'s> {
    /// Its bytes, without quotes and escapes.
    pub bytes: &'s [u8],
    /// Whether it can be a number: it had no quotes.
    pub bare: bool,
}

/// Treats the members that are more than their name and value.
pub struct Members {
    manifest: Manifest,
    /// What is special about the first fields.
    roles: Vec<Role>,
    /// Fields up to here stand for members that are no objects.
    scalars: u32,
    /// The members with the time that the configuration names; `@timestamp` is one in any case.
    asked: Vec<u32>,
    times: Times,
    time_found: bool,
    line_field: Field,
}

impl Members {
    /// Takes the configuration of a parser.
    ///
    /// # Errors
    /// The option with a name that no field can have.
    pub fn open(config: Config) -> Result<Self, String> {
        config.check()?;
        let mut plan = Plan::default();
        let asked = plan.times(&config);
        if config.ecs {
            plan.ecs();
        }
        let scalars = plan.writes.len() as u32;
        let zone_field = plan.declare("event.timezone");
        let line_field = plan.declare("log.origin.file.line");
        for (from, to) in &config.rename {
            let to = plan.declare(to);
            plan.renames.retain(|(known, _)| known != from);
            plan.renames.push((from.clone(), to));
        }
        let times = Times::new(config.timestamp_format, config.timezone, TIME, zone_field);
        let manifest = Manifest::reading(std::iter::once(config.field.clone()).chain(times.reads().map(str::to_owned)))
            .writing(plan.writes)
            .below(config.target)
            .renaming(plan.renames);
        Ok(Self { manifest, roles: plan.roles, scalars, asked, times, time_found: false, line_field })
    }

    /// What the parser reads and writes.
    #[must_use]
    pub fn manifest(&self) -> Manifest {
        self.manifest.clone()
    }

    /// Turns to the next line.
    #[inline(always)]
    pub fn begin(&mut self) {
        self.time_found = false;
    }

    /// Whether a member's value is for [`treat`](Self::treat).
    #[inline(always)]
    #[must_use]
    pub fn is_special(&self, field: Field) -> bool {
        (field.id() as usize) < self.roles.len()
    }

    /// The fields with a lower id are [special](Self::is_special).
    #[must_use]
    pub fn specials(&self) -> u32 {
        self.roles.len() as u32
    }

    /// Whether the field stands for a member only where that is no object: an object is then to be had by [`Event::own_name`].
    #[inline(always)]
    #[must_use]
    pub fn is_for_scalars(&self, field: Field) -> bool {
        field.id() < self.scalars
    }

    /// Sets what a special member means; says whether it did, otherwise the field gets the value as any other does. `value` is None for an array or an object.
    ///
    /// # Errors
    /// A `@timestamp` that is no time.
    #[inline(never)]
    pub fn treat(&mut self, field: Field, value: Option<Scalar<'_>>, event: &mut Event<'_>) -> Result<bool, Reject> {
        match (self.roles.get(field.id() as usize), value) {
            (Some(Role::Time), value) => self.time(field, value, event),
            (Some(Role::Level), Some(value)) if value.bare => Ok(level(field, value.bytes, event)),
            (Some(Role::Caller), Some(value)) => Ok(self.caller(field, value.bytes, event)),
            _ => Ok(false),
        }
    }

    fn time(&mut self, field: Field, value: Option<Scalar<'_>>, event: &mut Event<'_>) -> Result<bool, Reject> {
        if self.time_found {
            // The first of them counts; a field named `@timestamp` may be nothing else.
            return Ok(field == TIME);
        }
        match value {
            Some(value) if self.times.set(value.bytes, event) => {
                self.time_found = self.asked.contains(&field.id());
                Ok(true)
            }
            // A field of that name with anything else in it would make the document unacceptable to every index.
            _ if field == TIME => Err(Reject("`@timestamp` is not a time")),
            _ => Ok(false),
        }
    }

    fn caller(&self, field: Field, caller: &[u8], event: &mut Event<'_>) -> bool {
        let Some((file, line)) = crate::scan::cut_last(caller, b':') else {
            return false;
        };
        let line = crate::scan::int(line).filter(|line| *line >= 0 && !file.is_empty());
        if let Some(line) = line {
            event.text(field, file);
            event.int(self.line_field, line);
        }
        line.is_some()
    }
}

/// The levels of bunyan and pino.
fn level(field: Field, number: &[u8], event: &mut Event<'_>) -> bool {
    let name = match number {
        b"10" => "trace",
        b"20" => "debug",
        b"30" => "info",
        b"40" => "warn",
        b"50" => "error",
        b"60" => "fatal",
        _ => return false,
    };
    event.constant(field, name);
    true
}

/// Which fields are declared, by id, and which names stand for them.
#[derive(Default)]
struct Plan {
    writes: Vec<String>,
    roles: Vec<Role>,
    renames: Vec<(String, Field)>,
}

impl Plan {
    fn declare(&mut self, name: &str) -> Field {
        let known = self.writes.iter().position(|known| known == name);
        let id = known.unwrap_or_else(|| {
            self.writes.push(name.to_owned());
            self.writes.len() - 1
        });
        Field::nth(id as u32)
    }

    /// The members that may have the time, under their own names: the ids of those that were asked for.
    fn times(&mut self, config: &Config) -> Vec<u32> {
        self.declare("@timestamp");
        let mut asked = Vec::new();
        for name in config.times() {
            let own = match &config.target {
                Some(target) => format!("{target}.{name}"),
                None => name.clone(),
            };
            let field = self.declare(&own);
            self.renames.push((name, field));
            asked.push(field.id());
        }
        self.roles = vec![Role::Time; self.writes.len()];
        asked
    }

    fn ecs(&mut self) {
        let special = ecs::NAMES.iter().filter_map(|(ecs, names)| Some((ecs, names, ecs::role(ecs)?)));
        for (ecs, names, role) in special {
            self.stand_for(ecs, names);
            self.roles.push(role);
        }
        for (ecs, names) in ecs::NAMES.iter().filter(|(ecs, _)| ecs::role(ecs).is_none()) {
            self.stand_for(ecs, names);
        }
    }

    fn stand_for(&mut self, ecs: &str, names: &[&str]) {
        let field = self.declare(ecs);
        let known: Vec<&str> = self.renames.iter().map(|(name, _)| name.as_str()).collect();
        let fresh: Vec<_> =
            names.iter().filter(|name| !known.contains(name)).map(|name| ((*name).to_owned(), field)).collect();
        self.renames.extend(fresh);
    }
}

#[cfg(test)]
mod tests;
