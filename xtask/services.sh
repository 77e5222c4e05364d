#!/usr/bin/env bash
# Real servers on loopback, without containers. `cargo xtask services` calls this, after it made sure of the tools:
#
#   services.sh install|up|down|status|running|reset NAME...
#
#   SERVICES_DIR    all that is written lies below it (needed; an unprivileged user must be able to enter it)
#   SERVICES_JAVA   the java program, 17 or newer (needed for the three servers that run on it)
#
# A second set of servers beside the first takes its own SERVICES_RUN, SERVICES_ETCD_PORT, SERVICES_KAFKA_PORT and
# SERVICES_ELASTICSEARCH_PORT; SERVICES_KAFKA_SETTINGS is added to Kafka's settings. SERVICES_ELASTICSEARCH_SETTINGS makes
# Elasticsearch a node of a cluster (its name, its roles, where the others are) in the place of the only one.
#
# One folder per server, $SERVICES_DIR/run/NAME, holds its settings, its data, its output (out.log) and its pid.
set -uo pipefail

: "${SERVICES_DIR:?is not set}"
JAVA=${SERVICES_JAVA:-}

ETCD_PORT=${SERVICES_ETCD_PORT:-12379}
KAFKA_PORT=${SERVICES_KAFKA_PORT:-19092}
ELASTICSEARCH_PORT=${SERVICES_ELASTICSEARCH_PORT:-19200}
OPENSEARCH_PORT=19201
PROMETHEUS_PORT=19090

KAFKA_VERSION=4.3.1
LOG4J_VERSION=2.25.4            # the one that Kafka's jars were built with
ELASTICSEARCH_VERSION=8.19.21
OPENSEARCH_VERSION=2.19.6

HEAP=512m
READY_SECONDS=180
STOP_SECONDS=30
NOBODY=65534

DIST=$SERVICES_DIR/dist
RUN=${SERVICES_RUN:-$SERVICES_DIR/run}
MAVEN_REPOSITORY=$SERVICES_DIR/m2
mkdir -p "$DIST" "$RUN" || exit 1

say() { printf 'services: %s\n' "$*" >&2; }

# ---- processes ----------------------------------------------------------------------------------------------

# When a process was started, in clock ticks since boot; nothing when it has ended (a zombie has ended).
started_at() {
  [ -r "/proc/$1/stat" ] && sed 's/^.*) //' "/proc/$1/stat" 2>/dev/null | awk '$1 != "Z" { print $20 }'
}

# A pid file holds the pid and when that process was started: a pid that was given to another is not ours.
alive() {
  local pid start
  [ -s "$RUN/$1/pid" ] && read -r pid start < "$RUN/$1/pid" && [ -n "$start" ] && [ "$(started_at "$pid")" = "$start" ]
}

# launch NAME COMMAND...: in its folder, in a session of its own, so that nothing but `down` ends it.
launch() {
  local name=$1
  shift
  (cd "$RUN/$name" && exec setsid "$@") > "$RUN/$name/out.log" 2>&1 < /dev/null &
  printf '%s %s\n' $! "$(started_at $!)" > "$RUN/$name/pid"
}

# Whether any process of a session has not ended.
session_lives() { ps -o stat= -s "$1" 2>/dev/null | grep -qv '^Z'; }

# A whole session is stopped: Elasticsearch is two processes.
stop() {
  local name=$1 pid deadline
  if alive "$name"; then
    read -r pid _ < "$RUN/$name/pid"
    deadline=$((SECONDS + STOP_SECONDS))
    kill -TERM -- "-$pid" 2>/dev/null
    while session_lives "$pid"; do
      if [ $SECONDS -ge $deadline ]; then
        say "$name ignored SIGTERM for $STOP_SECONDS s: killed"
        kill -KILL -- "-$pid" 2>/dev/null
      fi
      sleep 0.1
    done
  fi
  rm -f "$RUN/$name/pid"
}

