//! What nginx's variables mean.

use crate::REMOTE_IPS;
use collector_plugin::weblog::{
    AGENT, BODY_BYTES, DESTINATION_DOMAIN, DESTINATION_PORT, METHOD, Meaning, PID, QUERY, REFERRER, REQUEST_BYTES,
    REQUEST_ID, REQUEST_TYPE, RESPONSE_BYTES, RESPONSE_TYPE, SCHEME, SOURCE_PORT, TLS_CIPHER, TLS_SERVER,
};
use collector_plugin::{Field, time::SECOND_NS};

/// What a variable means that ECS has a field for.
pub(crate) fn known(name: &str) -> Option<Meaning> {
    Some(match name {
        "remote_addr" | "realip_remote_addr" | "proxy_protocol_addr" => Meaning::Client,
        "remote_user" => Meaning::User,
        "remote_port" => Meaning::Int(SOURCE_PORT),
        "time_local" => Meaning::ClockTime,
        "time_iso8601" | "msec" => Meaning::AnyTime,
        "request" => Meaning::Request,
        "request_uri" | "uri" | "document_uri" => Meaning::Url,
        "args" | "query_string" => Meaning::Text(QUERY),
        "request_method" => Meaning::Text(METHOD),
        "server_protocol" => Meaning::Protocol,
        "scheme" => Meaning::Text(SCHEME),
        "host" | "http_host" => Meaning::Host,
        "server_name" => Meaning::Text(DESTINATION_DOMAIN),
        "server_addr" => Meaning::ServerAddress,
        "server_port" => Meaning::Int(DESTINATION_PORT),
        "status" => Meaning::Status,
        "body_bytes_sent" => Meaning::Int(BODY_BYTES),
        "bytes_sent" => Meaning::Int(RESPONSE_BYTES),
        "request_length" => Meaning::Int(REQUEST_BYTES),
        "request_time" => Meaning::Duration(SECOND_NS),
        "request_id" => Meaning::Text(REQUEST_ID),
        "http_referer" => Meaning::Text(REFERRER),
        "http_user_agent" => Meaning::Text(AGENT),
        "http_x_forwarded_for" | "proxy_add_x_forwarded_for" => Meaning::Forwarded(REMOTE_IPS),
        "content_type" | "http_content_type" => Meaning::Text(REQUEST_TYPE),
        "sent_http_content_type" => Meaning::Text(RESPONSE_TYPE),
        "ssl_protocol" => Meaning::Tls,
        "ssl_cipher" => Meaning::Text(TLS_CIPHER),
        "ssl_server_name" => Meaning::Text(TLS_SERVER),
        "pid" => Meaning::Int(PID),
        _ => return None,
    })
}

/// What any other variable means; its field is of nginx's own.
pub(crate) fn other(name: &str, field: Field) -> Meaning {
    match name {
        "upstream_addr" | "upstream_cache_status" => Meaning::Texts(field),
        "upstream_status" | "upstream_bytes_received" | "upstream_bytes_sent" | "upstream_response_length" => {
            Meaning::Numbers(field)
        }
        "upstream_connect_time"
        | "upstream_header_time"
        | "upstream_response_time"
        | "upstream_first_byte_time"
        | "upstream_session_time" => Meaning::Numbers(field),
        "connection"
        | "connection_requests"
        | "connections_active"
        | "connections_reading"
        | "connections_waiting"
        | "connections_writing"
        | "content_length"
        | "http_content_length"
        | "sent_http_content_length" => Meaning::Int(field),
        "connection_time" | "gzip_ratio" => Meaning::Float(field),
        _ => Meaning::Text(field),
    }
}

/// Whether the value may have spaces between the items of a list.
pub(crate) fn is_list(name: &str) -> bool {
    name.starts_with("upstream_") || matches!(name, "http_x_forwarded_for" | "proxy_add_x_forwarded_for")
}
