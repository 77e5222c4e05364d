//! Lines of the system and of applications, with the fields of ECS.

/// Name and definition.
pub(crate) const PATTERNS: &[(&str, &str)] = &[
    ("SYSLOGPROG", r"%{PROG:process.name}(?:\[%{POSINT:process.pid:int}\])?"),
    ("SYSLOGFACILITY", "<%{NONNEGINT:log.syslog.facility.code:int}.%{NONNEGINT:log.syslog.priority:int}>"),
    ("SYSLOGBASE", "%{SYSLOGTIMESTAMP:timestamp} (?:%{SYSLOGFACILITY} )?%{SYSLOGHOST:host.hostname} %{SYSLOGPROG}:"),
    (
        "SYSLOGBASE2",
        "(?:%{SYSLOGTIMESTAMP:timestamp}|%{TIMESTAMP_ISO8601:timestamp})(?: %{SYSLOGFACILITY})?(?: %{SYSLOGHOST:host.hostname})?(?: %{SYSLOGPROG}:)?",
    ),
    ("SYSLOGLINE", "%{SYSLOGBASE2} %{GREEDYDATA:message}"),
    (
        "SYSLOGPAMSESSION",
        r"%{SYSLOGBASE} (?<message>%{WORD:system.auth.pam.module}\(%{DATA:system.auth.pam.origin}\): session %{WORD:system.auth.pam.session_state} for user %{USERNAME:user.name}.*)",
    ),
    ("CRONLOG", r"%{SYSLOGBASE} \(%{USER:user.name}\) %{CRON_ACTION:system.cron.action} \(%{DATA:message}\)"),
    ("SYSLOG5424PRI", "<%{NONNEGINT:log.syslog.priority:int}>"),
    (
        "SYSLOG5424BASE",
        "%{SYSLOG5424PRI}%{NONNEGINT:system.syslog.version} +(?:-|%{TIMESTAMP_ISO8601:timestamp}) +(?:-|%{IPORHOST:host.hostname}) +(?:-|%{SYSLOG5424PRINTASCII:process.name}) +(?:-|%{POSINT:process.pid:int}) +(?:-|%{SYSLOG5424PRINTASCII:event.code}) +(?:-|%{SYSLOG5424SD:system.syslog.structured_data})?",
    ),
    ("SYSLOG5424LINE", "%{SYSLOG5424BASE} +%{GREEDYDATA:message}"),
    ("JAVAFILE", "[a-zA-Z$_0-9. -]+"),
    ("JAVAMETHOD", "<(?:cl)?init>|[a-zA-Z$_][a-zA-Z$_0-9]*"),
    (
        "JAVASTACKTRACEPART",
        r"%{SPACE}at %{JAVACLASS:java.log.origin.class.name}\.%{JAVAMETHOD:log.origin.function}\(%{JAVAFILE:log.origin.file.name}(?::%{INT:log.origin.file.line:int})?\)",
    ),
    ("CATALINA7_DATESTAMP", "%{MONTH} %{MONTHDAY}, %{YEAR} %{HOUR}:%{MINUTE}:%{SECOND} (?:AM|PM)"),
    ("CATALINA8_DATESTAMP", "%{MONTHDAY}-%{MONTH}-%{YEAR} %{HOUR}:%{MINUTE}:%{SECOND}"),
    ("CATALINA_DATESTAMP", "%{CATALINA8_DATESTAMP}|%{CATALINA7_DATESTAMP}"),
    (
        "CATALINA7_LOG",
        r"%{CATALINA7_DATESTAMP:timestamp} %{JAVACLASS:java.log.origin.class.name}(?: %{JAVAMETHOD:log.origin.function})?\s*(?:%{LOGLEVEL:log.level}:)? %{JAVALOGMESSAGE:message}",
    ),
    (
        "CATALINA8_LOG",
        r"%{CATALINA8_DATESTAMP:timestamp} %{LOGLEVEL:log.level} \[%{DATA:java.log.origin.thread.name}\] %{JAVACLASS:java.log.origin.class.name}\.(?:%{JAVAMETHOD:log.origin.function})? %{JAVALOGMESSAGE:message}",
    ),
    ("CATALINALOG", "%{CATALINA8_LOG}|%{CATALINA7_LOG}"),
    ("TOMCAT7_LOG", "%{CATALINA7_LOG}"),
    ("TOMCAT8_LOG", "%{CATALINA8_LOG}"),
    ("TOMCATLEGACY_DATESTAMP", "%{YEAR}-%{MONTHNUM}-%{MONTHDAY} %{HOUR}:%{MINUTE}:%{SECOND}(?: %{ISO8601_TIMEZONE})?"),
    (
        "TOMCATLEGACY_LOG",
        r"%{TOMCATLEGACY_DATESTAMP:timestamp} \| %{LOGLEVEL:log.level} \| %{JAVACLASS:java.log.origin.class.name} - %{JAVALOGMESSAGE:message}",
    ),
    ("TOMCAT_DATESTAMP", "%{CATALINA8_DATESTAMP}|%{CATALINA7_DATESTAMP}|%{TOMCATLEGACY_DATESTAMP}"),
    ("TOMCATLOG", "%{TOMCAT8_LOG}|%{TOMCAT7_LOG}|%{TOMCATLEGACY_LOG}"),
    ("REDISLOG", r"\[%{POSINT:process.pid:int}\] %{REDISTIMESTAMP:timestamp} \*"),
    (
        "REDISMONLOG",
        r#"%{NUMBER:timestamp} \[%{INT:redis.database.id} %{IP:client.ip}:%{POSINT:client.port:int}\] "%{WORD:redis.command.name}"\s?%{GREEDYDATA:redis.command.args}"#,
    ),
    ("MONGO_LOG", r"%{SYSLOGTIMESTAMP:timestamp} \[%{WORD:mongodb.component}\] %{GREEDYDATA:message}"),
    (
        "MONGO_SLOWQUERY",
        r"%{WORD:mongodb.profile.op} %{MONGO_WORDDASH:mongodb.database}\.%{MONGO_WORDDASH:mongodb.collection} %{WORD}: %{MONGO_QUERY:mongodb.query.original} ntoreturn:%{NONNEGINT:mongodb.profile.ntoreturn:int} ntoskip:%{NONNEGINT:mongodb.profile.ntoskip:int} nscanned:%{NONNEGINT:mongodb.profile.nscanned:int}.*? nreturned:%{NONNEGINT:mongodb.profile.nreturned:int}.*? %{INT:mongodb.profile.duration:int}ms",
    ),
    (
        "MONGO3_LOG",
        r"%{TIMESTAMP_ISO8601:timestamp} %{MONGO3_SEVERITY:log.level} (?:-|%{MONGO3_COMPONENT:mongodb.component})%{SPACE}(?:\[%{DATA:mongodb.context}\])? %{GREEDYDATA:message}",
    ),
    (
        "RUBY_LOGGER",
        r"[DFEWI], \[%{TIMESTAMP_ISO8601:timestamp} #%{POSINT:process.pid:int}\] *%{RUBY_LOGLEVEL:log.level} -- +%{DATA:process.name}: %{GREEDYDATA:message}",
    ),
    (
        "POSTGRESQL",
        "%{DATESTAMP:timestamp} %{TZ:event.timezone} %{DATA:user.name} %{GREEDYDATA:postgresql.log.connection_id} %{POSINT:process.pid:int}",
    ),
    ("MCOLLECTIVE", r"., \[%{TIMESTAMP_ISO8601:timestamp} #%{POSINT:process.pid:int}\]%{SPACE}%{LOGLEVEL:log.level}"),
    ("RCONTROLLER", r"(?<rails.controller.class>[^#]+)#(?<rails.controller.action>\w+)"),
    (
        "RAILS3HEAD",
        r#"Started %{WORD:http.request.method} "%{URIPATHPARAM:url.original}" for %{IPORHOST:source.address} at (?<timestamp>%{YEAR}-%{MONTHNUM}-%{MONTHDAY} %{HOUR}:%{MINUTE}:%{SECOND} %{ISO8601_TIMEZONE})"#,
    ),
    (
        "RPROCESSING",
        r"\W*Processing by %{RCONTROLLER} as (?<rails.request.format>\S+)(?:\W*Parameters: \{%{DATA:rails.request.params}\}\W*)?",
    ),
    (
        "RAILS3FOOT",
        "Completed %{POSINT:http.response.status_code:int}%{DATA} in %{NUMBER:rails.request.duration.total:float}ms %{RAILS3PROFILE}%{GREEDYDATA}",
    ),
    (
        "RAILS3PROFILE",
        r"(?:\(Views: %{NUMBER:rails.request.duration.view:float}ms \| ActiveRecord: %{NUMBER:rails.request.duration.active_record:float}ms|\(ActiveRecord: %{NUMBER:rails.request.duration.active_record:float}ms)?",
    ),
    ("RAILS3", r"%{RAILS3HEAD}(?:%{RPROCESSING})?(?<rails.request.explain.original>(?:%{DATA}\n)*)(?:%{RAILS3FOOT})?"),
    ("EXIM_DATE", "%{YEAR}-%{MONTHNUM}-%{MONTHDAY} %{TIME}"),
    ("EXIM_PID", r"\[%{POSINT:process.pid:int}\]"),
    (
        "EXIM_REMOTE_HOST",
        r"H=(?:%{NOTSPACE:source.address} )?(?:\(%{NOTSPACE:exim.log.remote_address}\) )?\[%{IP:source.ip}\](?::%{POSINT:source.port:int})?",
    ),
    ("EXIM_INTERFACE", r"I=\[%{IP:destination.ip}\](?::%{NUMBER:destination.port:int})"),
    ("EXIM_PROTOCOL", "P=%{NOTSPACE:network.protocol}"),
    ("EXIM_MSG_SIZE", "S=%{NUMBER:exim.log.message.size:int}"),
    ("EXIM_HEADER_ID", "id=%{NOTSPACE:exim.log.header_id}"),
    ("EXIM_SUBJECT", r#"T="(?<exim.log.message.subject>(?:\\.|[^\\"])*)""#),
    ("EXIM_UNKNOWN_FIELD", "[A-Za-z0-9]{1,4}=(?:%{QUOTEDSTRING}|%{NOTSPACE})"),
    (
        "EXIM_NAMED_FIELDS",
        "(?: (?:%{EXIM_REMOTE_HOST}|%{EXIM_INTERFACE}|%{EXIM_PROTOCOL}|%{EXIM_MSG_SIZE}|%{EXIM_HEADER_ID}|%{EXIM_SUBJECT}|%{EXIM_UNKNOWN_FIELD}))*",
    ),
    (
        "EXIM_MESSAGE_ARRIVAL",
        r"%{EXIM_DATE:timestamp} (?:%{EXIM_PID} )?%{EXIM_MSGID:exim.log.message.id} (?<exim.log.flags><=) (?<exim.log.status>[a-z:] )?%{EMAILADDRESS:exim.log.sender.email}%{EXIM_NAMED_FIELDS}(?:(?: from <?%{DATA:exim.log.sender.original}>?)? for %{EMAILADDRESS:exim.log.recipient.email})?",
    ),
    ("EXIM", "%{EXIM_MESSAGE_ARRIVAL}"),
];
