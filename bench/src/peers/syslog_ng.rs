//! syslog-ng: wildcard-file, csv-parser, and file, http (as its elasticsearch-http does) or kafka-c.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::bail;

use super::{Destination, PRODUCER, Peer, Source, Work, on_path, words_of};

/// Where it is unpacked, if it is not installed: its `usr` and `lib` are in that folder.
const ROOT: &str = "COLLECTOR_BENCH_SYSLOG_NG";

/// The one that was unpacked, or the one of this machine.
pub(super) fn find() -> Option<Peer> {
    let root = std::env::var_os(ROOT).map(PathBuf::from);
    let program = root.as_ref().map(|root| root.join("usr/sbin/syslog-ng")).or_else(|| on_path("syslog-ng"))?;
    let start = move || {
        let mut command = Command::new(&program);
        if let Some(root) = &root {
            relocate(&mut command, root);
        }
        command
    };
    let version = words_of(start().arg("--version"));
    let number = version.get(2).map_or("of an unknown version", |number| number.trim_matches(['(', ')']));
    let name = format!("syslog-ng {number}");
    let command = move |work: &Work<'_>| {
        let file = work.home.join("syslog-ng.conf");
        fs::write(&file, settings(work)?)?;
        let mut command = start();
        command.args(["--foreground", "--no-caps", "--cfgfile"]).arg(file);
        for (option, name) in [("--persist-file", "persist"), ("--control", "control"), ("--pidfile", "pid")] {
            command.arg(option).arg(work.home.join(name));
        }
        Ok(command)
    };
    Some(Peer { name, command: Box::new(command), check: "--syntax-only" })
}

/// Its libraries and its modules are in a folder.
fn relocate(command: &mut Command, root: &Path) {
    let libraries = root.join("usr/lib");
    let inside = |folder: &Path| {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
        entries.filter(|path| path.is_dir()).collect::<Vec<_>>()
    };
    // Beside its own: the folder of this machine's kind of processor, here and in `lib`.
    let all = [inside(&libraries), inside(&root.join("lib"))].concat();
    // A path that cannot be joined holds a colon; then the program says which library it misses.
    command.env("LD_LIBRARY_PATH", std::env::join_paths(all).unwrap_or_default());
    // The modules of its one version.
    if let [modules] = inside(&libraries.join("syslog-ng")).as_slice() {
        command.arg("--module-path").arg(modules);
    }
}

/// A window that lets through what is read at once, as its documentation asks for; destinations have room for it.
const READ: &str = r#"@version: 3.38
options { stats-freq(0); };
source lines {
  wildcard-file(base-dir("{input}") filename-pattern("*.log") monitor-method("inotify") flags(no-parse) max-files({files})
    log-fetch-limit(10000) log-iw-size(1000000));
};
"#;

/// Columns of the line, then those of the request in it.
const PARSE: &str = r#"
parser fields {
  csv-parser(columns("client", "ident", "user", "time", "request", "status", "bytes", "referrer", "agent")
    delimiters(" ") quote-pairs('""[]'));
  csv-parser(columns("method", "url", "version") template("${request}") delimiters(" "));
};
template json {
  template("$(format-json --scope none client=${client} ident=${ident} user=${user} time=${time} method=${method} url=${url} version=${version} status=${status} bytes=${bytes} referrer=${referrer} agent=${agent})\n");
};
template action {
  template("{\"index\":{\"_index\":\"bench\"}}\n$(template json)");
};
log { source(lines); parser(fields); destination(out); flags(flow-control); };
"#;

const INTO_FILE: &str = r#"
destination out {
  file("{file}" template(json) flush-lines(1000) log-fifo-size(1000000));
};
"#;

const INTO_REQUESTS: &str = r#"
destination out {
  http(url("http://{address}/_bulk") method("POST") headers("Content-Type: application/x-ndjson") body("$(template action)") delimiter("")
    batch-lines(4096) batch-bytes(10485760) batch-timeout(100) log-fifo-size(1000000));
};
"#;

const INTO_KAFKA: &str = r#"
destination out {
  kafka-c(bootstrap-servers("{broker}") topic("{topic}") message("${MESSAGE}") config({producer}) log-fifo-size(1000000));
};
log { source(lines); destination(out); flags(flow-control); };
"#;

fn settings(work: &Work<'_>) -> anyhow::Result<String> {
    let Source::Files { folder, count } = work.source else { bail!("it has no source for Kafka") };
    let out = match work.destination {
        Destination::File(path) => PARSE.to_owned() + &INTO_FILE.replace("{file}", &path.to_string_lossy()),
        Destination::Bulk(address) => PARSE.to_owned() + &INTO_REQUESTS.replace("{address}", address),
        Destination::Kafka { broker, topic } => {
            let producer = PRODUCER.map(|(name, value)| format!("{name}({value:?})")).join(" ");
            INTO_KAFKA.replace("{broker}", broker).replace("{topic}", topic).replace("{producer}", &producer)
        }
    };
    Ok(READ.replace("{input}", &folder.to_string_lossy()).replace("{files}", &count.to_string()) + &out)
}
