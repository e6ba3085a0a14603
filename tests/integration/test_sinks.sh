#!/usr/bin/env bash
# test_sinks.sh - looking after sinks with the real program: status.json and `status sinks`, a reload that changes one sink beside
# others, and sinks that hang beside a good one. No broker is needed: that nobody answers is an interval like any other.
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
MQPUSH=$(readlink -f "${MQPUSH:-$tests/../mqpush}")
dir=$(mktemp -d /tmp/mqpush-sinks.XXXXXX)
agent='' hole=''
unset MQPUSH_CONFIG NAMESRV_ADDR STATE_DIRECTORY http_proxy https_proxy
# shellcheck disable=SC2317  # runs from the trap
cleanup() {
    [ -n "$agent" ] && kill -9 "$agent" 2>/dev/null
    [ -n "$hole" ] && kill "$hole" 2>/dev/null
    rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# Takes connections and never answers; notes each request line it was sent.
port=$(free_port)
python3 - "$port" "$dir/requests" <<'PY' &
import socket, sys, threading
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
open(sys.argv[2], "w").close()
def swallow(peer):
    line = peer.recv(65536).split(b"\r\n")[0].decode("latin1")
    with open(sys.argv[2], "a") as notes:
        notes.write(line + "\n")
    while peer.recv(65536):
        pass
while True:
    threading.Thread(target=swallow, args=(server.accept()[0],), daemon=True).start()
PY
hole=$!
wait_for 10 test -e "$dir/requests"

configure() { # configure FILE: a good history, a Pushgateway that hangs, a file that changes
    cat >"$dir/mqpush.conf" <<CONF
[agent]
interval = 1s
stop_timeout = 2s
state_dir = $dir/state
[source rocketmq]
namesrv = 127.0.0.1:1
[sink sqlite]
path = $dir/history.db
[sink pushgateway]
url = http://127.0.0.1:$port
timeout = 600s
delete_on_stop = yes
[sink file]
path = $dir/$1.jsonl
format = jsonl
CONF
}
times() { sqlite3 "file:$dir/history.db?mode=ro" 'SELECT time FROM intervals ORDER BY time' 2>/dev/null; }
has() { [ "$(times | wc -l)" -ge "$1" ]; }
said() { grep -qE -- "$1" "$dir/log"; }
sinks() { "$MQPUSH" status sinks -c "$dir/mqpush.conf" "$@"; }
report() { jq -r "$1" "$dir/state/status.json"; } # report FILTER
steps() { times | awk 'NR > 1 && $1 - before != 1 { print before, $1 } { before = $1 }'; }

configure before
sinks >"$dir/out" 2>&1
same "nothing is known of sinks before the first run: exit 1" 1 "$?"
check "and that is said" grep -q 'nothing is known of sinks' "$dir/out"

"$MQPUSH" run -c "$dir/mqpush.conf" 2>"$dir/log" &
agent=$!
wait_for 20 has 4
same "the good sink has four intervals, the one that hangs was asked and has none" "true 0" \
    "$([ -s "$dir/requests" ] && echo true) $(report '.sinks[1].delivered')"
same "the report is for the agent's group" 640 "$(stat -c %a "$dir/state/status.json")"
same "it names the process" "$agent" "$(report .pid)"
same "and the sinks in their order" "sqlite pushgateway file" "$(report '[.sinks[].name] | join(" ")')"
wait_for 10 eval '[ "$(report ".sinks[1].error_at > 0")" = true ]'
same "the one that hangs is down, with its error and what it missed" true \
    "$(report '.sinks[1] | .up == false and (.error | length > 0) and .dropped.overtaken > 0')"
same "the good one is up, without any" true "$(report '.sinks[0] | .up and .error == null and .dropped.overflow == 0')"
same "only the bad one is bad" pushgateway "$(sinks --bad -o jsonl | jq -r .sink | paste -sd ' ')"
figure "delays: $(report '[.sinks[] | "\(.name) \(.delay_seconds)"] | join(", ")')"
same "status sinks shows them" "file pushgateway sqlite" "$(sinks -o jsonl | jq -r .sink | sort | paste -sd ' ')"
check "people, too" eval 'sinks | grep -q "3 of 3 sinks shown"'
for format in table wide json jsonl csv tsv md; do
    check "status sinks -o $format" eval "sinks -o $format | grep -q pushgateway"
done
same "another directory is named" 3 "$("$MQPUSH" status sinks --state-dir "$dir/state" -o jsonl | wc -l)"
same "the history tells of an earlier moment" 3 "$(sinks --at -1s -o jsonl | wc -l)"

# A reload that changes the file, beside one that hangs and a history.
configure after
kill -HUP "$agent"
check "a reload is done while a sink hangs" wait_for 10 said 'reload: done'
count=$(times | wc -l)
wait_for 20 has $((count + 3))
check "the changed sink writes its new file" test -s "$dir/after.jsonl"
same "the group of the one that hangs was not deleted" 0 "$(grep -c DELETE "$dir/requests")"
same "the history has no gap, no interval twice" "" "$(steps)"
same "and knows of one start" 1 "$(sqlite3 "$dir/history.db" 'SELECT count(*) FROM runs')"
same "counts go on" true "$(report '.sinks[2].delivered > 4')"
echo 'intervall = 5s' >>"$dir/mqpush.conf"
kill -HUP "$agent"
check "a wrong file changes nothing" wait_for 10 said 'the old one stays in force'
configure after
count=$(times | wc -l)
wait_for 20 has $((count + 2))
same "and still no gap" "" "$(steps)"

kill -TERM "$agent"
wait "$agent"
agent=''
same "the last report says that it stopped" number "$(report '.stopped_at | type')"
sinks >"$dir/out" 2>"$dir/err"
same "status sinks is exit 1 then" 1 "$?"
check "and says so" grep -q 'the agent stopped at' "$dir/err"
check "with what it left" grep -q pushgateway "$dir/out"

# For whoever runs `once` from a timer: it leaves the same report, and the directory is all that needs to be named.
"$MQPUSH" once -n 127.0.0.1:1 --state-dir "$dir/timer" --to "sqlite:$dir/timer/history.db" --to "file:$dir/once.jsonl" 2>"$dir/log"
timer() { "$MQPUSH" status sinks --state-dir "$dir/timer" "$@"; }
timer -o jsonl >"$dir/out" 2>"$dir/err"
same "what once left is no trouble" "0 " "$? $(cat "$dir/err")"
same "it tells what each sink took" "file 1 ok, sqlite 1 ok" \
    "$(jq -r '"\(.sink) \(.delivered_total) \(if .up == 1 then "ok" else "failed" end)"' "$dir/out" | sort | paste -sd , | sed 's/,/, /')"
same "its history is that of the directory" 1 "$("$MQPUSH" status scrapes --state-dir "$dir/timer" -o jsonl | wc -l)"
jq -c '.written_at -= 600' "$dir/timer/status.json" >"$dir/out" && cp "$dir/out" "$dir/timer/status.json"
timer >"$dir/out" 2>"$dir/err"
same "ten minutes later that is exit 1" 1 "$?"
check "and says what is missing" grep -q 'does its timer run' "$dir/err"
done_testing
