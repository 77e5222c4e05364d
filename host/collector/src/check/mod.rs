//! `collector check`: everything that is wrong with settings, tasks and plugins, and with what they need, each with its place and what
//! to do about it.

mod local;
mod probe;
mod report;
mod servers;
mod tasks;
mod volumes;

use std::io::Write;

use collector_tasks::{Bounds, Defaults, TaskSet};

pub use probe::{Connected, Probe};
pub use report::{Report, Severity};

use crate::{
    cli::{CheckArgs, Role},
    settings::{AgentSettings, Common, Machine, Problems, StandaloneSettings, TaskSource, TransferSettings, Written},
};

/// Runs the check, prints what it found, and returns the exit code: 0 fine, 1 something that is needed cannot be reached or used, 2
/// settings, tasks or plugins are wrong.
pub fn run(args: &CheckArgs) -> u8 {
    let mut out = std::io::stdout().lock();
    let code = run_with(args, Machine::here(), &Connected, &mut out);
    // Whoever stops reading has read enough.
    let _ = out.flush();
    code
}

/// Runs the check on a given machine.
pub fn run_with(args: &CheckArgs, machine: Machine, probe: &dyn Probe, out: &mut dyn Write) -> u8 {
    let written = Written::read(&args.settings.request(), machine);
    let mut report = Report::default();
    report.note(match written.file() {
        Some(path) => format!("settings: {}", path.display()),
        None => "settings: none, the defaults hold".to_owned(),
    });
    let role = args.role.unwrap_or_else(|| suggested_role(&written));
    report.note(format!("role: {}", format!("{role:?}").to_lowercase()));
    match meaning(&written, role) {
        Ok(meaning) => check_meaning(&meaning, args, probe, &mut report),
        Err(Problems(problems)) => {
            written.notes().iter().for_each(|note| report.add(Severity::Hint, note.clone()));
            problems.iter().for_each(|problem| report.add(Severity::Wrong, problem.to_string()));
            // Tasks that are named can be looked at all the same.
            let (bounds, defaults) = (Bounds::open(Vec::new()), Defaults::modern("/".into()));
            let bounds = written.common().map_or((bounds, defaults), |common| (common.bounds, common.defaults));
            tasks::check_files(&args.tasks, &bounds.0, &bounds.1, &mut report);
        }
    }
    report.print(out);
    report.exit_code()
}

/// The settings of one role.
enum Meaning {
    Agent(Box<AgentSettings>),
    Transfer(Box<TransferSettings>),
    Standalone(Box<StandaloneSettings>),
    Console(Box<Common>),
}

impl Meaning {
    fn common(&self) -> &Common {
        match self {
            Meaning::Agent(settings) => &settings.common,
            Meaning::Transfer(settings) => &settings.common,
            Meaning::Standalone(settings) => &settings.common,
            Meaning::Console(common) => common,
        }
    }

    fn task_source(&self) -> Option<&TaskSource> {
        match self {
            Meaning::Agent(settings) => Some(&settings.tasks),
            Meaning::Standalone(settings) => Some(&settings.tasks),
            Meaning::Transfer(_) | Meaning::Console(_) => None,
        }
    }
}

fn meaning(written: &Written, role: Role) -> Result<Meaning, Problems> {
    Ok(match role {
        Role::Agent => Meaning::Agent(Box::new(written.agent()?)),
        Role::Transfer => Meaning::Transfer(Box::new(written.transfer()?)),
        Role::Standalone => Meaning::Standalone(Box::new(written.standalone()?)),
        Role::Console => Meaning::Console(Box::new(written.common()?)),
    })
}

/// The role that the settings look like.
fn suggested_role(written: &Written) -> Role {
    if written.mentions("elasticsearch") {
        Role::Transfer
    } else if written.mentions("kafka") {
        Role::Agent
    } else {
        Role::Standalone
    }
}

fn check_meaning(meaning: &Meaning, args: &CheckArgs, probe: &dyn Probe, report: &mut Report) {
    let common = meaning.common();
    for note in &common.notes {
        report.add(Severity::Hint, note.clone());
    }
    local::check_state_dir(&common.state_dir, probe, report);
    local::check_port(common.http_listen, report);
    let mut sets = vec![tasks::check_files(&args.tasks, &common.bounds, &common.defaults, report)];
    match meaning.task_source() {
        Some(TaskSource::Directory(dir)) => {
            sets.push(tasks::check_directory(dir, &common.bounds, &common.defaults, report));
        }
        Some(TaskSource::Fixed(TaskSet { tasks, .. })) => sets.push(tasks.to_vec()),
        Some(TaskSource::Etcd(_)) | None => {}
    }
    let all: Vec<_> = sets.into_iter().flatten().collect();
    all.iter().for_each(|task| tasks::check_file_of(task, report));
    volumes::check_volumes_of(&all, report);
    tasks::check_plugins(&all, &args.plugin, common, probe, report);
    match meaning {
        Meaning::Agent(settings) => servers::check_agent(settings, &all, probe, report),
        Meaning::Transfer(settings) => servers::check_transfer(settings, probe, report),
        Meaning::Standalone(_) | Meaning::Console(_) => {}
    }
}

#[cfg(test)]
mod mistakes;
