//! Bacula's lines, with the fields of ECS, where they have more than the usual patterns.

/// Name and definition.
pub(crate) const PATTERNS: &[(&str, &str)] = &[
    ("BACULA_TIMESTAMP", "%{MONTHDAY}-%{MONTH}(?:-%{YEAR})? %{HOUR}:%{MINUTE}"),
    ("BACULA_CAPACITY", "[0-9]{1,3}(?:,?[0-9]{3})*"),
    (
        "BACULA_ON_DEVICE",
        r#"device "%{BACULA_DEVICE:bacula.volume.device}" \(%{BACULA_DEVICEPATH:bacula.volume.path}\)"#,
    ),
    ("BACULA_NAMED_VOLUME", r#"[Vv]olume "?%{BACULA_VOLUME:bacula.volume.name}"?"#),
    ("BACULA_PEER", "%{IPORHOST:client.address}:%{POSINT:client.port:int}"),
    (
        "BACULA_LOG_MAX_CAPACITY",
        r"User defined maximum volume capacity %{BACULA_CAPACITY:bacula.volume.max_capacity} exceeded on %{BACULA_ON_DEVICE}.?",
    ),
    (
        "BACULA_LOG_END_VOLUME",
        r"End of medium on %{BACULA_NAMED_VOLUME} Bytes=%{BACULA_CAPACITY:bacula.volume.bytes} Blocks=%{BACULA_CAPACITY:bacula.volume.blocks} at %{BACULA_TIMESTAMP:bacula.timestamp}.",
    ),
    ("BACULA_LOG_NEW_VOLUME", "Created new %{BACULA_NAMED_VOLUME} in catalog."),
    ("BACULA_LOG_NEW_LABEL", "Labeled new %{BACULA_NAMED_VOLUME} on (?:file )?%{BACULA_ON_DEVICE}."),
    ("BACULA_LOG_WROTE_LABEL", "Wrote label to prelabeled %{BACULA_NAMED_VOLUME} on %{BACULA_ON_DEVICE}"),
    (
        "BACULA_LOG_NEW_MOUNT",
        "New %{BACULA_NAMED_VOLUME} mounted on %{BACULA_ON_DEVICE} at %{BACULA_TIMESTAMP:bacula.timestamp}.",
    ),
    ("BACULA_LOG_NOOPEN", r"\s*Cannot open %{DATA}: ERR=%{GREEDYDATA:error.message}"),
    ("BACULA_LOG_NOOPENDIR", r#"\s*Could not open directory "?%{DATA:file.path}"?: ERR=%{GREEDYDATA:error.message}"#),
    ("BACULA_LOG_NOSTAT", r"\s*Could not stat %{DATA:file.path}: ERR=%{GREEDYDATA:error.message}"),
    ("BACULA_LOG_ALL_RECORDS_PRUNED", r#".*?All records pruned from %{BACULA_NAMED_VOLUME}; marking it "Purged""#),
    ("BACULA_LOG_DIFF_FS", r"\s*%{UNIXPATH} is a different filesystem. Will not descend from %{UNIXPATH} into it."),
    ("BACULA_LOG_VOLUME_PREVWRITTEN", "%{BACULA_NAMED_VOLUME} previously written, moving to end of data."),
    ("BACULA_LOG_READYAPPEND", "Ready to append to end of %{BACULA_NAMED_VOLUME} size=%{INT:bacula.volume.size:int}"),
    ("BACULA_LOG_CANCELLING", "Cancelling duplicate JobId=%{INT:bacula.job.other_id}."),
    ("BACULA_LOG_MARKCANCEL", "JobId %{INT:bacula.job.id}, Job %{BACULA_JOB:bacula.job.name} marked to be canceled."),
    ("BACULA_LOG_MAXSTART", "Fatal [eE]rror: Job canceled because max start delay time exceeded."),
    (
        "BACULA_LOG_DUPLICATE",
        "Fatal [eE]rror: JobId %{INT:bacula.job.other_id} already running. Duplicate job not allowed.",
    ),
    ("BACULA_LOG_NOJOBSTAT", "Fatal [eE]rror: No Job status returned from FD."),
    (
        "BACULA_LOG_FATAL_CONN",
        r"Fatal [eE]rror: bsock.c:133 Unable to connect to (?:Client: %{BACULA_HOST:bacula.client.name}|Storage daemon) on %{BACULA_PEER}. ERR=%{GREEDYDATA:error.message}",
    ),
    (
        "BACULA_LOG_NO_CONNECT",
        r"Warning: bsock.c:127 Could not connect to (?:Client: %{BACULA_HOST:bacula.client.name}|Storage daemon) on %{BACULA_PEER}. ERR=%{GREEDYDATA:error.message}",
    ),
    (
        "BACULA_LOG_NO_AUTH",
        r#"Fatal error: Unable to authenticate with File daemon at "?%{IPORHOST:client.address}(?::%{POSINT:client.port:int})?"?. Possible causes:"#,
    ),
    (
        "BACULA_EVENT",
        "%{BACULA_LOG_MAX_CAPACITY}|%{BACULA_LOG_END_VOLUME}|%{BACULA_LOG_NEW_VOLUME}|%{BACULA_LOG_NEW_LABEL}|%{BACULA_LOG_WROTE_LABEL}|%{BACULA_LOG_NEW_MOUNT}|%{BACULA_LOG_NOOPEN}|%{BACULA_LOG_NOOPENDIR}|%{BACULA_LOG_NOSTAT}|%{BACULA_LOG_NOJOBS}|%{BACULA_LOG_ALL_RECORDS_PRUNED}|%{BACULA_LOG_BEGIN_PRUNE_JOBS}|%{BACULA_LOG_BEGIN_PRUNE_FILES}|%{BACULA_LOG_PRUNED_JOBS}|%{BACULA_LOG_PRUNED_FILES}|%{BACULA_LOG_ENDPRUNE}|%{BACULA_LOG_STARTJOB}|%{BACULA_LOG_STARTRESTORE}|%{BACULA_LOG_USEDEVICE}|%{BACULA_LOG_DIFF_FS}|%{BACULA_LOG_JOBEND}|%{BACULA_LOG_NOPRUNE_JOBS}|%{BACULA_LOG_NOPRUNE_FILES}|%{BACULA_LOG_VOLUME_PREVWRITTEN}|%{BACULA_LOG_READYAPPEND}|%{BACULA_LOG_CANCELLING}|%{BACULA_LOG_MARKCANCEL}|%{BACULA_LOG_CLIENT_RBJ}|%{BACULA_LOG_VSS}|%{BACULA_LOG_MAXSTART}|%{BACULA_LOG_DUPLICATE}|%{BACULA_LOG_NOJOBSTAT}|%{BACULA_LOG_FATAL_CONN}|%{BACULA_LOG_NO_CONNECT}|%{BACULA_LOG_NO_AUTH}|%{BACULA_LOG_NOSUIT}|%{BACULA_LOG_JOB}|%{BACULA_LOG_NOPRIOR}",
    ),
    (
        "BACULA_LOG",
        "%{BACULA_TIMESTAMP:timestamp} %{BACULA_HOST:host.hostname}(?: JobId %{INT:bacula.job.id})?:? %{BACULA_EVENT}",
    ),
    ("BACULA_LOGLINE", "%{BACULA_LOG}"),
];
