//! What is the same for all lines: the fields of the event itself.

use super::{CATEGORY, DATASET, KIND, MODULE, OUTCOME, SERVICE, TIMEZONE, TYPE, outcome};
use crate::time::{Zone, zone_text};
use crate::{Constants, Event, Value};

/// The constant fields of each kind of line, for the zone of the last one.
pub struct EventFields {
    module: &'static str,
    access_zone: bool,
    zone_min: Option<i64>,
    access: Constants,
    success: Constants,
    failure: Constants,
    error: Constants,
    info: Constants,
    is_ready: bool,
}

impl EventFields {
    /// Those of a server; `access_zone` says that access lines have `event.timezone` too. The zone of the machine is the second column that
    /// the plugin reads.
    #[must_use]
    pub fn new(module: &'static str, access_zone: bool) -> Self {
        let [access, success, failure, error, info] = std::array::from_fn(|_| Constants::new());
        Self { module, access_zone, zone_min: None, access, success, failure, error, info, is_ready: false }
    }

    /// Those of an access line with that status; a log format may have none.
    #[inline(always)]
    pub fn set_access(&mut self, status: Option<i64>, zone: Zone, event: &mut Event<'_>) {
        self.prepare(zone, event.input().value(1));
        event.constants(match status {
            Some(..400) => &mut self.success,
            Some(_) => &mut self.failure,
            None => &mut self.access,
        });
    }

    /// Those of a line of the error log, which may tell of no error.
    pub fn set_error(&mut self, is_info: bool, zone: Zone, event: &mut Event<'_>) {
        self.prepare(zone, event.input().value(1));
        event.constants(if is_info { &mut self.info } else { &mut self.error });
    }

    #[inline(always)]
    fn prepare(&mut self, zone: Zone, local: Value<'_>) {
        let known = zone != Zone::Local || matches!(local, Value::Int(_));
        let zone_min = known.then(|| zone.minutes(local));
        if zone_min != self.zone_min || !self.is_ready {
            self.make(zone_min);
        }
    }

    #[cold]
    #[inline(never)]
    fn make(&mut self, zone_min: Option<i64>) {
        let zone = zone_min.map(zone_text);
        let zone = zone.as_ref().and_then(|zone| std::str::from_utf8(zone).ok());
        let of = |log: &str, kind: &str, status: Option<i64>| {
            let mut fields = Constants::new().text(KIND, "event").json(CATEGORY, r#"["web"]"#);
            fields = fields.json(TYPE, &format!(r#"["{kind}"]"#));
            if let Some(status) = status {
                fields = fields.text(OUTCOME, outcome(status));
            }
            fields = fields.text(MODULE, self.module).text(DATASET, &format!("{}.{log}", self.module));
            if let Some(zone) = zone.filter(|_| self.access_zone || log == "error") {
                fields = fields.text(TIMEZONE, zone);
            }
            fields.text(SERVICE, self.module)
        };
        let access =
            [of("access", "access", None), of("access", "access", Some(200)), of("access", "access", Some(400))];
        (self.error, self.info) = (of("error", "error", None), of("error", "info", None));
        [self.access, self.success, self.failure] = access;
        (self.zone_min, self.is_ready) = (zone_min, true);
    }
}
