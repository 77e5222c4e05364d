//! B2: grok, whose patterns are regular expressions from an operator.

use std::fmt::Write as _;

use collector_model::Metrics;
use collector_plugin_host::{Limits, PluginHost};
use serde_json::json;

use crate::{
    chain::{Link, Work, measure},
    clock::stay_on_this_core,
    figure::Figure,
    lines, native,
};

const LINES: usize = 8_192;

/// Runs it.
pub(crate) fn run() -> anyhow::Result<Vec<Figure>> {
    stay_on_this_core();
    let host = PluginHost::new(Limits::default(), None, None, Metrics::default())?;
    works().iter().map(|work| measure(&host, work)).collect()
}

fn works() -> [Work; 3] {
    let work = |name, pattern: &str, lines| {
        let link = Link::new("grok", json!({ "patterns": [pattern] }), native::twin::<plugin_grok::Plugin>());
        Work { id: "B2", name, chain: vec![link], lines, keep_original: false }
    };
    [
        work("grok, an access log, found step by step", "%{HTTPD_COMBINEDLOG}", lines::nginx(LINES)),
        work("grok, syslog, found step by step", "%{SYSLOGLINE}", syslog()),
        // A repetition around groups leaves the general engine alone.
        work("grok, an access log, the general engine alone", "(?:%{HTTPD_COMBINEDLOG}){1,2}", lines::nginx(LINES)),
    ]
}

/// As sshd writes them.
fn syslog() -> Vec<String> {
    let mut line = String::new();
    let one = |number: usize| {
        line.clear();
        // Writing into a String cannot fail.
        let _ = write!(
            line,
            "Jun 12 14:{:02}:{:02} host-{} sshd[{}]: Accepted publickey for user{} from 10.0.{}.{} port {} ssh2",
            number / 60 % 60,
            number % 60,
            number % 20,
            number * 7 % 60_000 + 1,
            number % 50,
            number % 256,
            number % 200,
            1_024 + number * 13 % 60_000,
        );
        line.clone()
    };
    (0..LINES).map(one).collect()
}