wait_until_ready() {
  local name=$1 deadline=$((SECONDS + READY_SECONDS))
  until "ready_$name" > /dev/null 2>&1; do
    if ! alive "$name"; then
      say "$name ended instead of serving; the end of $RUN/$name/out.log:"
    elif [ $SECONDS -ge $deadline ]; then
      say "$name does not serve after $READY_SECONDS s; the end of $RUN/$name/out.log:"
    else
      sleep 0.2
      continue
    fi
    tail -n 20 "$RUN/$name/out.log" >&2
    return 1
  done
}

# ---- Maven: how Kafka and the search servers get here -------------------------------------------------------

maven() {
  mvn -q -B -ntp -Dmaven.repo.local="$MAVEN_REPOSITORY" "$@" > "$DIST/mvn.log" 2>&1 && return 0
  say "Maven failed (all of it: $DIST/mvn.log):"
  grep -m 3 ERROR "$DIST/mvn.log" >&2
  return 1
}

# fetch_jars FOLDER GROUP:NAME:VERSION...: the artefacts with all they need at run time.
fetch_jars() {
  local folder=$DIST/$1 artefact group name version
  shift
  [ -e "$folder/complete" ] && return 0
  rm -rf "$folder"
  mkdir -p "$folder"
  {
    echo '<project><modelVersion>4.0.0</modelVersion><groupId>services</groupId><artifactId>services</artifactId>'
    echo '<version>1</version><packaging>pom</packaging><dependencies>'
    for artefact; do
      IFS=: read -r group name version <<< "$artefact"
      echo "<dependency><groupId>$group</groupId><artifactId>$name</artifactId><version>$version</version></dependency>"
    done
    echo '</dependencies></project>'
  } > "$folder/pom.xml"
  maven -f "$folder/pom.xml" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$folder/jars" \
    && touch "$folder/complete"
}

