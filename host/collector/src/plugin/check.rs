//! `collector plugin check`: what a file is, or in a sentence why it is refused.

use std::{
    fmt,
    io::{self, Write as _},
};

use anyhow::Context as _;
use collector_plugin_host::Description;

use super::{
    CheckArgs,
    opening::{self, Opened},
};

/// Checks every file; false if one was refused.
pub fn check(args: &CheckArgs) -> anyhow::Result<bool> {
    let dirs = opening::plugin_dirs()?;
    let host = opening::trial_host(Default::default(), None)?;
    let mut all_fine = true;
    for file in &args.files {
        match opening::open(&host, &args.opening, file, &dirs) {
            Ok(opened) => {
                print(&format!("{}\n{}", opening::shown(&opened.spec.path).display(), report(&opened)))?;
            }
            Err(refused) => {
                all_fine = false;
                print(&format!("{}\n  refused   {}\n", file.display(), refused.problem))?;
            }
        }
    }
    Ok(all_fine)
}

/// Writes to standard output.
pub fn print(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).context("writing to standard output")
}

/// What a plugin is and how it was opened, for people.
pub fn report(opened: &Opened) -> String {
    let note = match opened.note.as_str() {
        "" => String::new(),
        note => format!("  note      {note}\n"),
    };
    format!("{}{note}", Report(&opened.description))
}

/// The same in a few words.
pub fn summary(opened: &Opened) -> String {
    let Description { abi, bytes, samples: packed, .. } = &opened.description;
    let note = if opened.note.is_empty() { String::new() } else { format!("; {}", opened.note) };
    format!("a plugin of {} KiB, ABI {abi}, samples: {}{note}", bytes.div_ceil(1024), samples(packed.as_deref()))
}

/// What a plugin is, for people.
struct Report<'a>(&'a Description);

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Description { manifest, .. } = self.0;
        let kind = if self.0.is_component { "a component" } else { "a core module with its component type" };
        writeln!(f, "  is        a plugin: {kind}, ABI {}, {} KiB", self.0.abi, self.0.bytes.div_ceil(1024))?;
        writeln!(f, "  sha256    {}", self.0.sha256)?;
        writeln!(f, "  imports   {}", listed(&self.0.imports))?;
        writeln!(f, "  exports   {}", listed(&self.0.exports))?;
        writeln!(f, "  reads     {}", listed(&manifest.reads))?;
        writeln!(f, "  writes    {}", listed(&manifest.writes))?;
        writeln!(f, "  forks     {}", if manifest.forks { "yes: a line may become several events" } else { "no" })?;
        let required = if manifest.required { "yes: what it cannot treat goes to the dead letters" } else { "no" };
        writeln!(f, "  required  {required}")?;
        writeln!(f, "  samples   {}", samples(self.0.samples.as_deref()))
    }
}

fn samples(packed: Option<&str>) -> String {
    let count =
        packed.and_then(|json| serde_json::from_str::<Vec<serde_json::Value>>(json).ok()).map_or(0, |all| all.len());
    match count {
        0 => "none: pack some, so that a collector can try a new version before it takes it".to_owned(),
        1 => "1, which holds".to_owned(),
        count => format!("{count}, all of which hold"),
    }
}

/// Names, over as many lines as they need.
fn listed(names: &[String]) -> String {
    const WIDTH: usize = 110;
    if names.is_empty() {
        return "nothing".to_owned();
    }
    let (mut text, mut width) = (String::new(), 0);
    for name in names {
        if width > 0 && width + name.len() > WIDTH {
            text.push_str("\n            ");
            width = 0;
        } else if width > 0 {
            text.push(' ');
        }
        text.push_str(name);
        width += name.len() + 1;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugin_is_described_in_words() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let description = Description {
            path: "p.wasm".into(),
            bytes: 2049,
            sha256: "ab".into(),
            is_component: false,
            abi: "0.1.0",
            imports: vec![],
            exports: names(&["collector:plugin/transform@0.1.0"]),
            manifest: collector_plugin_host::Manifest {
                reads: names(&["message"]),
                writes: (0..20).map(|n| format!("field.number{n}")).collect(),
                forks: false,
                required: true,
            },
            samples: Some("[{},{}]".to_owned()),
        };
        insta::assert_snapshot!(Report(&description), @"
        is        a plugin: a core module with its component type, ABI 0.1.0, 3 KiB
        sha256    ab
        imports   nothing
        exports   collector:plugin/transform@0.1.0
        reads     message
        writes    field.number0 field.number1 field.number2 field.number3 field.number4 field.number5 field.number6
                  field.number7 field.number8 field.number9 field.number10 field.number11 field.number12 field.number13
                  field.number14 field.number15 field.number16 field.number17 field.number18 field.number19
        forks     no
        required  yes: what it cannot treat goes to the dead letters
        samples   2, all of which hold
        ");
    }
}
