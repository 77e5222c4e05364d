//! nginx's access and error logs to the fields of ECS, named as Elastic's nginx integration names them.
//!
//! An access line as nginx writes it by default takes the short way: each field is found and emitted in turn. Whatever looks different on that way (a list of addresses, a user name with
//! spaces, a request that is no HTTP) is read again by code that is slower and knows more. What does not have the form of either log is rejected.

mod access;
mod error;
mod format;
mod variables;

use access::Access;
use collector_plugin::weblog::{self, Config, EventFields, Log};
use collector_plugin::{Event, Field, Manifest, Parser, Reject, time::Zone};
use error::Errors;
use format::LogFormat;

/// `nginx.access.remote_ip_list`
const REMOTE_IPS: Field = weblog::own(0);
/// `nginx.error.connection_id`
const CONNECTION_ID: Field = weblog::own(1);
/// `nginx.error.server`
const ERROR_SERVER: Field = weblog::own(2);
/// `nginx.error.upstream`
const ERROR_UPSTREAM: Field = weblog::own(3);
/// Names behind those of [`weblog`]; those of a log format follow.
const OWN: [&str; 4] =
    ["nginx.access.remote_ip_list", "nginx.error.connection_id", "nginx.error.server", "nginx.error.upstream"];

/// The parser of both logs.
pub struct Nginx {
    log: Log,
    access: Access,
    format: Option<LogFormat>,
    errors: Errors,
    event_fields: Option<EventFields>,
    timezone: Zone,
}

impl Parser for Nginx {
    type Config = Config;

    fn open(config: Config) -> Result<Self, String> {
        let format = config.log_format.as_deref().map(LogFormat::compile).transpose();
        let format = format.map_err(|why| format!("`log_format`: {why}"))?;
        if format.is_some() && config.log == Log::Error {
            return Err(
                "`log_format` is of the access log: leave it away, or set `log` to \"access\" or \"auto\"".to_owned()
            );
        }
        Ok(Self {
            log: config.log,
            access: Access::default(),
            format: format.filter(|format| !format.is_combined()),
            errors: Errors::default(),
            event_fields: config.event_fields.then(|| EventFields::new("nginx", true)),
            timezone: config.timezone,
        })
    }

    fn manifest(&self) -> Manifest {
        let needs_zone = self.log != Log::Access || self.event_fields.is_some();
        let zone = (needs_zone && self.timezone == Zone::Local).then_some(Zone::META);
        let own = self.format.iter().flat_map(LogFormat::names);
        let writes = weblog::NAMES.iter().copied().chain(OWN).chain(own);
        Manifest::reading(["message"].into_iter().chain(zone)).writing(writes)
    }

    #[inline(always)]
    fn parse<'a>(&mut self, line: &'a [u8], event: &mut Event<'a>) -> Result<(), Reject> {
        let is_error = match self.log {
            Log::Auto => error::has_its_date(line),
            log => log == Log::Error,
        };
        if is_error {
            return self.error(line, event);
        }
        match &mut self.format {
            None => self.access.parse(line, self.event_fields.as_mut(), self.timezone, event),
            Some(format) => format.parse(line, &mut self.access, self.event_fields.as_mut(), self.timezone, event),
        }
    }
}

impl Nginx {
    #[inline(never)]
    fn error<'a>(&mut self, line: &'a [u8], event: &mut Event<'a>) -> Result<(), Reject> {
        let local = event.input().value(1);
        self.errors.parse(line, self.timezone.minutes(local), self.event_fields.is_some(), event)?;
        if let Some(fields) = &mut self.event_fields {
            fields.set_error(false, self.timezone, event);
        }
        Ok(())
    }
}

collector_plugin::export!(Nginx as Parser, samples = "../samples/samples.json");

#[cfg(test)]
mod tests;
