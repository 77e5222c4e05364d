//! Records that Kafka refuses for good, on their way to the dead letters.

use std::sync::{Arc, mpsc};

use anyhow::Context as _;
use bytes::Bytes;
use collector_kafka::Undeliverable;
use collector_model::{
    DeadLetter, DeadLetters, Stage, envelope,
    envelope::many::{Many, Packed},
};

use super::dead::now_ms;

/// Starts the thread that buries them: they are told of by the thread that gets the answers of Kafka, which must not wait for others.
pub fn bury_refused(dead: Arc<dyn DeadLetters>) -> anyhow::Result<mpsc::Sender<Undeliverable>> {
    let (refused, inbox) = mpsc::channel::<Undeliverable>();
    let bury = move || {
        for refused in inbox {
            tracing::error!(
                topic = %refused.topic, reason = refused.reason, bytes = refused.value.len(),
                "Kafka refuses a record; its lines go to the dead letters"
            );
            let letters = letters_of(&refused);
            dead.bury(letters, refused.ticket);
        }
    };
    std::thread::Builder::new().name("refused".into()).spawn(bury).context("starting a thread for refused records")?;
    Ok(refused)
}

/// A letter for each line.
fn letters_of(refused: &Undeliverable) -> Vec<DeadLetter> {
    let value = Bytes::copy_from_slice(&refused.value);
    let letter = |key: Vec<u8>, value: Bytes| DeadLetter {
        topic: refused.topic.clone(),
        key,
        value,
        error_type: "record_refused".to_owned(),
        error_reason: refused.reason.clone(),
        stage: Stage::Agent,
        time_ms: now_ms(),
    };
    let many = Many::decode(&refused.key).ok();
    let lines: Option<Vec<Packed>> = many.as_ref().and_then(|many| many.unpack(&value).collect::<Result<_, _>>().ok());
    match many.zip(lines) {
        None => vec![letter(refused.key.clone(), value)],
        Some((many, lines)) => {
            let one = |line: &Packed| {
                let mut key = vec![];
                envelope::encode(&line.id, &line.fork, line.flags, &many.origin, &mut key);
                letter(key, value.slice(line.span.clone()))
            };
            lines.iter().map(one).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use collector_model::{
        BucketDay, Envelope, EventId, FileUid, ForkPath, LineFlags, Origin, Ticket, Topic, envelope::many::Packer,
    };

    use super::*;

    fn refused(key: &[u8], value: &[u8]) -> Undeliverable {
        let topic = Topic::new("web").unwrap();
        let reason = "invalid".to_owned();
        Undeliverable { topic, key: key.to_vec(), value: value.to_vec(), reason, ticket: Ticket::untracked() }
    }

    #[test]
    fn a_record_of_many_lines_makes_a_letter_of_each() {
        let value = b"one\ntwo\n";
        let line = |span: std::ops::Range<usize>| {
            let id = EventId::ours(BucketDay::from_unix_ms(0), FileUid(1), span.start as u64, &value[span.clone()]);
            Packed { span, id, fork: ForkPath::NONE, flags: LineFlags::default() }
        };
        let mut packer = Packer::default();
        packer.begin(value, &line(0..3), &Origin { path: "/x".into(), ..Origin::default() });
        assert!(packer.push(value, &line(4..7), 1 << 20));
        let letters = letters_of(&refused(packer.finish(value).0, value));
        assert_eq!(letters.iter().map(|letter| &*letter.value).collect::<Vec<_>>(), [b"one", b"two"]);
        let second = Envelope::decode(&letters[1].key).unwrap();
        assert_eq!((second.id, second.path), (line(4..7).id, "/x"));
    }

    #[test]
    fn a_record_of_one_line_keeps_its_key() {
        let letters = letters_of(&refused(b"LC any", b"one\ntwo\n"));
        assert_eq!(letters.len(), 1);
        assert_eq!((letters[0].key.as_slice(), &*letters[0].value), (b"LC any".as_slice(), b"one\ntwo\n".as_slice()));
    }
}
