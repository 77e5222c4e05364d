//! The faults, and how each strikes.

pub(crate) mod chains;
mod etcd;
mod hostile;
pub(crate) mod indices;
pub(crate) mod process;
mod programs;
mod servers;
mod ways;

use crate::{fleet::Program, random::Random, scene::Scene, writers::Writers};

macro_rules! faults {
    ($($(#[doc = $doc:literal])+ $fault:ident = $name:literal;)*) => {
        /// A fault.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Fault { $($(#[doc = $doc])+ $fault,)* }

        impl Fault {
            /// All of them.
            pub const ALL: &'static [Fault] = &[$(Fault::$fault),*];

            /// Its name in reports.
            pub fn name(self) -> &'static str {
                match self { $(Fault::$fault => $name,)* }
            }
        }
    };
}

faults! {
    /// The agent ends at any moment.
    AgentKilled = "agent killed";
    /// The agent ends when its journal is on disk and nothing that depends on it was sent.
    AgentKilledAfterJournal = "agent killed after journal";
    /// The agent ends when Kafka has the lines and the agent has not noted it.
    AgentKilledAfterDelivery = "agent killed after delivery";
    /// The agent ends between an acknowledgement and the checkpoint.
    AgentKilledBeforeCheckpoint = "agent killed before checkpoint";
    /// The agent ends when the new checkpoint is written and not yet in its place.
    AgentKilledInCheckpoint = "agent killed in checkpoint";
    /// The agent ends when the new checkpoint is in its place.
    AgentKilledAfterCheckpoint = "agent killed after checkpoint";
    /// The agent is asked to end, and is started again.
    AgentTerminated = "agent terminated";
    /// The agent stands still for some seconds.
    AgentFrozen = "agent frozen";
    /// The agent's disk takes no state for a while.
    DiskFull = "disk full";
    /// The agent may open few descriptors.
    DescriptorLimit = "descriptor limit";
    /// The agent's clock is a day ahead for a while.
    ClockAhead = "clock a day ahead";
    /// The agent's clock is a day behind for a while.
    ClockBehind = "clock a day behind";
    /// The agent's checkpoint is cut off, emptied or taken away while it is down.
    CheckpointDamaged = "checkpoint damaged";
    /// Every file is rotated three times while the agent is down.
    RotatedWhileDown = "rotated three times while the agent is down";
    /// A file is copied, truncated and written anew, beyond its length, when all of it is acknowledged.
    CopiedAndTruncated = "copied and truncated";
    /// A file is deleted while its lines cannot be sent.
    FileDeleted = "file deleted unread";
    /// A transfer ends at any moment.
    TransferKilled = "transfer killed";
    /// A transfer ends when Elasticsearch has taken a bulk and the transfer has not noted it.
    TransferKilledAfterBulk = "transfer killed after bulk";
    /// A transfer ends just before it commits.
    TransferKilledBeforeCommit = "transfer killed before commit";
    /// A transfer ends when Kafka has its commit.
    TransferKilledAfterCommit = "transfer killed after commit";
    /// A transfer ends while it gives partitions back.
    TransferKilledOnRevoke = "transfer killed on revoke";
    /// A transfer is asked to end, and is started again.
    TransferTerminated = "transfer terminated";
    /// Transfers become four, then two, then one.
    TransfersScaled = "transfers 1 to 4 to 2";
    /// Transfers come and go while Elasticsearch is away.
    RebalanceInOutage = "rebalance in an outage";
    /// A transfer stands still until the group has given its partitions away, and goes on.
    TransferZombie = "zombie transfer";
    /// The agent's connections to Kafka are cut.
    ProduceCut = "produce cut";
    /// Nothing passes between the agent and Kafka.
    ProduceHeld = "produce held";
    /// Kafka appends, and its answer is lost.
    ProduceSwallowed = "produce answer lost";
    /// The transfers' connections to Kafka are cut.
    ConsumeCut = "consume cut";
    /// Nothing passes between Kafka and the transfers.
    ConsumeHeld = "consume held";
    /// Kafka's answers to the transfers are lost.
    ConsumeSwallowed = "consume answer lost";
    /// The transfers' connections to Elasticsearch are cut.
    IndexCut = "index cut";
    /// Nothing passes between the transfers and Elasticsearch.
    IndexHeld = "index held";
    /// Elasticsearch applies a bulk, and its answer is lost.
    IndexSwallowed = "index answer lost";
    /// Everything passes slowly between the transfers and Elasticsearch.
    IndexSlow = "index slow";
    /// Elasticsearch has too much to do.
    IndexOverloaded = "429 storm";
    /// Elasticsearch takes only some documents of each bulk, and has too much to do for the others.
    IndexTakesHalf = "429 for single documents";
    /// Elasticsearch fails.
    IndexFailing = "503 storm";
    /// Bulks are too large.
    IndexTooLarge = "413";
    /// The index takes no writes.
    IndexBlocked = "index write-blocked";
    /// The index, made a data stream, goes on in another one: only where a control plants that it may be one.
    IndexRolledOver = "index rolled over";
    /// Kafka ends at any moment.
    KafkaKilled = "kafka killed";
    /// Kafka is stopped and started as in an upgrade.
    KafkaRestarted = "kafka restarted";
    /// Kafka stands still.
    KafkaFrozen = "kafka frozen";
    /// Kafka is away for long, while more is written than is kept in memory.
    KafkaOutage = "long kafka outage";
    /// The broker that leads a partition ends.
    KafkaLeaderKilled = "kafka leader killed";
    /// More replicas have to be in sync than are.
    KafkaReplicasShort = "kafka replicas below the minimum";
    /// The topic gets more partitions.
    PartitionsAdded = "partitions added";
    /// Elasticsearch ends at any moment.
    ElasticKilled = "elasticsearch killed";
    /// Elasticsearch stands still.
    ElasticFrozen = "elasticsearch frozen";
    /// The plugins of the topic are swapped, some times.
    ChainsSwapped = "plugins swapped";
    /// A plugin writes what the index's mapping refuses.
    MappingConflict = "mapping conflict";
    /// A plugin traps.
    PluginTraps = "plugin traps";
    /// A plugin never comes back.
    PluginLoops = "plugin loops";
    /// A plugin takes memory without end.
    PluginEatsMemory = "plugin eats memory";
    /// A plugin answers what cannot be.
    PluginLies = "plugin answers nonsense";
    /// Standalone ends when documents are about to be committed.
    KilledBeforeIndexCommit = "killed before the index commits";
    /// Standalone ends when documents are committed and their lines are not acknowledged.
    KilledAfterIndexCommit = "killed after the index commits";
    /// etcd ends at any moment.
    EtcdKilled = "etcd killed";
    /// etcd comes back with nothing.
    EtcdWiped = "etcd wiped";
    /// etcd cannot be reached.
    EtcdCut = "etcd cut";
    /// The history is compacted.
    EtcdCompacted = "etcd compacted";
    /// The tasks become something that nobody can read.
    EtcdBadValue = "etcd bad JSON";
    /// The tasks become too large.
    EtcdHugeValue = "etcd 1.5 MiB";
    /// The tasks are written a hundred times in a second.
    EtcdManyPuts = "etcd 100 puts";
    /// The tasks are deleted, and come back.
    EtcdKeyDeleted = "etcd key deleted";
}

impl Fault {
    /// Those of a standalone collector.
    pub const ALONE: &'static [Fault] = &[
        Fault::AgentKilled,
        Fault::AgentKilledAfterJournal,
        Fault::AgentKilledBeforeCheckpoint,
        Fault::AgentKilledInCheckpoint,
        Fault::AgentKilledAfterCheckpoint,
        Fault::AgentTerminated,
        Fault::AgentFrozen,
        Fault::DiskFull,
        Fault::ClockAhead,
        Fault::ClockBehind,
        Fault::CheckpointDamaged,
        Fault::RotatedWhileDown,
        Fault::CopiedAndTruncated,
        Fault::KilledBeforeIndexCommit,
        Fault::KilledAfterIndexCommit,
    ];

    /// Those of agents and transfers among servers.
    pub fn of_a_fleet() -> Vec<Fault> {
        use Fault as F;
        let others = [F::KilledBeforeIndexCommit, F::KilledAfterIndexCommit, F::IndexRolledOver];
        Fault::ALL.iter().copied().filter(|fault| !others.contains(fault)).collect()
    }

    /// How many brokers it takes.
    pub fn brokers(self) -> usize {
        match self {
            Fault::KafkaLeaderKilled | Fault::KafkaReplicasShort => 3,
            _ => 1,
        }
    }

    /// Whether it makes somebody send what was sent before, so that documents are met that are there already.
    pub fn repeats(self) -> bool {
        use Fault as F;
        matches!(
            self,
            F::AgentKilledAfterDelivery | F::TransferKilledAfterBulk | F::IndexSwallowed | F::CheckpointDamaged
        )
    }
}

