//! Apache httpd's access and error logs to the fields of ECS, named as Elastic's apache integration names them.

mod access;
mod error;
mod format;
mod items;

use access::Access;
use collector_plugin::weblog::{self, Config, EventFields, Log};
use collector_plugin::{Event, Field, Manifest, Parser, Reject, time::Zone};
use error::Errors;
use format::LogFormat;

/// `apache.access.remote_addresses`
const REMOTE_ADDRESSES: Field = weblog::own(0);
/// `apache.access.ssl.protocol`
const SSL_PROTOCOL: Field = weblog::own(1);
/// `apache.access.ssl.cipher`
const SSL_CIPHER: Field = weblog::own(2);
/// `apache.error.module`
const ERROR_MODULE: Field = weblog::own(3);
/// `file.path`
const FILE: Field = weblog::own(4);
/// Names behind those of [`weblog`]; those of a log format follow.
const OWN: [&str; 5] = [
    "apache.access.remote_addresses",
    "apache.access.ssl.protocol",
    "apache.access.ssl.cipher",
    "apache.error.module",
    "file.path",
];

/// The parser of both logs.
pub struct Apache {
    log: Log,
    access: Access,
    format: Option<LogFormat>,
    errors: Errors,
    event_fields: Option<EventFields>,
    timezone: Zone,
}

impl Parser for Apache {
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
            format: format.filter(|format| !format.is_usual()),
            errors: Errors::default(),
            event_fields: config.event_fields.then(|| EventFields::new("apache", false)),
            timezone: config.timezone,
        })
    }

    fn manifest(&self) -> Manifest {
        let zone = (self.log != Log::Access && self.timezone == Zone::Local).then_some(Zone::META);
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
        let related = self.event_fields.is_some();
        let status = match &mut self.format {
            None => self.access.parse(line, related, event)?,
            Some(format) => format.parse(line, related, event)?,
        };
        if let Some(fields) = &mut self.event_fields {
            fields.set_access(status, self.timezone, event);
        }
        Ok(())
    }
}

impl Apache {
    #[inline(never)]
    fn error<'a>(&mut self, line: &'a [u8], event: &mut Event<'a>) -> Result<(), Reject> {
        let local = event.input().value(1);
        let related = self.event_fields.is_some();
        let is_info = self.errors.parse(line, self.timezone.minutes(local), related, event)?;
        if let Some(fields) = &mut self.event_fields {
            fields.set_error(is_info, self.timezone, event);
        }
        Ok(())
    }
}

collector_plugin::export!(Apache as Parser, samples = "../samples/samples.json");

#[cfg(test)]
mod tests;
