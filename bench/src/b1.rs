//! B1: plugins, alone and in chains. `COLLECTOR_BENCH_ONLY=nginx` runs the rows whose name has that word.

use std::{collections::BTreeMap, fs, net::Ipv4Addr, path::PathBuf, sync::Arc};

use anyhow::Context;
use collector_model::Metrics;
use collector_plugin_host::{Limits, NativeOpen, PluginHost};
use serde_json::{Value, json};

use crate::{
    chain::{self, Link, Work, measure},
    clock::stay_on_this_core,
    figure::{Figure, is_wanted},
    lines, native,
    peers::{self, Lines},
};

const LINES: usize = 8_192;
/// Peers read the lines from a file that has them so many times.
const PEER_REPEATS: usize = 32;
/// Where something of the client's may stand.
const LINE_AND_URL: [&str; 4] = ["message", "url.original", "url.path", "url.query"];
/// Networks of the database of places.
const NETWORKS: u32 = 65_536;

/// Runs it.
pub(crate) fn run() -> anyhow::Result<Vec<Figure>> {
    let mut figures = vec![];
    // The peers have threads of their own: they run before this one is pinned to a core.
    let different = lines::nginx(LINES);
    let lines = Lines { different: &different, repeats: PEER_REPEATS, bytes_per_unit: 1e6 };
    let compared = is_wanted("nginx").then(|| peers::into_file(lines)).transpose()?;
    stay_on_this_core();
    let host = PluginHost::new(Limits::default(), None, None, Metrics::default())?;
    let places = Places::write()?;
    for work in works(&places).iter().filter(|work| is_wanted(work.name)) {
        let mut figure = measure(&host, work)?;
        if let (Some(compared), true) = (&compared, work.name.starts_with("nginx,")) {
            compared.put_into(&mut figure);
        }
        figures.push(figure);
    }
    Ok(figures)
}

fn works(places: &Places) -> Vec<Work> {
    let bare = || nginx(json!({ "event_fields": false }));
    let work = |name, chain, lines| Work { id: "B1", name, chain, lines, keep_original: false };
    let mut works = vec![
        work("nginx, the request's fields alone", vec![bare()], lines::nginx(LINES)),
        work("nginx, as it comes", vec![nginx(Value::Null)], lines::nginx(LINES)),
        work("json", vec![Link::new("json", Value::Null, native::twin::<plugin_json::Plugin>())], lines::json(LINES)),
        work(
            "logfmt",
            vec![Link::new("logfmt", Value::Null, native::twin::<plugin_logfmt::Plugin>())],
            lines::logfmt(LINES),
        ),
        work(
            "logfmt, its msg as the message",
            vec![Link::new(
                "logfmt",
                json!({ "rename": { "msg": "message" } }),
                native::twin::<plugin_logfmt::Plugin>(),
            )],
            lines::logfmt(LINES),
        ),
        work(
            "logfmt with names of ECS and a time",
            vec![Link::new("logfmt", json!({ "ecs": true }), native::twin::<plugin_logfmt::Plugin>())],
            lines::logfmt(LINES),
        ),
        work(
            "nginx + redact of the address",
            vec![bare(), redact(&["source.ip"], "ip", "0.0.0.0")],
            lines::nginx(LINES),
        ),
        work(
            "nginx + redact of the line and the URL",
            vec![bare(), redact(&LINE_AND_URL, "email", "x")],
            lines::nginx(LINES),
        ),
        work("nginx + geoip", vec![bare(), places.link()], lines::nginx(LINES)),
    ];
    if chain::plugins().join("keyvalue.wasm").exists() {
        let python = Link { name: "keyvalue", config: Value::Null, assets: BTreeMap::new(), twin: None };
        works.push(work("keyvalue, in Python", vec![python], lines::key_value(LINES)));
    }
    works
}

fn nginx(config: Value) -> Link {
    Link::new("nginx", config, native::twin::<plugin_nginx::Plugin>())
}

fn redact(fields: &[&str], pattern: &str, replacement: &str) -> Link {
    let config = json!({ "fields": fields, "patterns": [pattern], "replacement": replacement });
    Link::new("redact", config, native::twin::<plugin_redact::Plugin>())
}

/// A database of places in a file; removed when dropped.
struct Places {
    file: PathBuf,
    bytes: Vec<u8>,
}

impl Places {
    /// Half of all addresses have a country and a city; every network of 16 bits has its own.
    fn write() -> anyhow::Result<Self> {
        let records: Vec<Value> = (0..NETWORKS).step_by(2).map(record).collect();
        let networks = records.iter().zip((0..NETWORKS).step_by(2));
        let networks = networks.map(|(record, number)| (Ipv4Addr::from(number << 16), 16, record));
        let bytes = plugin_geoip::write::database(networks);
        let file = std::env::temp_dir().join(format!("collector-bench-{}.mmdb", std::process::id()));
        fs::write(&file, &bytes).with_context(|| format!("writing the database of places to {}", file.display()))?;
        Ok(Places { file, bytes })
    }

    fn link(&self) -> Link {
        let (bytes, open) = (self.bytes.clone(), native::twin::<plugin_geoip::Plugin>());
        let twin: NativeOpen = Arc::new(move |config| {
            collector_plugin::host::with_assets([("geoip".to_owned(), bytes.clone())], || open(config))
        });
        let assets = BTreeMap::from([("geoip".to_owned(), self.file.clone())]);
        Link { name: "geoip", config: json!({ "fields": ["source.ip"] }), assets, twin: Some(twin) }
    }
}

fn record(number: u32) -> Value {
    json!({
        "continent": { "code": "EU", "names": { "en": "Europe" } },
        "country": { "iso_code": "DE", "names": { "en": "Germany" } },
        "subdivisions": [{ "iso_code": "BE", "names": { "en": "Land Berlin" } }],
        "city": { "names": { "en": format!("City {number}") } },
        "location": { "latitude": 52.5, "longitude": 13.4 },
    })
}

impl Drop for Places {
    fn drop(&mut self) {
        // A file left in the folder for temporary files does no harm.
        let _ = fs::remove_file(&self.file);
    }
}