/// Strikes one process that reads files; `None` where that is not what the fault is about.
pub(crate) async fn strike_process(
    fault: Fault,
    program: &mut Program,
    writers: &Writers,
    planted: &str,
    random: &mut Random,
) -> anyhow::Result<Option<bool>> {
    use Fault as F;
    // The process ends after it came past fewer than so many times: some places are passed for each record, some once a second.
    let place = match fault {
        F::AgentKilledAfterJournal => Some(("journal-synced", 5)),
        F::AgentKilledAfterDelivery => Some(("delivered", 2_000)),
        F::AgentKilledBeforeCheckpoint => Some(("acknowledged", 60)),
        F::AgentKilledInCheckpoint => Some(("state-written", 6)),
        F::AgentKilledAfterCheckpoint => Some(("state-renamed", 6)),
        F::KilledBeforeIndexCommit => Some(("index-committing", 6)),
        F::KilledAfterIndexCommit => Some(("index-committed", 6)),
        _ => None,
    };
    if let Some(place) = place {
        return process::killed_at(place, program, planted, random).await.map(Some);
    }
    let met = match fault {
        F::AgentKilled => process::killed(program, planted).await?,
        F::AgentTerminated => process::terminated(program, planted).await?,
        F::AgentFrozen => process::frozen(program, random).await?,
        F::DiskFull => process::disk_full(program, planted, random).await?,
        F::ClockAhead => process::with_wrong("clock-ahead", program, planted, random).await?,
        F::ClockBehind => process::with_wrong("clock-behind", program, planted, random).await?,
        F::CheckpointDamaged => process::checkpoint_damaged(program, planted, random).await?,
        F::RotatedWhileDown => process::rotated_while_down(program, writers, planted).await?,
        F::CopiedAndTruncated => process::copied_and_truncated(program, writers).await?,
        _ => return Ok(None),
    };
    Ok(Some(met))
}

