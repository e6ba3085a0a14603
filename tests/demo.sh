#!/usr/bin/env bash
# demo.sh PROGRAM - shows mqpush on real data: a throwaway RocketMQ with a small living scene (or the cluster in $NAMESRV), a real
# Pushgateway, a history file. Everything it starts is on loopback, lives in a temporary directory and is stopped at the end.
# shellcheck disable=SC2317  # cleanup runs from the trap
set -uo pipefail
mqpush=$(realpath "${1:?usage: demo.sh PROGRAM}")
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
history=${HISTORY:-$PWD/history.db}
interval=${INTERVAL:-5}
rounds=${ROUNDS:-5}
dir=$(mktemp -d /tmp/mqpush-demo.XXXXXX)
gateway_pid='' agent_pid=''

say() { printf '\n\033[1m==> %s\033[0m\n' "$*" | if [ -t 1 ]; then cat; else sed 's/\x1b\[[0-9]*m//g'; fi; }
show() { # says a command so that it can be copied, and runs it
    local word line='$'
    for word in "$@"; do case $word in *[!a-zA-Z0-9_./:=-]*) line+=" \"$word\"" ;; *) line+=" $word" ;; esac; done
    printf '%s\n' "$line"
    "$@"
}

cleanup() {
    # shellcheck disable=SC2086
    stop_pid $agent_pid $gateway_pid
    if [ -z "${NAMESRV_GIVEN:-}" ] && [ -e "$dir/lab/env" ]; then
        "$lab" scene "$dir/lab" stop >/dev/null 2>&1
        "$lab" stop "$dir/lab" >/dev/null 2>&1
    fi
    rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

if [ -n "${NAMESRV:-}" ]; then
    NAMESRV_GIVEN=1
    say "Using the cluster behind $NAMESRV"
else
    say "Starting a throwaway RocketMQ (name server and broker from Maven Central)"
    "$lab" install || exit 1
    "$lab" start "$dir/lab" || exit 1
    # shellcheck disable=SC1091
    . "$dir/lab/env"
    say "Making a scene: a healthy group, a stopped one, retries, dead letters, a broadcast group"
    "$lab" scene "$dir/lab" start && "$lab" scene "$dir/lab" wait || exit 1
fi

say "Starting a Pushgateway and the agent: $rounds intervals of ${interval} s into a history and the gateway"
start_gateway "$dir" || { echo "demo: the Pushgateway does not answer" >&2; exit 1; }

"$mqpush" run -n "$NAMESRV" --to "sqlite:$history" --to "$gateway" --interval "${interval}s" &
agent_pid=$!
for round in $(seq "$rounds"); do
    sleep "$interval"
    kill -0 "$agent_pid" 2>/dev/null || { echo "demo: the agent ended early" >&2; exit 1; }
    printf 'interval %s of %s: %s samples at the gateway\n' "$round" "$rounds" \
        "$(curl -s "$gateway/metrics" | grep -cE '^(rocketmq|mq|mqpush)_')"
done
kill "$agent_pid" && wait "$agent_pid"
agent_pid=''

failed=0
say "The backlog now, worst first"
show "$mqpush" status -n "$NAMESRV" || failed=1
say "The same by queue"
show "$mqpush" status queues -n "$NAMESRV" --top 12 || failed=1
say "What the Pushgateway would give Prometheus"
curl -s "$gateway/metrics" | grep -E '^rocketmq_group_diff' | sort | head -4

say "The history is $history: ask it with sqlite3"
worst=$(sqlite3 "$history" "SELECT consumer_group FROM groups WHERE time = (SELECT min(time) FROM intervals) ORDER BY lag DESC LIMIT 1")
show sqlite3 -box "$history" "SELECT consumer_group, lag, retry_lag, dlq, members FROM groups_now ORDER BY lag DESC LIMIT 5"
show sqlite3 -box "$history" "SELECT datetime(time,'unixepoch') AS at, lag, members FROM groups WHERE consumer_group = '$worst' ORDER BY time"
exit "$failed"
