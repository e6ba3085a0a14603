#!/usr/bin/env bash
# soak.sh - resident memory over many intervals: `mqpush run` with all sinks (Redis, history, rows, page, Pushgateway, StatsD) on a
# cluster where every topic moves in every interval (MOVING=15: fifteen of a hundred). Wall time runs FAST times as fast for the agent (fast_clock.c), so that INTERVALS
# fit into an afternoon; SECONDS_MAX bounds the run. Prints a line each STEP intervals; not part of `make check`.
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$tests/.." || exit 1
BUILD=${BUILD:-build/release}
MQPUSH=$(readlink -f "${MQPUSH:-$BUILD/mqpush}")
topics=${TOPICS:-1000} queues=${QUEUES:-4} intervals=${INTERVALS:-10000} step=${STEP:-500} fast=${FAST:-25} seconds_max=${SECONDS_MAX:-7200}
export MOVING=${MOVING:-100}
every=10 # seconds: long enough for each sink's deadline, which is in real time
dir=$(mktemp -d /tmp/mqpush-soak.XXXXXX)
pids=()

# shellcheck disable=SC2317  # runs from the trap
cleanup() {
    stop_pid "${pids[@]}"
    rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

memory() { awk -v what="$1" '$1 == what ":" { printf "%.1f", $2 / 1024 }' "/proc/$agent/status"; }
newest() { sqlite3 -cmd '.timeout 5000' "file:$dir/history.db?mode=ro" 'SELECT max(time) FROM intervals' 2>/dev/null; }
report() { # report INTERVALS
    printf 'soak topics=%s moving=%s%% queues=%s intervals=%s after_s=%s rss_mb=%s anonymous_mb=%s peak_mb=%s\n' "$topics" "$MOVING" "$((topics * queues))" "$1" "$SECONDS" \
        "$(memory VmRSS)" "$(memory RssAnon)" "$(memory VmHWM)"
}

${CC:-cc} -O2 -shared -fPIC -o "$dir/fast_clock.so" tests/bench/fast_clock.c || exit 1
redis_port=$(free_port)
start redis redis-server --port "$redis_port" --bind 127.0.0.1 --dir "$dir" --save ''
start cluster "$BUILD/tests/integration/fake_cluster" "$topics" "$queues"
start receiver python3 -c 'import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1], flush=True)
while True: s.recv(65536)'
start_gateway "$dir" || exit 1
pids+=("$gateway_pid")
wait_for 5 test -s "$dir/cluster.log" -a -s "$dir/receiver.log"
cat >"$dir/mqpush.conf" <<CONF
[agent]
interval = ${every}s
state_dir = $dir/state
[source rocketmq prod]
namesrv = $(head -1 "$dir/cluster.log")
[sink redis]
url = redis://127.0.0.1:$redis_port
maxlen = 10000
[sink sqlite]
path = $dir/history.db
keep = 1h
max_size = 300MiB
[sink file]
path = $dir/rows.jsonl
[sink file page]
path = $dir/page.prom
[sink pushgateway]
url = $gateway
[sink statsd]
address = 127.0.0.1:$(head -1 "$dir/receiver.log")
CONF
FAST_CLOCK=$fast LD_PRELOAD="$dir/fast_clock.so" "$MQPUSH" run -c "$dir/mqpush.conf" >"$dir/agent.log" 2>&1 &
agent=$!
pids=("$agent" "${pids[@]}")
wait_for 30 test -s "$dir/history.db"
wait_for 30 sh -c "[ -n \"\$(sqlite3 'file:$dir/history.db?mode=ro' 'SELECT max(time) FROM intervals')\" ]"
first=$(newest)
echo "# $(uname -m), $(nproc) cores, load $(cut -d' ' -f1-3 /proc/loadavg), an interval every $((1000 * every / fast)) ms"
for at in 10 100 $(seq "$step" "$step" "$intervals"); do
    until seen=$((($(newest) - first) / every)) && [ "$seen" -ge "$at" ]; do
        if [ "$SECONDS" -ge "$seconds_max" ] || ! kill -0 "$agent" 2>/dev/null; then break 2; fi
        rm -f "$dir/rows.jsonl" # as a rotation would
        sleep 0.5
    done
    report "$seen"
done
grep -c . "$dir/agent.log" | sed 's/^/# lines in the log: /'
tail -3 "$dir/agent.log"
sqlite3 "$dir/history.db" "SELECT '# ' || part || ': delivered ' || coalesce(delivered_total, '') || ', waiting for ' || coalesce(delay_seconds, '')
    || ' s, dropped ' || coalesce(dropped_total, '') || ', ticks missed ' || coalesce(missed_ticks_total, '') FROM agent_now"