/// The faults of whole transfers; `None` where it is not one of them.
async fn strike_transfers(fault: Fault, scene: &mut Scene, random: &mut Random) -> anyhow::Result<Option<bool>> {
    use Fault as F;
    let met = match fault {
        F::TransferKilled => programs::transfer_killed(scene, random).await?,
        F::TransferKilledAfterBulk => programs::transfer_killed_at(("bulk-applied", 4), scene, random).await?,
        F::TransferKilledBeforeCommit => programs::transfer_killed_at(("committing", 20), scene, random).await?,
        F::TransferKilledAfterCommit => programs::transfer_killed_at(("committed", 4), scene, random).await?,
        F::TransferKilledOnRevoke => programs::transfer_killed_on_revoke(scene).await?,
        F::TransferTerminated => programs::transfer_terminated(scene).await?,
        F::TransfersScaled => programs::transfers_scaled(scene, random).await?,
        F::RebalanceInOutage => programs::rebalance_in_outage(scene).await?,
        F::TransferZombie => programs::zombie(scene).await?,
        _ => return Ok(None),
    };
    Ok(Some(met))
}

/// Strikes, and mends. True where the fault has met what it was meant for while lines were in flight.
pub async fn strike(fault: Fault, scene: &mut Scene, random: &mut Random) -> anyhow::Result<bool> {
    use Fault as F;
    let flows = scene.lines_flow().await;
    let planted = scene.plan.failpoints();
    if let Some(met) = strike_process(fault, &mut scene.agent, &scene.writers, &planted, random).await? {
        return Ok(flows && met);
    }
    if let Some(met) = strike_transfers(fault, scene, random).await? {
        return Ok(flows && met);
    }
    let met = match fault {
        F::DescriptorLimit => programs::descriptor_limit(scene).await?,
        F::FileDeleted => programs::file_deleted(scene).await?,
        F::KafkaKilled
        | F::KafkaRestarted
        | F::KafkaFrozen
        | F::KafkaOutage
        | F::KafkaLeaderKilled
        | F::KafkaReplicasShort
        | F::PartitionsAdded => servers::strike(fault, scene, random).await?,
        F::ElasticKilled | F::ElasticFrozen | F::IndexBlocked | F::IndexRolledOver => {
            indices::strike(fault, scene, random).await?
        }
        F::ChainsSwapped
        | F::MappingConflict
        | F::PluginTraps
        | F::PluginLoops
        | F::PluginEatsMemory
        | F::PluginLies => chains::strike(fault, scene, random).await?,
        F::EtcdKilled
        | F::EtcdWiped
        | F::EtcdCut
        | F::EtcdCompacted
        | F::EtcdBadValue
        | F::EtcdHugeValue
        | F::EtcdManyPuts
        | F::EtcdKeyDeleted => etcd::strike(fault, scene, random).await?,
        F::ProduceCut
        | F::ProduceHeld
        | F::ProduceSwallowed
        | F::ConsumeCut
        | F::ConsumeHeld
        | F::ConsumeSwallowed
        | F::IndexCut
        | F::IndexHeld
        | F::IndexSwallowed
        | F::IndexSlow
        | F::IndexOverloaded
        | F::IndexTakesHalf
        | F::IndexFailing
        | F::IndexTooLarge => ways::strike(fault, scene, random).await,
        // The others are those of a single process.
        _ => false,
    };
    Ok(flows && met)
}
