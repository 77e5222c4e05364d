//! What every role has.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use collector_tasks::{Bounds, Defaults, explain, pattern};

use super::{Form, Limits, address, limits, meaning::Meaning};
use crate::logging::LogFormat;

/// What every role has.
#[derive(Clone, Debug)]
pub struct Common {
    /// Where this process keeps what it must remember.
    pub state_dir: PathBuf,
    /// Where pages, API, metrics and health are served.
    pub http_listen: SocketAddr,
    /// Who this host is.
    pub host: HostIdentity,
    /// What the control plane may ask for.
    pub bounds: Bounds,
    /// What holds where a task is silent.
    pub defaults: Defaults,
    /// Limits.
    pub limits: Limits,
    /// The log.
    pub log: LogSettings,
    /// What is to be said once at the start.
    pub notes: Vec<String>,
}

/// Who this host is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostIdentity {
    /// The name in documents.
    pub name: String,
    /// The address in documents and in the key of this host's tasks.
    pub ip: IpAddr,
    /// Groups whose tasks this host takes too.
    pub groups: Vec<String>,
}

/// The log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSettings {
    /// Lines for people or for machines.
    pub format: LogFormat,
    /// A level, or a filter as `RUST_LOG` takes it.
    pub level: String,
}

/// Where pages, API, metrics and health are served where nothing is set.
const LISTEN: &str = "127.0.0.1:8686";
/// What may be collected where nothing is set.
const ALLOWED_PATHS: &str = "/var/log/**";

pub(crate) fn meaning(m: &mut Meaning<'_>) -> Option<Common> {
    let low = &m.written.low;
    let mut notes = m.written.notes.clone();
    let listen = low.http.as_ref().and_then(|http| http.listen.as_deref()).unwrap_or(LISTEN);
    let http_listen = m.take("http.listen", address::listen(listen));
    let host = host(m, &mut notes);
    let limits = limits::meaning(m);
    let log = log(m);
    let bounds = bounds(m, &mut notes);
    let (host, limits) = (host?, limits?);
    let mut defaults = match m.written.form {
        Form::Toml => Defaults::modern(m.written.machine.working_dir.clone()),
        Form::Ini => Defaults::seed(m.written.machine.working_dir.clone()),
    };
    defaults.line_bytes_max = limits.line_bytes_max;
    Some(Common {
        state_dir: state_dir(m),
        http_listen: http_listen?,
        host,
        bounds: bounds?,
        defaults,
        limits,
        log: log?,
        notes,
    })
}

fn state_dir(m: &Meaning<'_>) -> PathBuf {
    let low = m.written.low.state.as_ref().and_then(|state| state.dir.as_deref());
    let argument = m.written.state_dir.clone();
    argument.or_else(|| low.map(|dir| m.path(dir))).unwrap_or_else(|| m.written.machine.default_state_dir())
}

fn host(m: &mut Meaning<'_>, notes: &mut Vec<String>) -> Option<HostIdentity> {
    let low = m.written.low.host.clone().unwrap_or_default();
    let ip = match low.ip {
        Some(text) => {
            let parsed = text.trim().parse::<IpAddr>();
            let trouble = |_| (format!("{text:?} is not an address"), "write one such as \"192.168.1.5\"".to_owned());
            m.take("host.ip", parsed.map_err(trouble))
        }
        None => m.written.machine.address.or_else(|| {
            notes.push(
                "this host has no route to a network: its address is taken to be 127.0.0.1; [host] ip sets another"
                    .into(),
            );
            Some(IpAddr::V4(Ipv4Addr::LOCALHOST))
        }),
    };
    let name = low.name.filter(|name| !name.is_empty()).unwrap_or_else(|| m.written.machine.name.clone());
    let groups = m.list("host.groups", &low.groups.unwrap_or_default(), |group| {
        let legal = !group.is_empty() && !group.contains(['/', '%']);
        let trouble = || (format!("{group:?} cannot be a group"), "write a name without '/' and '%'".to_owned());
        legal.then(|| group.to_owned()).ok_or_else(trouble)
    });
    Some(HostIdentity { name, ip: ip?, groups: groups? })
}

fn bounds(m: &mut Meaning<'_>, notes: &mut Vec<String>) -> Option<Bounds> {
    let low = &m.written.low;
    let plugin_dirs = match &low.plugin_dirs {
        Some(dirs) => dirs.iter().map(|dir| m.path(dir)).collect(),
        None => m.written.machine.default_plugin_dirs(m.beside()),
    };
    let allowed_paths = match (&low.allowed_paths, m.written.form) {
        (Some(globs), _) => Some(m.list("allowed_paths", globs, allowed_path)?),
        (None, Form::Toml) => Some(vec![ALLOWED_PATHS.to_owned()]),
        (None, Form::Ini) => {
            notes.push("settings in INI form: every path may be collected, as it was there; allowed_paths in TOML settings limits it".into());
            None
        }
    };
    Some(Bounds { allowed_paths, plugin_dirs: plugin_dirs_without_repeats(plugin_dirs) })
}

fn plugin_dirs_without_repeats(dirs: Vec<PathBuf>) -> Vec<PathBuf> {
    // `./plugins` and `plugins` are the same directory: components forget the dot.
    let mut tidy: Vec<PathBuf> = Vec::with_capacity(dirs.len());
    for dir in dirs {
        let dir: PathBuf = dir.components().filter(|part| !matches!(part, std::path::Component::CurDir)).collect();
        if !tidy.contains(&dir) {
            tidy.push(dir);
        }
    }
    tidy
}

fn allowed_path(glob: &str) -> Result<String, address::Trouble> {
    if let Err(error) = pattern::compile(glob) {
        let fix = "close its brackets and braces; ** crosses directories";
        return Err((format!("{glob:?} is not a glob: {}", error.kind()), fix.into()));
    }
    if !glob.starts_with('/') && !cfg!(windows) {
        return Err((format!("{glob:?} is not absolute"), format!("write \"/{glob}\", or the whole path")));
    }
    if glob.ends_with('/') {
        return Err((format!("{glob:?} matches no file"), format!("write \"{glob}**\" for everything below it")));
    }
    Ok(glob.to_owned())
}

fn log(m: &mut Meaning<'_>) -> Option<LogSettings> {
    let low = m.written.low.log.clone().unwrap_or_default();
    let format = match low.format.as_deref() {
        None | Some("text") => Some(LogFormat::Text),
        Some("json") => Some(LogFormat::Json),
        Some(other) => {
            m.complain(
                "log.format",
                format!("{other:?} is not a form"),
                explain::did_you_mean(other, &["text", "json"]),
            );
            None
        }
    };
    let level = low.level.unwrap_or_else(|| "info".to_owned());
    let words = ["off", "error", "warn", "info", "debug", "trace"];
    let filter = level.contains(['=', ',']) && tracing_subscriber::EnvFilter::try_new(&level).is_ok();
    if !filter && !words.contains(&level.to_lowercase().as_str()) {
        m.complain("log.level", format!("{level:?} is not a level"), explain::did_you_mean(&level, &words));
        return None;
    }
    Some(LogSettings { format: format?, level })
}
