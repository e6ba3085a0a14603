#!/usr/bin/env bash
# test_all_sinks.sh - one interval, all sinks at once, three real StatsD receivers among them: what each holds, read back, is what
# `status` says of that interval. See all_sinks.py.
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$tests/.." || exit 1
BUILD=${BUILD:-build/release}
MQPUSH=$(readlink -f "${MQPUSH:-$BUILD/mqpush}")
need_statsd_receivers
for program in redis-server prometheus-pushgateway python3; do
    command -v "$program" >/dev/null || { echo "$program is not installed (tests/install.sh test)" && exit 77; }
done
dir=$(mktemp -d /tmp/mqpush-all.XXXXXX)
pids=()
unset MQPUSH_CONFIG NAMESRV_ADDR STATE_DIRECTORY REDISCLI_AUTH http_proxy https_proxy

# shellcheck disable=SC2317  # runs from the trap
cleanup() {
    stop_pid "${pids[@]}"
    rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

start cluster "$BUILD/tests/integration/fake_cluster" 8 3 4711 # it stands still: every look sees the same
redis_port=$(free_port)
start redis redis-server --port "$redis_port" --bind 127.0.0.1 --dir "$dir" --save ''
check "a Pushgateway starts" start_gateway "$dir"
pids+=("$gateway_pid")
check "Redis starts" wait_for 10 listens "$redis_port"
start_statsd_receivers

mkdir "$dir/csv"
cat >"$dir/mqpush.conf" <<CONF
[agent]
interval = 10s
[source rocketmq prod]
namesrv = $(head -1 "$dir/cluster.log")
[sink sqlite]
path = $dir/history.db
[sink redis]
url = redis://127.0.0.1:$redis_port
[sink pushgateway]
url = $gateway
[sink file rows]
path = $dir/rows.jsonl
[sink file influx]
path = $dir/rows.influx
[sink file csv]
path = $dir/csv/{table}.csv
[sink file page]
path = $dir/page.prom
[sink statsd exporter]
address = 127.0.0.1:$exporter_port
dialect = dogstatsd
[sink statsd etsy]
address = 127.0.0.1:$etsy_port
prefix = all
[sink statsd collectd]
address = 127.0.0.1:$collectd_port
prefix = all
CONF
check "one interval is delivered to ten sinks" "$MQPUSH" once -c "$dir/mqpush.conf"
python3 -B tests/integration/all_sinks.py "$MQPUSH" "$dir" "$redis_port" "$gateway" "http://127.0.0.1:$exporter_web/metrics" "$etsy_console" ||
    failures=$((failures + 1))
done_testing
