//! B6: Kafka to the nginx plugin to bulk requests, by the CPU time of the transfer.

use crate::{
    b3::{self, LOAD, Load},
    bulk_server::{BulkServer, Taken},
    clock::machine,
    figure::Figure,
    program::{Home, Program},
    servers,
};

/// Both forms.
pub(crate) fn run() -> anyhow::Result<Vec<Figure>> {
    [("line", "Kafka, line form, to the nginx plugin to bulk requests"), ("batch", "the same, batch form")]
        .into_iter()
        .map(|(form, name)| figure(name, Load { form, ..LOAD }))
        .collect()
}

fn figure(name: &str, load: Load) -> anyhow::Result<Figure> {
    let (home, topic, bulk) = (Home::new("B6")?, servers::unique(load.form), BulkServer::start()?);
    b3::send(&home, std::slice::from_ref(&topic), load)?;
    // One more came before the topic was there.
    let lines = (65_536 * load.repeats) as u64 + 1;
    let (mut transfer, first, cpu) = begin(&home, &topic, &bulk)?;
    transfer.until("every document is there", |_| Ok(bulk.taken()?.documents >= lines))?;
    let (last, cpu) = (bulk.taken()?, transfer.cpu()? - cpu);
    let documents = (last.documents - first.documents) as f64;
    let notes = vec![
        machine(),
        format!(
            "{lines} nginx lines of 222 bytes in {} partitions; the server checks each id and that each document is JSON, in a process of its own",
            load.partitions
        ),
        format!(
            "{:.0} bytes a document in the requests, {} conflicts, {:.0} MiB peak RSS",
            last.bytes as f64 / last.documents as f64,
            last.conflicts,
            transfer.rss_peak_mib()?
        ),
        "CPU time: user and system of the transfer's whole process, from its first documents to its last".to_owned(),
    ];
    Ok(Figure {
        id: "B6",
        name: name.to_owned(),
        value: 2.0 * documents / cpu,
        unit: "documents/s with 2 cores of the transfer",
        twin: None,
        peers: Default::default(),
        notes,
    })
}

/// Starts a transfer, and waits for its first documents: then its plugin is compiled, and its partitions are assigned.
fn begin(home: &Home, topic: &str, bulk: &BulkServer) -> anyhow::Result<(Program, Taken, f64)> {
    let prefix = format!("/{topic}/rules/");
    let (etcd, kafka, address) = (servers::etcd()?, servers::kafka()?, &bulk.address);
    let rule = r#"{"plugins":[{"path":"nginx","config":{"event_fields":false}}],"keep_original":false}"#;
    servers::put(&etcd, &format!("{prefix}{topic}"), rule)?;
    let plugins = plugins();
    let settings = format!(
        "plugin_dirs = [{plugins:?}]\n[etcd]\nendpoints = [{etcd:?}]\ntransfer_prefix = {prefix:?}\n\
         [kafka]\nbrokers = [{kafka:?}]\ngroup = {topic:?}\n[elasticsearch]\nnodes = [\"http://{address}\"]\n"
    );
    let mut transfer = Program::start("transfer", &home.join("transfer"), &settings)?;
    transfer.until("documents come", |_| Ok(bulk.taken()?.documents > 0))?;
    let cpu = transfer.cpu()?;
    Ok((transfer, bulk.taken()?, cpu))
}

/// Where the compiled plugins are.
pub(crate) fn plugins() -> std::path::PathBuf {
    let plugins: std::path::PathBuf =
        std::env::var_os("COLLECTOR_BENCH_PLUGINS").map_or_else(|| "target/plugins".into(), Into::into);
    // A relative one would be relative to the settings that name it.
    std::path::absolute(&plugins).unwrap_or(plugins)
}