# fetch_zip GROUP NAME VERSION: a distribution, unpacked into $DIST/NAME-VERSION.
fetch_zip() {
  local folder=$DIST/$2-$3 zip=$MAVEN_REPOSITORY/${1//.//}/$2/$3/$2-$3.zip
  [ -e "$folder/complete" ] && return 0
  rm -rf "$folder"
  maven dependency:get -Dtransitive=false -Dartifact="$1:$2:$3:zip" || return 1
  unzip -q "$zip" -d "$DIST" && rm -f "$zip" && touch "$folder/complete"
}

# ---- etcd, Prometheus: Debian's packages --------------------------------------------------------------------

install_etcd() { :; }

start_etcd() {
  local client=http://127.0.0.1:$ETCD_PORT peer=http://127.0.0.1:$((ETCD_PORT + 1))
  launch etcd etcd --name one --data-dir "$RUN/etcd/data" --logger zap \
    --listen-client-urls "$client" --advertise-client-urls "$client" \
    --listen-peer-urls "$peer" --initial-advertise-peer-urls "$peer" --initial-cluster "one=$peer"
}

ready_etcd() { ETCDCTL_API=3 etcdctl --endpoints="127.0.0.1:$ETCD_PORT" endpoint health; }

install_prometheus() { :; }

start_prometheus() {
  local settings=$RUN/prometheus/prometheus.yml
  # The collector's own address: what a run of it exposes is looked at here.
  [ -e "$settings" ] || cat > "$settings" <<END
global: {scrape_interval: 1s}
scrape_configs:
  - job_name: collector
    static_configs: [{targets: ["127.0.0.1:8686"]}]
END
  launch prometheus prometheus --config.file="$settings" --storage.tsdb.path="$RUN/prometheus/data" \
    --web.listen-address="127.0.0.1:$PROMETHEUS_PORT" --web.enable-lifecycle
}

ready_prometheus() { curl -sf -m 5 "http://127.0.0.1:$PROMETHEUS_PORT/-/ready"; }

# ---- Kafka: one node, broker and controller at once ---------------------------------------------------------

install_kafka() {
  fetch_jars "kafka-$KAFKA_VERSION" "org.apache.kafka:kafka_2.13:$KAFKA_VERSION" \
    "org.apache.kafka:kafka-tools:$KAFKA_VERSION" "org.apache.logging.log4j:log4j-slf4j-impl:$LOG4J_VERSION"
}

kafka_settings() {
  local controller=$((KAFKA_PORT + 1))
  cat <<END
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listeners=PLAINTEXT://127.0.0.1:$KAFKA_PORT,CONTROLLER://127.0.0.1:$controller
advertised.listeners=PLAINTEXT://127.0.0.1:$KAFKA_PORT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=$RUN/kafka/data
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
${SERVICES_KAFKA_SETTINGS:-}
END
}

kafka_logging() {
  cat <<'END'
status = error
appender.stderr.type = Console
appender.stderr.name = stderr
appender.stderr.target = SYSTEM_ERR
appender.stderr.layout.type = PatternLayout
appender.stderr.layout.pattern = %d %p %c{1}: %m%n
rootLogger.level = info
rootLogger.appenderRef.stderr.ref = stderr
END
}

start_kafka() {
  local home=$RUN/kafka jars="$DIST/kafka-$KAFKA_VERSION/jars/*"
  local logging=-Dlog4j2.configurationFile=$home/log4j2.properties
  kafka_settings > "$home/server.properties"
  kafka_logging > "$home/log4j2.properties"
  if [ ! -e "$home/data/meta.properties" ]; then
    # The cluster id is any 16 bytes.
    "$JAVA" -Xmx128m -XX:TieredStopAtLevel=1 "$logging" -cp "$jars" kafka.tools.StorageTool format \
      -t bG9nLWNvbGxlY3Rvci0xNg -c "$home/server.properties" > "$home/format.log" 2>&1 \
      || { say "Kafka cannot format its data folder:"; tail -n 5 "$home/format.log" >&2; return 1; }
  fi
  launch kafka "$JAVA" "-Xmx$HEAP" "$logging" -cp "$jars" kafka.Kafka "$home/server.properties"
}

# It may be one of several: it serves when the cluster knows it.
ready_kafka() { kcat -L -b "127.0.0.1:$KAFKA_PORT" -m 2 | grep -qE "broker [0-9]+ at 127.0.0.1:$KAFKA_PORT( |$)"; }

# ---- Elasticsearch, OpenSearch: neither runs as root --------------------------------------------------------

install_elasticsearch() { fetch_zip org.elasticsearch.distribution.integ-test-zip elasticsearch "$ELASTICSEARCH_VERSION"; }
install_opensearch() { fetch_zip org.opensearch.distribution.integ-test-zip opensearch "$OPENSEARCH_VERSION"; }

as_nobody() {
  if [ "$(id -u)" = 0 ]; then
    echo setpriv --reuid $NOBODY --regid $NOBODY --clear-groups
  fi
}

# search_settings NAME PORT
search_settings() {
  cat <<END
cluster.name: collector-tests
path.data: $RUN/$1/data
path.logs: $RUN/$1/logs
network.host: 127.0.0.1
http.port: $2
transport.port: $(($2 + 100))
cluster.routing.allocation.disk.threshold_enabled: false
END
  [ "$1" = opensearch ] || echo 'xpack.security.enabled: false'
  if [ "$1" = elasticsearch ] && [ -n "${SERVICES_ELASTICSEARCH_SETTINGS:-}" ]; then
    printf '%s\n' "$SERVICES_ELASTICSEARCH_SETTINGS"
  else
    printf '%s\n' 'node.name: one' 'discovery.type: single-node'
  fi
}

# The distribution's own options write heap dumps and logs of the garbage collector beside the programs.
search_java_options() {
  printf '%s\n' "-Xms$HEAP" "-Xmx$HEAP" -XX:-AlwaysPreTouch -XX:+UseG1GC "-Djava.io.tmpdir=$RUN/$1/tmp" \
    "-XX:ErrorFile=$RUN/$1/logs/hs_err_pid%p.log"
  [ "$1" = elasticsearch ] || echo '18-:-Djava.security.manager=allow'
}

# start_search NAME VERSION PORT
start_search() {
  local name=$1 dist=$DIST/$1-$2 home=$RUN/$1 prefix=ES nobody
  [ "$name" = opensearch ] && prefix=OPENSEARCH
  read -ra nobody <<< "$(as_nobody)"
  mkdir -p "$home"/{config,data,logs,tmp}
  cp -r "$dist/config/." "$home/config/"
  search_settings "$name" "$3" > "$home/config/$name.yml"
  search_java_options "$name" > "$home/config/jvm.options"
  [ ${#nobody[@]} = 0 ] || chown -R $NOBODY:$NOBODY "$home"/{config,data,logs,tmp}
  if ! "${nobody[@]}" test -w "$home/data" -a -r "$dist/lib"; then
    say "$name runs as user $NOBODY, who cannot enter $home: set SERVICES_DIR to a folder that others may enter"
    return 1
  fi
  launch "$name" "${nobody[@]}" env -i PATH=/usr/bin:/bin HOME="$home" ${prefix}_PATH_CONF="$home/config" \
    ${prefix}_TMPDIR="$home/tmp" ${prefix}_JAVA_HOME="${JAVA%/bin/java}" "$dist/bin/$name"
}

start_elasticsearch() { start_search elasticsearch "$ELASTICSEARCH_VERSION" "$ELASTICSEARCH_PORT"; }
start_opensearch() { start_search opensearch "$OPENSEARCH_VERSION" "$OPENSEARCH_PORT"; }

ready_search() { curl -sf -m 5 "http://127.0.0.1:$1/_cluster/health?wait_for_status=yellow&timeout=2s"; }
ready_elasticsearch() { ready_search "$ELASTICSEARCH_PORT"; }
ready_opensearch() { ready_search "$OPENSEARCH_PORT"; }

# ---- verbs --------------------------------------------------------------------------------------------------

install_all() {
  local name
  for name; do
    "install_$name" || { say "$name could not be installed"; return 1; }
  done
}

up() {
  local name waiting=() failed=0
  install_all "$@" || return 1
  for name; do
    alive "$name" && continue
    mkdir -p "$RUN/$name"
    if "start_$name"; then waiting+=("$name"); else failed=1; fi
  done
  for name in "${waiting[@]}"; do
    if wait_until_ready "$name"; then say "$name serves ($SECONDS s)"; else failed=1; fi
  done
  return $failed
}

# All at once: each may take some seconds.
down() {
  local name
  for name; do stop "$name" & done
  wait
}

# Sums the memory of the processes of a session, in MiB.
resident() {
  ps -o rss= -s "$1" 2>/dev/null | awk '{ sum += $1 } END { printf "%d", sum / 1024 }'
}

status() {
  local name pid
  for name; do
    if alive "$name"; then
      read -r pid _ < "$RUN/$name/pid"
      printf '%-14s pid %-8s %4s MiB of memory, %s on disk\n' "$name" "$pid" "$(resident "$pid")" \
        "$(du -sh "$RUN/$name" | cut -f1)"
    else
      printf '%-14s down\n' "$name"
    fi
  done
}

running() {
  local name
  for name; do alive "$name" && echo "$name"; done
  return 0
}

reset() {
  local name
  down "$@"
  for name; do rm -rf "${RUN:?}/$name"; done
}

verb=${1:-}
shift
for name; do
  declare -F "start_$name" > /dev/null || { say "there is no server '$name'"; exit 2; }
done
case $verb in
  install) install_all "$@" ;;
  up | down | status | running | reset) "$verb" "$@" ;;
  *) say "usage: services.sh install|up|down|status|running|reset NAME..."; exit 2 ;;
esac
