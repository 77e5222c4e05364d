//! Names that loggers use, and those of ECS for them.

use super::Role;

/// Members that have the time.
pub(super) const TIMES: [&str; 6] = ["@timestamp", "timestamp", "time", "ts", "t", "@t"];

/// An ECS field, and the members at the top that stand for it where they are no objects.
pub(super) const NAMES: &[(&str, &[&str])] = &[
    ("log.level", &["level", "lvl", "severity", "levelname", "level_name", "log_level", "loglevel", "logLevel", "@l"]),
    ("log.origin.file.name", &["caller", "source_file"]),
    ("log.origin.function", &["func", "function", "funcName"]),
    ("log.logger", &["logger", "logger_name", "loggerName"]),
    ("message", &["msg", "@m"]),
    ("error.message", &["error", "err", "exception"]),
    ("error.stack_trace", &["stack_trace", "stacktrace", "stackTrace", "stack", "exc_info"]),
    ("process.thread.name", &["thread", "thread_name", "threadName"]),
    ("process.pid", &["pid"]),
    ("trace.id", &["trace_id", "traceId", "traceID"]),
    ("span.id", &["span_id", "spanId", "spanID"]),
    ("transaction.id", &["transaction_id", "transactionId"]),
    ("http.request.id", &["request_id", "requestId", "req_id", "reqId"]),
    ("service.name", &["service", "service_name", "serviceName"]),
    ("host.hostname", &["hostname", "host"]),
];

/// What is special about an ECS field's value.
pub(super) fn role(ecs: &str) -> Option<Role> {
    match ecs {
        "log.level" => Some(Role::Level),
        "log.origin.file.name" => Some(Role::Caller),
        _ => None,
    }
}
