//! rsyslog: imfile or imkafka, mmnormalize, and omfile, omelasticsearch or omkafka.

use std::{fs, process::Command};

use super::{Destination, FEW_FILES, PRODUCER, Peer, Source, Work, descriptors_max, on_path, words_of};

/// The fields of a line, for mmnormalize.
const RULES: &str = r#"version=2
rule=:%client:word% %ident:word% %user:word% [%time:char-to:]%] "%method:word% %url:word% HTTP/%version:char-to:"%" %status:number% %bytes:number% "%referrer:char-to:"%" "%agent:char-to:"%"
"#;

/// The one of this machine.
pub(super) fn find() -> Option<Peer> {
    let program = on_path("rsyslogd")?;
    let version = words_of(Command::new(&program).arg("-v"));
    let number = version.get(1).map_or("of an unknown version", |number| number.trim_end_matches(','));
    let name = format!("rsyslog {number}");
    let command = move |work: &Work<'_>| {
        let file = work.home.join("rsyslog.conf");
        fs::write(work.home.join("rules"), RULES)?;
        fs::write(&file, settings(work))?;
        let mut command = Command::new(&program);
        command.args(["-n", "-i", "NONE", "-f"]).arg(file);
        Ok(command)
    };
    Some(Peer { name, command: Box::new(command), check: "-N1" })
}

/// One queue in memory stands between reading and the rest; many lines are taken from it at once, so that a write or a request has many.
/// Who reads waits for room in it as long as it takes: nothing is dropped.
const READ: &str = r#"
global(workDirectory="{home}")
{input}
ruleset(name="nginx" queue.type="linkedList" queue.size="100000" queue.dequeueBatchSize="4096"
        queue.timeoutEnqueue="600000") {
  call out
}
"#;

const FROM_FILES: &str = r#"
module(load="imfile" mode="inotify")
input(type="imfile" File="{folder}/*.log" Tag="nginx" ruleset="nginx" addMetadata="off")
"#;

const FROM_KAFKA: &str = r#"
module(load="imkafka")
input(type="imkafka" broker=["{broker}"] topic="{topic}" consumergroup="{topic}-rsyslog" ruleset="nginx"
      confParam=["auto.offset.reset=earliest"])
"#;

const INTO_FILE: &str = r#"
module(load="mmnormalize")
template(name="json" type="list") { property(name="$!all-json-plain") constant(value="\n") }
ruleset(name="out") {
  action(type="mmnormalize" rulebase="{home}/rules" useRawMsg="{raw}")
  action(type="omfile" file="{file}" template="json" ioBufferSize="256k" asyncWriting="off")
}
"#;

const INTO_REQUESTS: &str = r#"
module(load="mmnormalize")
module(load="omelasticsearch")
template(name="json" type="list") { property(name="$!all-json-plain") }
ruleset(name="out") {
  action(type="mmnormalize" rulebase="{home}/rules" useRawMsg="{raw}")
  action(type="omelasticsearch" server="http://{address}" esVersion.major="8" searchIndex="bench" template="json"
         bulkmode="on" maxbytes="10m" action.resumeRetryCount="-1" action.resumeInterval="1")
}
"#;

const INTO_KAFKA: &str = r#"
module(load="omkafka")
template(name="line" type="list") { property(name="msg") }
ruleset(name="out") {
  action(type="omkafka" broker=["{broker}"] topic="{topic}" template="line" partitions.auto="on" confParam=[{producer}]
         resubmitOnFailure="on" keepFailedMessages="on" failedMsgFile="{home}/failed"
         action.resumeRetryCount="-1" action.resumeInterval="1")
}
"#;

fn settings(work: &Work<'_>) -> String {
    let out = match work.destination {
        Destination::File(path) => INTO_FILE.replace("{file}", &path.to_string_lossy()),
        Destination::Bulk(address) => INTO_REQUESTS.replace("{address}", address),
        Destination::Kafka { broker, topic } => {
            let producer = PRODUCER.map(|(name, value)| format!("\"{name}={value}\"")).join(",");
            INTO_KAFKA.replace("{broker}", broker).replace("{topic}", topic).replace("{producer}", &producer)
        }
    };
    let (input, is_raw) = match work.source {
        Source::Files { folder, count } => {
            (many(count) + &FROM_FILES.replace("{folder}", &folder.to_string_lossy()), "off")
        }
        // What comes from Kafka is taken for syslog, and parsed as such: the line as it came is kept beside.
        Source::Topic { broker, topic } => (FROM_KAFKA.replace("{broker}", broker).replace("{topic}", topic), "on"),
    };
    let home = work.home.to_string_lossy();
    (out + READ).replace("{input}", &input).replace("{raw}", is_raw).replace("{home}", &home)
}

/// It keeps every file open, with two descriptors for each.
fn many(count: usize) -> String {
    let descriptors = (4 * count).min(descriptors_max());
    if count > FEW_FILES { format!("$MaxOpenFiles {descriptors}\n") } else { String::new() }
}
