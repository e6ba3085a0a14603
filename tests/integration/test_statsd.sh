#!/usr/bin/env bash
# test_statsd.sh - against four real receivers: statsd_exporter, Etsy's statsd, collectd and netdata hold what the sink delivered, in
# every dialect and over every transport they have; and what `mqpush` says and returns when one is there, and when it is away.
# alone: a receiver that gets no time loses packets, whatever we do.
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$tests/.." || exit 1
BUILD=${BUILD:-build/release}
MQPUSH=${MQPUSH:-$PWD/mqpush}
need_statsd_receivers
command -v netdata >/dev/null || { echo "netdata is not installed (tests/install.sh test)" && exit 77; }
dir=$(mktemp -d /tmp/mqpush-statsd.XXXXXX)
pids=()
unset MQPUSH_CONFIG NAMESRV_ADDR STATE_DIRECTORY http_proxy https_proxy

# shellcheck disable=SC2317  # runs from the trap
cleanup() {
    stop_pid "${pids[@]}"
    rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# The receivers -------------------------------------------------------------------------------------------------------

start_statsd_receivers
netdata_port=$(free_port) netdata_web=$(free_port)
mkdir -p "$dir"/netdata/{conf,cache,lib,log}
{
    printf '[global]\n  run as user = %s\n[db]\n  mode = ram\n  update every = 1\n[directories]\n' "$(id -un)"
    for name in conf cache lib log; do printf '  %s = %s/netdata/%s\n' "${name/conf/config}" "$dir" "$name"; done
    printf '[logs]\n  error = stderr\n  access = none\n[plugins]\n  enable running new plugins = no\n'
    for name in timex checks idlejitter tc diskspace proc cgroups apps; do printf '  %s = no\n' "$name"; done
    printf '[health]\n  enabled = no\n[ml]\n  enabled = no\n[web]\n  bind to = 127.0.0.1\n  default port = %s\n' "$netdata_web"
    printf '[statsd]\n  enabled = yes\n  default port = %s\n  bind to = udp:127.0.0.1 tcp:127.0.0.1\n' "$netdata_port"
} >"$dir/netdata.conf"
start netdata netdata -D -c "$dir/netdata.conf"

check "netdata starts" wait_for 20 listens "$netdata_port"

# What arrives ---------------------------------------------------------------------------------------------------------

holds() { # holds RECEIVER PLACE DIALECT PREFIX: and how many values, in $dir/said
    python3 tests/integration/statsd_equal.py "$@" "$dir/expected" >"$dir/said" 2>&1
}
total=0
feed() { # feed CLAIM RECEIVER PLACE DIALECT ADDRESS OPTION=VALUE...
    local claim=$1 receiver=$2 place=$3 dialect=$4 address=$5 prefix="t$((passes + failures))t"
    shift 5
    if ! "$BUILD/tests/integration/push_statsd" "$address" "dialect=$dialect" "prefix=$prefix" "$@" >"$dir/expected" 2>"$dir/err"; then
        not_ok "$claim"
        cat "$dir/err"
    elif wait_for 8 holds "$receiver" "$place" "$dialect" "$prefix"; then
        ok "$claim"
        total=$((total + $(cut -d' ' -f1 "$dir/said")))
    else
        not_ok "$claim"
        head -20 "$dir/said"
    fi
}

metrics="http://127.0.0.1:$exporter_web/metrics"
for dialect in dogstatsd influx signalfx librato plain; do
    feed "statsd_exporter holds every value and label of dialect $dialect" exporter "$metrics" "$dialect" "127.0.0.1:$exporter_port"
done
feed "the same over TCP" exporter "$metrics" dogstatsd "localhost:$exporter_port" transport=tcp
feed "the same over a unix socket" exporter "$metrics" dogstatsd "$exporter_socket"
feed "the same in packets of 300 bytes" exporter "$metrics" dogstatsd "127.0.0.1:$exporter_port" max_packet=300
errors=$(curl -sf "$metrics" | awk '/^statsd_exporter_(sample|tag)_errors_total/ { n += $2 } END { print n + 0 }')
same "and it met no line and no tag that it could not read" 0 "$errors"
for dialect in plain graphite; do
    feed "Etsy's statsd holds every value of dialect $dialect" etsy "$etsy_console" "$dialect" "127.0.0.1:$etsy_port"
done
feed "the same over TCP" etsy "$etsy_console" plain "127.0.0.1:$etsy_tcp" transport=tcp
same "and it met no bad line" 0 "$(grep -c 'Bad line' "$dir/etsy.log")"
feed "collectd holds every gauge" collectd "$dir/collectd" plain "127.0.0.1:$collectd_port"
same "and it met no bad line" 0 "$(grep -ciE 'statsd.*(unable|fail|error)' "$dir/collectd.log")"
feed "netdata holds every gauge" netdata "http://127.0.0.1:$netdata_web" plain "127.0.0.1:$netdata_port"
feed "the same over TCP" netdata "http://127.0.0.1:$netdata_web" plain "127.0.0.1:$netdata_port" transport=tcp
figure "$total values came back equal from four receivers"

# Raw negative gauges are what they were made for: the trap is real, so that the zero in front is worth its bytes.
"$BUILD/tests/integration/push_statsd" "127.0.0.1:$exporter_port" dialect=dogstatsd prefix=raw negative=raw >"$dir/expected"
sleep 0.5
check "without the zero in front a negative gauge does go wrong there" \
    bash -c "! python3 tests/integration/statsd_equal.py exporter '$metrics' dogstatsd raw '$dir/expected' >'$dir/said'"

# The program ------------------------------------------------------------------------------------------------------------

once() { # once ARGUMENT...: its exit code; nobody listens on port 1, and what the agent tells of itself still arrives
    timeout 60 "$MQPUSH" once -n 127.0.0.1:1 "$@" >"$dir/out" 2>"$dir/err" </dev/null
}
said() {
    grep -qF -- "$1" "$dir/out" "$dir/err" && return
    sed 's/^/  said: /' "$dir/out" "$dir/err"
    return 1
}
arrived() { curl -sf "$metrics" | grep -qF -- "$1"; }

once --to "statsd://127.0.0.1:$exporter_port?dialect=dogstatsd&prefix=cli" --label env=edge
check "mqpush once delivers to a StatsD receiver" wait_for 5 arrived 'cli_mqpush_collect_complete{env="edge"} 0'
rc=0
once --to "statsd:$exporter_socket?dialect=influx&prefix=path" || rc=$?
check "also to the path of a socket" wait_for 5 arrived 'path_mqpush_collect_complete 0'
once --dry-run --to "statsd://127.0.0.1:$exporter_port?prefix=dry"
check "a dry run shows the lines" said "dry.mqpush_collect_complete:0|g"
check "and sends nothing" bash -c "! curl -sf '$metrics' | grep -q '^dry_'"
timeout 20 "$MQPUSH" config check --connect --to "statsd://127.0.0.1:$exporter_port?transport=tcp" >"$dir/out" 2>"$dir/err"
check "a probe over TCP finds it" said "it accepts"
gone=$(free_port)
timeout 20 "$MQPUSH" config check --connect --to "statsd://127.0.0.1:$gone" >"$dir/out" 2>"$dir/err"
check "a probe over UDP finds that nobody is there" said "Connection refused"
for transport in udp tcp; do
    rc=0
    once --interval 1s --to "statsd://127.0.0.1:$gone?transport=$transport" || rc=$?
    same "a receiver that is away makes the exit code 1 over $transport" 1 "$rc"
    check "and is named with the reason" said "StatsD $transport 127.0.0.1:$gone"
done

# Many lines ---------------------------------------------------------------------------------------------------------

# As many lines as a large cluster has, at the default pace, to receivers with default buffers. Where a machine is so busy that a
# receiver gets less time than they take, no pace helps: up to three tries.
exporter_lines() { curl -sf "$metrics" | awk '$1 == "statsd_exporter_lines_total" { printf "%d", $2 }'; }
etsy_lines() {
    exec 3<>"/dev/tcp/127.0.0.1/$etsy_console" && echo counters >&3
    timeout 5 sed -nE "s/.*metrics_received': ([0-9]+).*/\1/p; /^END/q" <&3
    exec 3>&-
}
arrived_since() { [ $(($("$1_lines") - $2)) -eq 100000 ]; } # arrived_since RECEIVER LINES
all_arrive() { # all_arrive RECEIVER PORT
    local before
    for _ in 1 2 3; do
        before=$("$1_lines")
        "$BUILD/tests/integration/push_statsd" -l 100000 "127.0.0.1:$2" prefix=many >"$dir/took" || return
        wait_for 3 arrived_since "$1" "$before"
        figure "$1: $(($("$1_lines") - before)) of $(cat "$dir/took")"
        arrived_since "$1" "$before" && return
    done
    return 1
}
check "100,000 lines reach statsd_exporter, all of them" all_arrive exporter "$exporter_port"
check "100,000 lines reach Etsy's statsd, all of them" all_arrive etsy "$etsy_port"

done_testing
