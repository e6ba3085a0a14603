#!/usr/bin/env bash
# intervals.sh - what one whole interval costs on a real broker: requests by code, bytes received, CPU seconds of the agent and of the
# broker, wall time of the collection and peak resident memory; collecting, Pushgateway, history and a page to /dev/null included.
#
# SCENES: numbers of topics (4 queues each, as many groups and %RETRY% topics, 2 messages a queue, every tenth group behind; a client
# is online for all groups and answers for itself). KINDS of interval: first (asks for everything), idle (nothing was written), part
# (15 % of the topics got a message and nine groups in ten took it), busy (all of them).
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
MQPUSH=${MQPUSH:-$tests/../mqpush}
scenes=${SCENES:-10 1000 10000}
versions=${VERSIONS:-5.5.0 4.9.7}
kinds=${KINDS:-first busy busy idle idle part part}
interval=${INTERVAL:-20}
dir=$(mktemp -d /tmp/mqpush-bench.XXXXXX)
gateway_pid='' agent_pid=''

# shellcheck disable=SC2317,SC2086  # runs from the trap
cleanup() {
    stop_pid $agent_pid $gateway_pid
    for lab_dir in "$dir"/lab-*; do [ -e "$lab_dir/env" ] && "$lab" stop "$lab_dir" >/dev/null 2>&1; done
    rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

intervals_seen() { sqlite3 "$dir/history.db" 'SELECT count(*) FROM intervals' 2>/dev/null || echo 0; }
at_least() { [ "$(intervals_seen)" -ge "$1" ]; }
peak_kb() { awk '/^VmHWM/ { print $2 }' "/proc/$1/status"; }
by_code() { # sum of requests since the start, by code, as the agent told the gateway
    curl -s "$gateway/metrics" | sed -nE 's/^mqpush_requests_total\{.*code="([0-9]+)".* ([0-9.e+]+)$/\1 \2/p' |
        awk '{ n[$1] += $2 } END { for (c in n) printf "%s %d\n", c, n[c] }' | sort
}
total_of() { curl -s "$gateway/metrics" | sed -nE "s/^$1\{.*\} ([0-9.e+]+)$/\1/p" | awk '{ s += $1 } END { printf "%.3f", s }'; }
cpu_s() { cat "/proc/$1/task/"*/schedstat | awk '{ ns += $1 } END { printf "%.6f", ns / 1e9 }'; }

measure() { # measure VERSION TOPICS
    local version=$1 topics=$2 lab_dir="$dir/lab-$1-$2" seen kind before after cpu fill=()
    [ "$topics" -gt 2000 ] && fill=(--queue-0-only)
    "$lab" install "$version" && "$lab" start "$lab_dir" --version "$version" --topics "$topics" --groups "$topics" \
        --jvm -XX:TieredStopAtLevel=4 &&
        "$lab" fill "$lab_dir" --topics "$topics" --every-tenth-behind "${fill[@]}" && "$lab" online "$lab_dir" start || return
    # shellcheck disable=SC1091
    . "$lab_dir/env"
    rm -f "$dir/history.db"*
    "$MQPUSH" run -n "$NAMESRV" --to "sqlite:$dir/history.db" --to "$gateway" --to stdout: --interval "${interval}s" >/dev/null &
    agent_pid=$!
    cpu=0 broker_cpu=0 bytes=0 before=''
    for kind in $kinds; do
        seen=$(intervals_seen)
        [ "$kind" = busy ] && "$lab" touch "$lab_dir" --topics "$topics" --share 1 --consume >/dev/null
        [ "$kind" = part ] && "$lab" touch "$lab_dir" --topics "$topics" --share 0.15 --consume >/dev/null
        sleep 2
        seen_after_touch=$(intervals_seen)
        [ "$seen_after_touch" -gt "$seen" ] && [ "$kind" != first ] && echo "bench: a tick fell into the preparation of the next line" >&2
        [ "$kind" = first ] || broker_cpu=$(cpu_s "$BROKER_A_PID")
        wait_for 120 at_least $((seen + 1)) || { echo "bench: no interval within 120 s" >&2; break; }
        sleep 1
        after=$(by_code)
        printf 'interval version=%s topics=%s kind=%s cpu_s=%s broker_cpu_s=%s wall_s=%s received_kb=%s peak_rss_mb=%s requests=%s by_code=%s\n' \
            "$version" "$topics" "$kind" \
            "$(awk "BEGIN { printf \"%.3f\", $(cpu_s $agent_pid) - $cpu }")" \
            "$(awk "BEGIN { printf \"%.2f\", $(cpu_s "$BROKER_A_PID") - $broker_cpu }")" "$(total_of mqpush_collect_duration_seconds)" \
            "$(awk "BEGIN { printf \"%.0f\", ($(total_of mqpush_received_bytes_total) - $bytes) / 1000 }")" "$(awk "BEGIN { printf \"%.1f\", $(peak_kb $agent_pid) / 1024 }")" \
            "$(join -a1 <(echo "$after") <(echo "$before") | awk '{ s += $2 - $3 } END { print s }')" \
            "$(join -a1 <(echo "$after") <(echo "$before") | awk '$2 - $3 > 0 { printf "%s%s:%d", sep, $1, $2 - $3; sep = "," }')"
        cpu=$(cpu_s $agent_pid) before=$after bytes=$(total_of mqpush_received_bytes_total)
    done
    stop_pid "$agent_pid"
    agent_pid=''
    "$lab" online "$lab_dir" stop >/dev/null 2>&1
    "$lab" stop "$lab_dir" >/dev/null 2>&1
}

start_gateway "$dir" || { echo "bench: no Pushgateway" >&2; exit 1; }
for version in $versions; do
    for topics in $scenes; do measure "$version" "$topics"; done
done
