//! What every role stands in: state directory, counters, health, status, plugins, the pages, and the end.

use std::{
    future::Future,
    net::SocketAddr,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use collector_model::{Budget, Metrics, budget::BudgetLimits, search::Search};
use collector_plugin_host::{Limits, PluginDirs, PluginHost};
use collector_tail::{StateDir, StateError, TailSettings};
use collector_web::{Health, WebState};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

use crate::{
    settings::{Common, PluginLimits},
    signals,
    status::{Identity, Status},
};

/// How long the end of a role may take for lines that are under way.
pub const DRAIN_MAX: Duration = Duration::from_secs(10);

/// How long a state directory that is in use is waited for.
const STATE_WAIT: Duration = Duration::from_secs(2);
/// How often it is looked at meanwhile.
const LOCK_LOOK_EVERY: Duration = Duration::from_millis(50);
/// How often the gauge of the memory for lines is set.
const LOOK_AT_BUDGET_EVERY: Duration = Duration::from_secs(1);

/// The frame of a running role.
pub struct Frame {
    /// Counters.
    pub metrics: Metrics,
    /// What is ready.
    pub health: Arc<Health>,
    /// What the process says of itself.
    pub status: Status,
    /// Memory for lines under way.
    pub budget: Budget,
    /// The engine of the plugins.
    pub plugins: PluginHost,
    /// Where plugins lie.
    pub plugin_dirs: PluginDirs,
    listener: Option<TcpListener>,
}

/// The running pages.
pub struct Pages {
    stop: oneshot::Sender<()>,
    task: JoinHandle<std::io::Result<()>>,
}

impl Frame {
    /// Sets up what does not depend on the role. Takes the state directory's id as the name of this instance.
    pub async fn set_up(role: &'static str, common: &Common, state: &StateDir) -> anyhow::Result<Frame> {
        for note in &common.notes {
            tracing::warn!("{note}");
        }
        let listener = listen(common.http_listen).await?;
        let address = listener.local_addr().context("asking for the address of the pages")?;
        let metrics = Metrics::default();
        let state_dir = state.path();
        let plugins = PluginHost::new(
            plugin_limits(&common.limits.plugin),
            Some(state_dir.join("cache")),
            Some(state_dir.join("plugins")),
            metrics.clone(),
        )?;
        let identity = Identity {
            id: state.agent_id().to_owned(),
            role,
            host_name: common.host.name.clone(),
            host_ip: common.host.ip.to_string(),
            address: address.to_string(),
        };
        tracing::info!(role, %address, state = %state_dir.display(), "collector {} starts", env!("CARGO_PKG_VERSION"));
        Ok(Frame {
            metrics,
            health: Arc::default(),
            status: Status::new(identity),
            budget: Budget::new(BudgetLimits::of_total(common.limits.memory_bytes_max)),
            plugins,
            plugin_dirs: PluginDirs::only(common.bounds.plugin_dirs.clone()),
            listener: Some(listener),
        })
    }

    /// Serves the pages until [`Pages::close`].
    pub fn serve(&mut self, search: Option<Arc<dyn Search>>) -> anyhow::Result<Pages> {
        let listener = self.listener.take().context("the pages are served already")?;
        let status = self.status.clone();
        let state = WebState {
            metrics: self.metrics.clone(),
            health: Arc::clone(&self.health),
            search,
            status: Arc::new(move || status.json()),
            host_names: vec![],
        };
        let (stop, stopped) = oneshot::channel();
        let (budget, held) = (self.budget.clone(), self.metrics.budget_held_bytes.clone());
        let ended = async move {
            let mut look = tokio::time::interval(LOOK_AT_BUDGET_EVERY);
            tokio::pin!(stopped);
            loop {
                held.set(budget.held_bytes() as i64);
                tokio::select! {
                    _ = look.tick() => {}
                    // A dropped sender means the same as a word.
                    _ = &mut stopped => return,
                }
            }
        };
        Ok(Pages { stop, task: tokio::spawn(collector_web::serve(listener, state, ended)) })
    }

    /// Waits until the process is asked to end, or `failed` says that it cannot go on.
    pub async fn until_end(&self, failed: impl Future<Output = anyhow::Error>) -> anyhow::Result<()> {
        tokio::select! {
            signal = signals::end_asked() => {
                tracing::info!(signal = signal.context("waiting for signals")?, "draining and ending");
                Ok(())
            }
            error = failed => Err(error),
        }
    }
}

impl Pages {
    /// Ends the pages.
    pub async fn close(self) {
        // Whoever has ended already needs no word.
        let _ = self.stop.send(());
        match self.task.await {
            Ok(Err(error)) => tracing::warn!(%error, "the pages ended with an error"),
            Err(error) => tracing::warn!(%error, "the pages ended with a panic"),
            Ok(Ok(())) => {}
        }
    }
}

async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!("listening on {address} for the pages and metrics: set another address under [http] listen, or end the program that holds it")
    })
}

/// Opens the state directory. A process that was just killed may hold it for a moment longer.
pub async fn open_state(path: &Path) -> anyhow::Result<StateDir> {
    let began = Instant::now();
    loop {
        match StateDir::open(path) {
            Err(StateError::InUse { .. }) if began.elapsed() < STATE_WAIT => tokio::time::sleep(LOCK_LOOK_EVERY).await,
            opened => return Ok(opened?),
        }
    }
}

/// How files are followed.
pub fn tail_settings(common: &Common) -> anyhow::Result<TailSettings> {
    Ok(TailSettings {
        allowed: common.bounds.files().context("reading allowed_paths")?,
        host_name: common.host.name.as_str().into(),
        host_ip: common.host.ip.to_string().into(),
        batch_bytes_max: common.limits.batch_bytes_max,
        batch_lines_max: common.limits.batch_lines_max,
        linger: common.limits.batch_age_max,
        open_files_max: common.limits.open_files_max,
        drain_max: DRAIN_MAX,
        ..TailSettings::default()
    })
}

/// The limits of plugins, from the settings.
pub fn plugin_limits(limits: &PluginLimits) -> Limits {
    Limits {
        memory_bytes_max: limits.memory_bytes_max,
        process_time_warn: limits.process_warn,
        process_time_max: limits.process_max,
        open_time_max: limits.open_max,
        wasm_bytes_max: limits.wasm_bytes_max as u64,
        function_bytes_max: limits.function_bytes_max,
        asset_bytes_max: limits.asset_bytes_max as u64,
        output_ratio_max: limits.output_ratio_max,
        output_bytes_extra: limits.output_bytes_extra,
        log_messages_max: limits.log_messages_max,
        faults_max: limits.faults_max,
        faults_window: limits.faults_window,
        ..Limits::default()
    }
}
