//! One dead letter, as whoever looks at it needs it.

use std::{fmt, path::PathBuf};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use collector_model::{DeadLetter, Envelope, LineFlags};
use serde_json::{Value, json};

/// Characters of a line that the list shows.
const BEGINNING_CHARS: usize = 160;

/// A letter, and where it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// The letter.
    pub letter: DeadLetter,
    /// Where it is kept.
    pub place: Place,
    /// Whether the end of the line is missing.
    pub is_cut: bool,
}

/// Where a letter is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In Kafka.
    #[cfg_attr(not(feature = "fleet"), allow(dead_code))]
    Partition {
        /// The partition of the dead-letter topic.
        partition: i32,
        /// The offset.
        offset: u64,
    },
    /// In a file of the state directory.
    File {
        /// The file.
        path: PathBuf,
        /// The record's first byte.
        offset: u64,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Partition { partition, offset } => write!(f, "partition {partition}, offset {offset}"),
            Place::File { path, offset } => write!(f, "{}, byte {offset}", path.display()),
        }
    }
}

impl Letter {
    /// What its key says; none where this version cannot read it.
    pub fn envelope(&self) -> Option<Envelope<'_>> {
        Envelope::decode(&self.letter.key).ok()
    }

    /// The id of its line, as the list shows it.
    pub fn id(&self) -> String {
        self.envelope().map_or_else(|| "-".to_owned(), |envelope| format!("{}{}", envelope.id, envelope.fork))
    }

    /// When it was given up.
    pub fn time(&self) -> String {
        jiff::Timestamp::from_millisecond(self.letter.time_ms).map_or_else(|_| "-".to_owned(), |time| time.to_string())
    }

    /// The line on one line of text, its end left out where it is long.
    pub fn beginning(&self) -> String {
        let text = String::from_utf8_lossy(&self.letter.value);
        // Control characters could do anything to a terminal.
        let shown = text.chars().take(BEGINNING_CHARS);
        let mut beginning: String = shown.map(|c| if c.is_control() { ' ' } else { c }).collect();
        if text.chars().nth(BEGINNING_CHARS).is_some() {
            beginning.push('…');
        }
        beginning
    }

    /// Everything but the line, as JSON.
    pub fn json(&self) -> Value {
        let letter = &self.letter;
        let place = match &self.place {
            Place::Partition { partition, offset } => json!({"partition": partition, "offset": offset}),
            Place::File { path, offset } => json!({"file": path, "offset": offset}),
        };
        let origin = self.envelope().map(|envelope| {
            json!({
                "host": {"name": envelope.host_name, "ip": envelope.host_ip},
                "file": envelope.path,
                "offset": envelope.id.offset(),
                "day": envelope.id.day().to_string(),
                "read_time_ms": envelope.read_time_ms,
                "flags": flags(envelope.flags),
                "chain": envelope.chain,
            })
        });
        json!({
            "id": self.id(),
            "topic": letter.topic.as_str(),
            "time": self.time(),
            "error": {"type": letter.error_type, "reason": letter.error_reason},
            "stage": letter.stage.to_string(),
            "place": place,
            "origin": origin,
            "bytes": letter.value.len(),
            "cut": self.is_cut,
        })
    }

    /// The same with the beginning of the line.
    pub fn json_with_beginning(&self) -> Value {
        let mut json = self.json();
        json["line"] = json!(self.beginning());
        json
    }

    /// The same with all of the line.
    pub fn json_with_value(&self) -> Value {
        let mut json = self.json();
        json["value_base64"] = json!(STANDARD.encode(&self.letter.value));
        json["key_base64"] = json!(STANDARD.encode(&self.letter.key));
        if let Ok(text) = std::str::from_utf8(&self.letter.value) {
            json["value"] = json!(text);
        }
        json
    }
}

/// The names of the flags that are set.
pub fn flags(flags: LineFlags) -> Vec<&'static str> {
    let names = [
        (LineFlags::DOCUMENT, "document"),
        (LineFlags::CUT, "cut"),
        (LineFlags::UNFINISHED, "unfinished"),
        (LineFlags::BYPASSED, "bypassed"),
    ];
    names.into_iter().filter(|(flag, _)| flags.has(*flag)).map(|(_, name)| name).collect()
}
