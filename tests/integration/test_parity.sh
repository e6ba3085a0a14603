#!/usr/bin/env bash
# test_parity.sh - on a frozen cluster of each version, `status` equals the official Java admin client number by number, and what
# the Pushgateway and the history hold equals `status`; every metric name has a sample there, or a reason.
# cluster: 330 s
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d /tmp/mqpush-parity.XXXXXX)
versions=${VERSIONS:-5.5.0 4.9.7}
gateway_pid='' agent_pid='' lab_dir='' frozen_at=0

# shellcheck disable=SC2317  # runs from the trap
cleanup() {
    # shellcheck disable=SC2086
    stop_pid $gateway_pid $agent_pid
    for lab_dir in "$dir"/lab-*; do
        [ -e "$lab_dir/env" ] || continue
        "$lab" scene "$lab_dir" stop >/dev/null 2>&1
        "$lab" stop "$lab_dir" >/dev/null 2>&1
    done
    rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

make_scene() { # make_scene VERSION DIR: clients are online, nobody sends
    "$lab" install "$1" && "$lab" start "$2" --version "$1" --odd-names && "$lab" scene "$2" start && "$lab" scene "$2" wait &&
        "$lab" scene "$2" hold
}

take_status() { # take_status VERSION STATE: every table, into a directory of that name
    local version=$1 state=$2 out="$dir/$1-$2" what
    mkdir -p "$out"
    for what in groups backlogs topics queues clients producers brokers scrapes; do
        "$MQPUSH" status "$what" -n "$NAMESRV" -o json >"$out/$what.json" || not_ok "$version $state: status $what failed"
    done
}

compare() { # compare VERSION STATE [TABLE...]: every table of status, and these of them with the Java client
    local version=$1 state=$2 out="$dir/$1-$2"
    shift 2
    take_status "$version" "$state"
    "$MQPUSH" once --dry-run -n "$NAMESRV" --to http://127.0.0.1:9 >"$out/page.prom" 2>/dev/null || not_ok "$version $state: no page"
    "$lab" oracle "$lab_dir" >"$out/oracle.json" || not_ok "$version $state: the Java client could not be asked"
    "$MQPUSH" status brokers -n "$NAMESRV" -o json >"$out/brokers_later.json" || not_ok "$version $state: status brokers failed"
    python3 "$here/parity.py" "$out/oracle.json" "$out" "$@" || failures=$((failures + 1))
}

rates() { # rates VERSION: more than a minute after the last message, of a fresh look and of the agent that ran all the time
    local version=$1 out="$dir/$1-frozen"
    while [ "$(date +%s)" -lt $((frozen_at + 75)) ]; do sleep 1; done
    "$MQPUSH" once -n "$NAMESRV" --to stdout: >"$out/metrics.prom" 2>/dev/null || not_ok "$version: once to standard output failed"
    "$lab" oracle "$lab_dir" >"$out/oracle.json" || not_ok "$version: the Java client could not be asked"
    python3 "$here/parity.py" "$out/oracle.json" "$out" rates || failures=$((failures + 1))
    wait_for 20 sh -c "tail -c 300000 '$dir/$version.prom' | grep -q 'rocketmq_broker_qps{.*} 0$'"
    tail -c 300000 "$dir/$version.prom" >"$out/metrics.prom"
    figure "$version: the agent that ran through it all:"
    python3 "$here/parity.py" "$out/oracle.json" "$out" rates || failures=$((failures + 1))
}

watched() { # watched VERSION: the newest interval of the agent that ran all the time, once it has seen the frozen cluster
    local version=$1 out="$dir/$1-watched" what since
    since=$(date +%s)
    mkdir -p "$out"
    wait_for 60 sh -c "[ \"\$(sqlite3 '$dir/$version.db' 'SELECT count(*) FROM intervals WHERE time > $since + 14')\" -gt 0 ]"
    stop_pid "$agent_pid"
    agent_pid=''
    for what in groups backlogs topics queues clients producers brokers; do
        "$MQPUSH" status "$what" -d "$dir/$version.db" -o json >"$out/$what.json" || not_ok "$version watched: status $what failed"
    done
    cp "$out/brokers.json" "$out/brokers_later.json"
    figure "$version: an agent that ran through it all, $(sqlite3 "$dir/$version.db" 'SELECT count(*) FROM intervals') intervals:"
    python3 "$here/parity.py" "$dir/$version-frozen/oracle.json" "$out" queues backlogs groups topics latency || failures=$((failures + 1))
    same "$version: no lag was ever negative" 0 "$(sqlite3 "$dir/$version.db" 'SELECT count(*) FROM queues_changes WHERE lag < 0')"
    same "$version: no end ever went back" 0 "$(sqlite3 "$dir/$version.db" "SELECT count(*) FROM (SELECT max_offset -
        lag(max_offset) OVER (PARTITION BY broker, topic ORDER BY time) AS step FROM topics_changes) WHERE step < 0")"
}

one_version() { # one_version VERSION
    local version=$1
    lab_dir="$dir/lab-$1"
    if ! make_scene "$version" "$lab_dir"; then
        not_ok "$version: the scene could not be made"
        return
    fi
    # shellcheck disable=SC1091
    . "$lab_dir/env"
    # An agent that watches from here on: what it learnt step by step must be what a fresh look sees.
    "$MQPUSH" run -n "$NAMESRV" --to "sqlite:$dir/$version.db" --to stdout: --interval 2s --set source.rocketmq.clients_interval=2s \
        --set source.rocketmq.slow_interval=10s --set source.rocketmq.slow_requests=20 >"$dir/$version.prom" 2>"$dir/run.log" &
    agent_pid=$!
    check "$version: the scene goes on" "$lab" scene "$lab_dir" resume
    sleep 8
    check "$version: and holds" "$lab" scene "$lab_dir" hold
    compare "$version" online clients producers owners
    "$lab" scene "$lab_dir" freeze || not_ok "$version: the scene does not freeze"
    # Messages in a retry topic that nobody polled: 303 finds no offset, and their age comes from its clock and the queue's start.
    check "$version: a message waits unpolled" sh -c "'$lab' admin '$lab_dir' sendMessage -t %RETRY%payment-service -p unpolled | grep -q SEND_OK"
    frozen_at=$(date +%s)
    compare "$version" frozen
    rates "$version"
    watched "$version"

    rm -f "$dir/history.db"*
    take_status "$version" rest
    check "$version: once delivers to history and gateway" "$MQPUSH" once -n "$NAMESRV" --to "sqlite:$dir/history.db" --to "$gateway"
    curl -s "$gateway/api/v1/metrics" >"$dir/$version-rest/gateway.json"
    curl -s "$gateway/metrics" >"$dir/$version-rest/page"
    python3 "$here/families.py" "$version" "$dir/$version-rest/page" "$dir/metrics.json" || failures=$((failures + 1))
    python3 "$here/sinks_equal.py" "$version" "$dir/$version-rest" "$dir/history.db" || failures=$((failures + 1))
    "$lab" scene "$lab_dir" stop >/dev/null 2>&1
    "$lab" stop "$lab_dir" >/dev/null 2>&1
}

start_gateway "$dir" || { echo "no Pushgateway"; exit 1; }
"$MQPUSH" metrics -o json >"$dir/metrics.json"
for version in $versions; do one_version "$version"; done
done_testing
