//! The faults, and how each strikes.

mod etcd;
mod programs;
mod servers;
mod ways;

use crate::{random::Random, scene::Scene};

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
    /// A file is deleted while its lines cannot be sent.
    FileDeleted = "file deleted unread";
    /// A transfer ends at any moment.
    TransferKilled = "transfer killed";
    /// A transfer ends when Elasticsearch has taken a bulk and the transfer has not noted it.
    TransferKilledAfterBulk = "transfer killed after bulk";
    /// A transfer ends just before it commits.
    TransferKilledBeforeCommit = "transfer killed before commit";
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
    /// Elasticsearch fails.
    IndexFailing = "503 storm";
    /// Bulks are too large.
    IndexTooLarge = "413";
    /// The index takes no writes.
    IndexBlocked = "index write-blocked";
    /// Kafka ends at any moment.
    KafkaKilled = "kafka killed";
    /// Kafka is stopped and started as in an upgrade.
    KafkaRestarted = "kafka restarted";
    /// Kafka stands still.
    KafkaFrozen = "kafka frozen";
    /// Kafka is away for long, while more is written than is kept in memory.
    KafkaOutage = "long kafka outage";
    /// The topic gets more partitions.
    PartitionsAdded = "partitions added";
    /// Elasticsearch ends at any moment.
    ElasticKilled = "elasticsearch killed";
    /// Elasticsearch stands still.
    ElasticFrozen = "elasticsearch frozen";
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

/// Strikes, and mends. True where the fault has met what it was meant for while lines were in flight.
pub async fn strike(fault: Fault, scene: &mut Scene, random: &mut Random) -> anyhow::Result<bool> {
    use Fault as F;
    let flows = scene.lines_flow().await;
    let met = match fault {
        F::AgentKilled => programs::agent_killed(scene).await?,
        F::AgentKilledAfterJournal => programs::agent_killed_at("journal-synced", scene, random).await?,
        F::AgentKilledAfterDelivery => programs::agent_killed_at("delivered", scene, random).await?,
        F::AgentKilledBeforeCheckpoint => programs::agent_killed_at("acknowledged", scene, random).await?,
        F::AgentKilledInCheckpoint => programs::agent_killed_at("state-written", scene, random).await?,
        F::AgentKilledAfterCheckpoint => programs::agent_killed_at("state-renamed", scene, random).await?,
        F::AgentTerminated => programs::agent_terminated(scene).await?,
        F::AgentFrozen => programs::agent_frozen(scene, random).await?,
        F::DiskFull => programs::agent_with("disk-full", scene, random).await?,
        F::ClockAhead => programs::agent_with("clock-ahead", scene, random).await?,
        F::ClockBehind => programs::agent_with("clock-behind", scene, random).await?,
        F::DescriptorLimit => programs::descriptor_limit(scene).await?,
        F::CheckpointDamaged => programs::checkpoint_damaged(scene, random).await?,
        F::FileDeleted => programs::file_deleted(scene).await?,
        F::TransferKilled => programs::transfer_killed(scene, random).await?,
        F::TransferKilledAfterBulk => programs::transfer_killed_at(("bulk-applied", 4), scene, random).await?,
        F::TransferKilledBeforeCommit => programs::transfer_killed_at(("committing", 20), scene, random).await?,
        F::TransferKilledOnRevoke => programs::transfer_killed_on_revoke(scene).await?,
        F::TransferTerminated => programs::transfer_terminated(scene).await?,
        F::TransfersScaled => programs::transfers_scaled(scene, random).await?,
        F::RebalanceInOutage => programs::rebalance_in_outage(scene).await?,
        F::TransferZombie => programs::zombie(scene).await?,
        F::KafkaKilled | F::KafkaRestarted | F::KafkaFrozen | F::KafkaOutage | F::PartitionsAdded => {
            servers::kafka(fault, scene, random).await?
        }
        F::ElasticKilled | F::ElasticFrozen | F::IndexBlocked => servers::elastic(fault, scene, random).await?,
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
        | F::IndexFailing
        | F::IndexTooLarge => ways::strike(fault, scene, random).await,
    };
    Ok(flows && met)
}
