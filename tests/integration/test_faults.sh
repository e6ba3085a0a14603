#!/usr/bin/env bash
# test_faults.sh - what a user sees when something is wrong: a clear line that names the address, the right exit code, and everything
# else delivered. Real brokers, two of them; a scripted peer only where no real server can be made to behave so.
# cluster: 200 s
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
dir=$(mktemp -d /tmp/mqpush-faults.XXXXXX)
gateway_pid='' peer_pid=''

# shellcheck disable=SC2317,SC2086  # runs from the trap
cleanup() {
    stop_pid $gateway_pid $peer_pid
    [ -e "$dir/lab/env" ] && "$lab" stop "$dir/lab" >/dev/null 2>&1
    rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

peer() { # peer BEHAVIOUR: a peer that is wrong in a way no real server is; sets peer_address
    local port
    port=$(free_port)
    python3 - "$port" "$1" >"$dir/peer.log" 2>&1 <<'PY' &
import socket, sys, time
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", int(sys.argv[1])))
listener.listen(8)
listener.settimeout(60)
kept = []
while True:
    connection, _ = listener.accept()
    kept.append(connection)
    if sys.argv[2] == "silent":
        continue
    connection.recv(4096)
    connection.sendall({"garbage": b"\x00\x00\x00\x10this is no frame at all, not even close",
                        "http": b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
                        "oversized": b"\x7f\xff\xff\xff\x00\x00\x00\x40{}",
                        "truncated": b"\x00\x00\x01\x00\x00\x00\x00\x40{\"code\":0"}[sys.argv[2]])
    connection.close()
PY
    peer_pid=$!
    peer_address="127.0.0.1:$port"
    wait_for 10 bash -c "exec 3<>/dev/tcp/127.0.0.1/$port"
}

# Words and addresses.
says "no command: the usage" 2 '^usage: mqpush'
says "an unknown command has a suggestion" 2 'unknown command statsu \(did you mean status\?\)' statsu
says "an unknown option has a suggestion" 2 'unknown option --tpoic \(did you mean --topic\?\)' status --tpoic x
says "an unknown column has a suggestion" 2 'did you mean' status -n 127.0.0.1:1 --sort lagg
says "an address where nobody listens" 1 '127\.0\.0\.1:1: Connection refused' status -n 127.0.0.1:1
says "a name that does not exist" 1 'no-such-host\.invalid:9876: looking up no-such-host\.invalid' status -n no-such-host.invalid:9876
for behaviour in 'silent no answer to GET_BROKER_CLUSTER_INFO .106. within' 'garbage not RocketMQ|not a RocketMQ|frame|header' 'http HTTP server' \
    'oversized limit' 'truncated closed'; do
    peer "${behaviour%% *}"
    says "a peer that is ${behaviour%% *}" 1 "$peer_address.*(${behaviour#* })" status -n "$peer_address"
    stop_pid "$peer_pid"
    peer_pid=''
done

# Two real brokers, one of which fails.
if ! "$lab" start "$dir/lab" --brokers 2 || ! "$lab" scene "$dir/lab" start || ! "$lab" scene "$dir/lab" wait; then
    not_ok "the lab could not be started"
    done_testing
    exit 1
fi
# shellcheck disable=SC1091
. "$dir/lab/env"
start_gateway "$dir" || { not_ok "no Pushgateway" && exit 1; }
says "two brokers, all is well" 0 'coverage 100 %' status -n "$NAMESRV"
says "a broker's port instead of the name server's" 1 "$BROKER_A.*this is no name server" status -n "$BROKER_A"
says "one name server of two is away: the other one is asked, and it is said" 1 '^nameserver 127\.0\.0\.1:1: Connection refused' status -n "127.0.0.1:1;$NAMESRV"
shows "the groups are all there" '^([0-9]+) of \1 groups shown'

"$lab" pause "$dir/lab" broker-b
says "a broker that hangs is named" 1 "broker-b $BROKER_B: no answer to " status -n "$NAMESRV"
shows "its absence is not shown as zero: sums are lower bounds" '^[a-z].* [0-9.k]+\+'
shows "and that is said" '\+ lower bound: a part is unknown'
rm -f "$dir/h.db"*
says "the rest of the interval is delivered" 1 'broker-b' once -n "$NAMESRV" --to "sqlite:$dir/h.db" --to "$gateway"
same "the history says that the interval is incomplete" 0 "$(sqlite3 "$dir/h.db" 'SELECT complete FROM intervals ORDER BY time DESC LIMIT 1')"
same "the history has the broker as down, the other as up" "broker-a 1|broker-b 0" \
    "$(sqlite3 -separator ' ' "$dir/h.db" 'SELECT broker, up FROM brokers_now ORDER BY broker' | paste -sd '|')"
page=$(curl -s "$gateway/metrics")
same "the gateway has mqpush_collect_complete 0" 0 "$(sed -n 's/^mqpush_collect_complete{.*} //p' <<<"$page")"
same "official sums that miss a part are left out" 0 "$(grep -c '^rocketmq_group_diff{.*topic="payments"' <<<"$page")"
check "ours are there, as lower bounds" grep -q '^mq_group_lag_messages{.*topic="payments"' <<<"$page"
"$lab" resume "$dir/lab" broker-b

"$lab" kill "$dir/lab" broker-b
"$MQPUSH" run -n "$NAMESRV" --to "sqlite:$dir/h2.db" --interval 2s >"$dir/run.log" 2>&1 &
agent=$!
wait_for 20 test -s "$dir/h2.db"
"$lab" kill "$dir/lab" broker-a
sleep 5
check "run goes on while no broker is there" kill -0 "$agent"
check "and says so" grep -qE 'collection is incomplete|nothing could be collected' "$dir/run.log"
"$lab" restart "$dir/lab" broker-a && "$lab" restart "$dir/lab" broker-b
wait_for 60 grep -q 'collection: works again' "$dir/run.log"
check "and says when it is over" grep -q 'collection: works again' "$dir/run.log"
stop_pid "$agent"
check "a TERM ends it with 0" grep -q 'stopping' "$dir/run.log"

# One-shots in a row: each goes on where the one before it ended.
"$lab" scene "$dir/lab" freeze
one_shot() { # one_shot: prints its requests
    "$MQPUSH" once -n "$NAMESRV" --state-dir "$dir/memory" --to "sqlite:$dir/memory.db" 2>&1 | sed -n 's/.* \([0-9]*\) requests.*/\1/p'
    sleep 1 # two in one second would be one interval
}
backlogs() { "$MQPUSH" status backlogs "$@" -o jsonl | jq -r '[.consumer_group, .topic, .lag, .diff, .complete] | @tsv' | sort; }
first=$(one_shot)
second=$(one_shot)
third=$(one_shot)
figure "requests of one-shots in a row: $first $second $third"
check "the third costs what an idle look costs" [ "${third:-1000}" -le 8 ]
same "what it remembers is what a fresh look finds" "$(backlogs -n "$NAMESRV")" "$(backlogs -d "$dir/memory.db")"
"$lab" kill "$dir/lab" broker-a
"$lab" restart "$dir/lab" broker-a
wait_for 30 "$MQPUSH" status -n "$NAMESRV"
one_shot >/dev/null
same "also after a broker has booted meanwhile" "$(backlogs -n "$NAMESRV")" "$(backlogs -d "$dir/memory.db")"

# So do the frames of a watched page: a row for the name server and one for each broker.
frames=$("$MQPUSH" status scrapes --watch=1 -n "$NAMESRV" -o jsonl | head -9 | jq -rs '[.[0:3], .[3:6], .[6:9] | map(.requests) | add] | join(" ")')
figure "requests of three frames: $frames"
check "the third frame costs what an idle look costs" [ "${frames##* }" -le 8 ]

# Sinks.
says "a gateway where nobody listens; the history is written all the same" 1 'Pushgateway 127\.0\.0\.1:1: Connection refused' \
    once -n "$NAMESRV" --to "sqlite:$dir/h3.db" --to http://127.0.0.1:1
same "one interval in it" 1 "$(sqlite3 "$dir/h3.db" 'SELECT count(*) FROM intervals')"
curl -s -X DELETE "$gateway/metrics/job/rocketmq/instance/$(hostname)" >/dev/null
curl -s -X PUT --data-binary $'# TYPE mq_broker_up counter\nmq_broker_up 1\n' "$gateway/metrics/job/other" >/dev/null
says "a gateway that answers 400: its own words" 1 'answered 400.*mq_broker_up' once -n "$NAMESRV" --to "$gateway" --to "sqlite:$dir/h3.db"
peer silent
says "a gateway that never answers, and its address" 1 "$peer_address.*no answer" once -n "$NAMESRV" --to "http://$peer_address?job=x" \
    --set sink.pushgateway.timeout=1s --to "sqlite:$dir/h4.db"
same "the history did not wait for it" 1 "$(sqlite3 "$dir/h4.db" 'SELECT count(*) FROM intervals')"
says "a directory that cannot be written" 1 "/proc/h\.db" once -n "$NAMESRV" --to sqlite:/proc/h.db
cp "$dir/lab/env" "$dir/not-a-database"
says "a file that is no database is set aside, and a new history begins" 0 'not a database; kept as' \
    once -n "$NAMESRV" --to "sqlite:$dir/not-a-database"
check "nothing of it is lost" cmp -s "$dir/lab/env" "$dir"/not-a-database.damaged-*
code=0
"$MQPUSH" status -n "$NAMESRV" >/dev/full 2>"$dir/out" || code=$?
same "a full disk under the output is exit 1" 1 "$code"
shows "and is said" 'No space left on device'
done_testing
