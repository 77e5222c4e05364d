//! The fields that only this format has, behind those of all logs of the web.

use collector_plugin::Field;
use collector_plugin::weblog::own;

macro_rules! own_fields {
    ($($field:ident = $name:literal),* $(,)?) => {
        #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
        enum Ids { $($field),* }
        $(
            #[doc = concat!("`", $name, "`")]
            pub(crate) const $field: Field = own(Ids::$field as u32);
        )*
        /// The names of these fields, by id.
        pub(crate) const OWN: &[&str] = &[$($name),*];
    };
}

own_fields! {
    HOSTNAME = "host.hostname",
    PROCESS = "process.name",
    DESTINATION_ADDRESS = "destination.address",
    RELATED_HOSTS = "related.hosts",
    SOURCE = "haproxy.source",
    FRONTEND = "haproxy.frontend_name",
    BACKEND = "haproxy.backend_name",
    SERVER = "haproxy.server_name",
    BIND = "haproxy.bind_name",
    MODE = "haproxy.mode",
    ERROR = "haproxy.error_message",
    REQUEST_MS = "haproxy.http.request.time_wait_ms",
    RESPONSE_MS = "haproxy.http.request.time_wait_without_data_ms",
    WAITING_MS = "haproxy.total_waiting_time_ms",
    CONNECTION_MS = "haproxy.connection_wait_time_ms",
    BYTES_READ = "haproxy.bytes_read",
    REQUEST_LINE = "haproxy.http.request.raw_request_line",
    REQUEST_COOKIE = "haproxy.http.request.captured_cookie",
    RESPONSE_COOKIE = "haproxy.http.response.captured_cookie",
    REQUEST_HEADERS = "haproxy.http.request.captured_headers",
    RESPONSE_HEADERS = "haproxy.http.response.captured_headers",
    TERMINATION = "haproxy.termination_state",
    ACTIVE = "haproxy.connections.active",
    FRONTEND_CONNECTIONS = "haproxy.connections.frontend",
    BACKEND_CONNECTIONS = "haproxy.connections.backend",
    SERVER_CONNECTIONS = "haproxy.connections.server",
    RETRIES = "haproxy.connections.retries",
    SERVER_QUEUE = "haproxy.server_queue",
    BACKEND_QUEUE = "haproxy.backend_queue",
}
