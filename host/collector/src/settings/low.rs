//! The settings as they are written, key by key. What they mean is decided by the roles.

use std::collections::BTreeMap;

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::section::{Reading, Setting, Variables, join, section};

section! {
    /// What stands in a settings file and in the environment. Every key is optional.
    LowSettings {
        /// Globs of files that may be collected.
        allowed_paths: Vec<String>,
        /// Directories in which plugins may lie.
        plugin_dirs: Vec<String>,
        /// Where this process keeps what it must remember.
        state: LowState,
        /// Who this host is.
        host: LowHost,
        /// The pages, the API, metrics and health.
        http: LowHttp,
        /// Tasks from a directory.
        tasks: LowTasks,
        /// Kafka.
        kafka: LowKafka,
        /// etcd.
        etcd: LowEtcd,
        /// Elasticsearch or OpenSearch.
        elasticsearch: LowElasticsearch,
        /// The embedded index.
        index: LowIndex,
        /// Limits.
        limits: LowLimits,
        /// The log.
        log: LowLog,
    }
}

section! {
    /// `[state]`
    LowState {
        /// The state directory.
        dir: String,
    }
}

section! {
    /// `[host]`
    LowHost {
        /// The name in documents.
        name: String,
        /// The address in documents and in the key of this host's tasks.
        ip: String,
        /// Groups whose tasks this host takes too.
        groups: Vec<String>,
    }
}

section! {
    /// `[http]`
    LowHttp {
        /// Address and port.
        listen: String,
    }
}

section! {
    /// `[tasks]`
    LowTasks {
        /// The watched directory.
        dir: String,
    }
}

section! {
    /// `[kafka]`
    LowKafka {
        /// Brokers, `host:port`.
        brokers: Vec<String>,
        /// Topics that a transfer consumes.
        topics: Vec<String>,
        /// The consumer group.
        group: String,
        /// The name of this member of the group, for static membership.
        group_instance_id: String,
        /// Compression of what is sent.
        compression: String,
        /// Whether missing topics are created.
        create_topics: LowCreateTopics,
        /// The largest record that is sent, in bytes.
        message_bytes_max: u64,
        /// How many records wait for Kafka's answer at once.
        queue_records_max: u64,
        /// How long the group waits for a member that is silent, in milliseconds.
        session_timeout_ms: u64,
        /// Encrypted connections.
        tls: LowKafkaTls,
        /// Who we are to the brokers.
        sasl: LowKafkaSasl,
        /// Further properties of the Kafka client.
        properties: BTreeMap<String, String>,
    }
}

section! {
    /// `[kafka.tls]`
    LowKafkaTls {
        /// Whether connections are encrypted; the default where there is anything else in this section.
        enabled: bool,
        /// PEM file of the authority to trust; without it those of the system.
        ca_file: String,
        /// PEM file of our certificate.
        certificate_file: String,
        /// PEM file of its key.
        key_file: String,
        /// The password of that key.
        key_password: String,
        /// Whether a broker's certificate has to name its host.
        verify_host: bool,
    }
}

section! {
    /// `[kafka.sasl]`
    LowKafkaSasl {
        /// `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`.
        mechanism: String,
        /// User.
        user: String,
        /// Password.
        password: String,
    }
}

section! {
    /// `[kafka.create_topics]`
    LowCreateTopics {
        /// Partitions of a new topic.
        partitions: u64,
        /// Replicas of a new topic.
        replication: u64,
    }
}

section! {
    /// `[etcd]`
    LowEtcd {
        /// Endpoints.
        endpoints: Vec<String>,
        /// User.
        user: String,
        /// Password.
        password: String,
        /// PEM file of the authority to trust.
        ca_file: String,
        /// Key of the tasks; `%s` stands for this host's address.
        collect_key: String,
        /// Prefix of the transfer's rules.
        transfer_prefix: String,
        /// Prefix of the status keys.
        instances_prefix: String,
        /// How long to wait for a connection or an answer, in seconds.
        timeout_s: u64,
    }
}

section! {
    /// `[elasticsearch]`
    LowElasticsearch {
        /// Nodes.
        nodes: Vec<String>,
        /// User of basic authentication.
        user: String,
        /// Password of basic authentication.
        password: String,
        /// API key, encoded.
        api_key: String,
        /// PEM file of the authority to trust.
        ca_file: String,
        /// How many bulk requests are under way at once.
        workers: u64,
        /// How many documents of one index wait or are under way at once.
        index_documents_max: u64,
        /// Whether the index template is installed.
        install_template: bool,
        /// Days that are kept.
        retention_days: u64,
        /// Whether it is only said what retention would delete.
        retention_dry_run: bool,
        /// Whether requests are compressed.
        gzip: bool,
        /// Bytes of a bulk request.
        bulk_bytes_max: u64,
        /// Documents of a bulk request.
        bulk_documents_max: u64,
        /// How long a bulk request waits for more documents, in milliseconds.
        bulk_wait_ms_max: u64,
        /// How long to wait for an answer, in seconds.
        timeout_s: u64,
        /// How long the index of a past day may refuse writes before its lines go to the dead letters, in seconds.
        past_day_blocked_s_max: u64,
    }
}

section! {
    /// `[index]`
    LowIndex {
        /// Days that are kept.
        retention_days: u64,
        /// How long a document waits until a search sees it, in milliseconds.
        commit_ms_max: u64,
        /// Memory for documents that are not on disk yet, in bytes.
        memory_bytes_max: u64,
    }
}

section! {
    /// `[limits]`
    LowLimits {
        /// Memory for lines under way, in bytes.
        memory_bytes_max: u64,
        /// Files that are open at once.
        open_files_max: u64,
        /// Threads that run plugins.
        workers_max: u64,
        /// The longest line, in bytes, where a task says nothing.
        line_bytes_max: u64,
        /// Bytes of a batch.
        batch_bytes_max: u64,
        /// Lines of a batch.
        batch_lines_max: u64,
        /// How long a batch gathers lines, in milliseconds.
        batch_ms_max: u64,
        /// What the dead letters of a topic may take on disk, in bytes, where they are kept in files.
        dead_letters_bytes_max: u64,
        /// Limits of each plugin.
        plugin: LowPluginLimits,
    }
}

section! {
    /// `[limits.plugin]`
    LowPluginLimits {
        /// Memory of an instance, in bytes.
        memory_bytes_max: u64,
        /// Time for a batch before a warning, in milliseconds.
        process_warn_ms: u64,
        /// Time for a batch, in milliseconds.
        process_ms_max: u64,
        /// Time to start, in milliseconds.
        open_ms_max: u64,
        /// Size of a .wasm file, in bytes.
        wasm_bytes_max: u64,
        /// Size of a function of it, in bytes.
        function_bytes_max: u64,
        /// Size of an asset, in bytes.
        asset_bytes_max: u64,
        /// How many times larger than its input the output may be.
        output_ratio_max: u64,
        /// How many bytes it may have beyond that.
        output_bytes_extra: u64,
        /// Messages that it may write to the log in a second.
        log_messages_max: u64,
        /// Faults within the window that lead to quarantine.
        faults_max: u64,
        /// The window, in seconds.
        faults_window_s: u64,
    }
}

section! {
    /// `[log]`
    LowLog {
        /// `text` or `json`.
        format: String,
        /// A level, or a filter.
        level: String,
    }
}
