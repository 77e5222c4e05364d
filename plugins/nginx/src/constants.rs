//! What is the same for all lines: the fields of the event itself.

use collector_plugin::time::{Zone, zone_text};
use collector_plugin::weblog::{CATEGORY, DATASET, KIND, MODULE, OUTCOME, SERVICE, TIMEZONE, TYPE, outcome};
use collector_plugin::{Constants, Event, Value};

/// The constant fields of each kind of line, for the zone of the last one.
#[derive(Default)]
pub(crate) struct EventFields {
    zone_min: Option<i64>,
    access: Constants,
    success: Constants,
    failure: Constants,
    error: Constants,
    is_ready: bool,
}

impl EventFields {
    /// Those of an access line with that status; a log format may have none.
    #[inline(always)]
    pub(crate) fn set_access(&mut self, status: Option<i64>, zone: Zone, event: &mut Event<'_>) {
        self.prepare(zone, event.input().value(1));
        event.constants(match status {
            Some(..400) => &mut self.success,
            Some(_) => &mut self.failure,
            None => &mut self.access,
        });
    }

    /// Those of an error line.
    pub(crate) fn set_error(&mut self, zone: Zone, event: &mut Event<'_>) {
        self.prepare(zone, event.input().value(1));
        event.constants(&mut self.error);
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
        let of = |dataset, kind, status: Option<i64>| {
            let mut fields = Constants::new().text(KIND, "event").json(CATEGORY, r#"["web"]"#).json(TYPE, kind);
            if let Some(status) = status {
                fields = fields.text(OUTCOME, outcome(status));
            }
            fields = fields.text(MODULE, "nginx").text(DATASET, dataset);
            if let Some(zone) = zone.as_ref().and_then(|zone| std::str::from_utf8(zone).ok()) {
                fields = fields.text(TIMEZONE, zone);
            }
            fields.text(SERVICE, "nginx")
        };
        self.access = of("nginx.access", r#"["access"]"#, None);
        self.success = of("nginx.access", r#"["access"]"#, Some(200));
        self.failure = of("nginx.access", r#"["access"]"#, Some(400));
        self.error = of("nginx.error", r#"["error"]"#, None);
        (self.zone_min, self.is_ready) = (zone_min, true);
    }
}
