#!/usr/bin/env bash
# test_redis.sh - the redis sink against real servers: every row of every interval is in its stream once, whatever is cut, killed, promoted
# or moved meanwhile. What is pushed and how it is read back: push_redis.c.
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$tests/.." || exit 1
BUILD=${BUILD:-build/release}
MQPUSH=${MQPUSH:-$PWD/mqpush}
tool="$BUILD/tests/integration/push_redis"
command -v redis-server >/dev/null || { echo "redis-server is not installed" && exit 77; }
dir=$(mktemp -d /tmp/mqpush-redis.XXXXXX)
declare -A pids=()
start=1700000040
unset MQPUSH_CONFIG NAMESRV_ADDR STATE_DIRECTORY REDISCLI_AUTH

# shellcheck disable=SC2317  # runs from the trap
cleanup() {
    local pid
    for pid in "${pids[@]}"; do kill -9 "$pid" && wait "$pid"; done 2>/dev/null
    rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

cli() { redis-cli -h 127.0.0.1 -p "$@" 2>&1; } # cli PORT COMMAND...
is_up() { cli "$1" PING | grep -qE 'PONG|NOAUTH'; }
server() { # server NAME PORT OPTION...: starts it, or starts it again with what it had
    mkdir -p "$dir/$1"
    redis-server --port "$2" --bind 127.0.0.1 --dir "$dir/$1" --save '' --repl-diskless-sync-delay 0 "${@:3}" >>"$dir/$1/log" 2>&1 &
    pids[$1]=$!
    wait_for 10 is_up "$2"
}
kill_server() { # at once, without a farewell
    kill -9 "${pids[$1]}"
    wait "${pids[$1]}" 2>/dev/null
    unset "pids[$1]"
}
push() { "$tool" push "$@"; } # push URL TIME COUNT ROWS SECONDS [option=value]...
all_there() { # all_there CLAIM PREFIX TIME COUNT ROWS HOST...
    local found
    found=$("$tool" verify "${@:2}") && ok "$1" && figure "$1: ${found##*$'\n'}" && return
    not_ok "$1"
    printf '  %s\n' "$found"
}
oks() { grep -c '^ok ' "$1"; }
last_id() { cli "$1" XREVRANGE "$2" + - COUNT 1 | head -1; }

a=$(free_port) b=$(free_port) c=$(free_port) s=$(free_port)

# --- one server ---------------------------------------------------------------------------------------------------------
server plain "$a" --unixsocket "$dir/plain.sock"
url="redis://127.0.0.1:$a/0"
push "$url" $start 5 2000 5 >"$dir/out"
same "five intervals are accepted" 5 "$(oks "$dir/out")"
all_there "they are there, each row once and with its values" mqpush: $start 5 2000 "127.0.0.1:$a"
same "an id is the interval's time and the row's number" "$((start + 240))000-2000" "$(last_id "$a" mqpush:queues)"
push "$url" $start 5 2000 5 >"$dir/out"
all_there "all of them pushed again change nothing" mqpush: $start 5 2000 "127.0.0.1:$a"
check "the probe says version and role" grep -qE '^Redis [0-9.]+ at 127.0.0.1:[0-9]+, master$' <("$tool" probe "$url")
push "unix://$dir/plain.sock" $start 2 100 5 prefix=sock: database=3 >"$dir/out"
same "a unix socket and another database do as well" 200 "$(cli "$a" -n 3 XLEN sock:queues)"
push "redis://localhost:$a" $start 1 100 5 prefix=name: >"$dir/out"
same "a host may be a name" 1 "$(oks "$dir/out")"
"$MQPUSH" once -n 127.0.0.1:1 --to "$url?prefix=cli:" >"$dir/out" 2>&1 </dev/null
check "mqpush once --to redis://... writes what it has" test "$(cli "$a" XLEN cli:scrapes)" -gt 0

# --- trouble with the streams -------------------------------------------------------------------------------------------
{
    push "$url" $((start + 3600)) 2 300 5 prefix=back:
    push "$url" $start 4 300 5 prefix=back: # the clock stepped back an hour
    push "$url" $start 4 300 5 prefix=back: # and the agent restarted, which delivers them again
    push "$url" $((start + 3720)) 1 300 5 prefix=back:
} >"$dir/out"
same "a clock that steps back is no error" 11 "$(oks "$dir/out")"
all_there "intervals from before the step are there once" back: $start 4 300 "127.0.0.1:$a"
all_there "and those from after it" back: $((start + 3600)) 3 300 "127.0.0.1:$a"

push "$url" $start 1 300 5 prefix=future: >"$dir/out"
cli "$a" XADD future:queues 99999999999999-5 who else >/dev/null
push "$url" $((start + 60)) 3 300 5 prefix=future: >>"$dir/out"
push "$url" $((start + 180)) 2 300 5 prefix=future: >>"$dir/out"
same "a foreign entry from the future is no error" 6 "$(oks "$dir/out")"
all_there "rows go behind it, once" future: $start 5 300 "127.0.0.1:$a"

cli "$a" XADD between:queues "$((start))000-150" who else >/dev/null
push "$url" $start 1 300 5 prefix=between: >"$dir/out"
all_there "a foreign entry among an interval's ids costs no row" between: $start 1 300 "127.0.0.1:$a"

cli "$a" XADD end:queues 18446744073709551615-18446744073709551615 who else >/dev/null
push "$url" $start 1 10 5 prefix=end: >"$dir/out"
check "the last possible id is told as a matter of configuration" grep -q '^REJECT .*last' "$dir/out"
same "and the other streams are written" 3 "$(cli "$a" XLEN end:groups)"
cli "$a" SET wrong:queues text >/dev/null
push "$url" $start 1 10 5 prefix=wrong: >"$dir/out"
check "a key of another type is left alone and told" grep -q '^REJECT .*WRONGTYPE' "$dir/out"
same "it still holds what it held" text "$(cli "$a" GET wrong:queues)"

push "$url" $start 30 500 5 prefix=len: maxlen=1000 >"$dir/out"
length=$(cli "$a" XLEN len:queues)
check "maxlen bounds a stream ($length)" test "$length" -ge 1000 -a "$length" -le 1700
push "$url" $((start + 29 * 60)) 1 500 5 prefix=len: maxlen=1000 >>"$dir/out"
all_there "a trimmed stream takes no row twice" len: $((start + 29 * 60)) 1 500 "127.0.0.1:$a"
push "$url" $start 30 500 5 prefix=age: maxage=5m >"$dir/out"
oldest=$(cli "$a" XRANGE age:queues - + COUNT 1 | head -1)
check "maxage bounds it too ($oldest)" test "${oldest%%-*}" -ge $(((start + 23 * 60) * 1000))

# --- no room, no right --------------------------------------------------------------------------------------------------
used=$(cli "$a" INFO memory | sed -n 's/^used_memory:\([0-9]*\).*/\1/p')
cli "$a" CONFIG SET maxmemory $((used + 700000)) >/dev/null
push "$url" $start 1 20000 1 prefix=oom: >"$dir/out"
check "a full server is a matter of time" grep -q '^RETRY .*OOM' "$dir/out"
cli "$a" CONFIG SET maxmemory 0 >/dev/null
push "$url" $start 1 20000 5 prefix=oom: >"$dir/out"
all_there "what was refused comes later, what was taken is not doubled" oom: $start 1 20000 "127.0.0.1:$a"

secret='se:cr@t/%?'
cli "$a" ACL SETUSER writer on ">$secret" '~acl:*' +xadd +xtrim +xrevrange +xinfo +ping +auth +hello +select >/dev/null
cli "$a" ACL SETUSER reader on ">$secret" '~acl:*' +xinfo +xtrim +ping >/dev/null
login="se%3Acr%40t%2F%25%3F@127.0.0.1:$a"
push "redis://writer:$login" $start 1 100 5 prefix=acl: >"$dir/out"
same "a user with the rights of the manual is enough" 1 "$(oks "$dir/out")"
check "without INFO the probe still answers" grep -q 'unknown version' <("$tool" probe "redis://writer:$login")
push "redis://reader:$login" $((start + 60)) 1 100 2 prefix=acl: >"$dir/out"
check "a user who may not write is told so" grep -q '^REJECT .*NOPERM' "$dir/out"
push "redis://writer:$login" $start 1 100 2 prefix=other: >>"$dir/out"
check "also where the keys are not his" grep -q '^REJECT .*other:.*NOPERM' "$dir/out"
push "redis://writer:wrong$login" $start 1 100 2 prefix=acl: >>"$dir/out"
check "a wrong password is told" grep -q '^REJECT .*AUTH: WRONGPASS' "$dir/out"
push "redis://127.0.0.1:$a" $start 1 100 2 prefix=acl: user=writer "password=$secret" >>"$dir/out"
same "user and password may stand by themselves" 1 "$(oks "$dir/out")"
"$MQPUSH" once --dry-run -n 127.0.0.1:1 --to "redis://writer:$login" >>"$dir/out" 2>&1 </dev/null
check "the dry run shows commands" grep -q '^XADD mqpush:scrapes ' "$dir/out"
check "no secret is shown" test "$(grep -cE 'se:cr|se%3A|cr@t' "$dir/out")" -eq 0

# --- cut while it is being written --------------------------------------------------------------------------------------
"$tool" push "$url" $start 60 3000 30 prefix=cut: >"$dir/out" &
pusher=$!
cuts=0
while kill -0 "$pusher" 2>/dev/null && [ "$cuts" -lt 300 ]; do
    cli "$a" CLIENT KILL TYPE normal SKIPME yes >/dev/null && cuts=$((cuts + 1))
    sleep "0.0$((RANDOM % 4))"
done
wait "$pusher"
same "$cuts times cut off, all sixty intervals are accepted" 60 "$(oks "$dir/out")"
all_there "each row once after $cuts cuts" cut: $start 60 3000 "127.0.0.1:$a"
kill_server plain

server aof "$a" --appendonly yes --appendfsync always
"$tool" push "$url" $start 100 2000 60 prefix=aof: >"$dir/out" &
pusher=$!
for _ in 1 2 3 4 5 6; do
    sleep 0.2
    kill_server aof
    server aof "$a" --appendonly yes --appendfsync always
done
wait "$pusher"
same "a server killed six times: a hundred intervals are accepted" 100 "$(oks "$dir/out")"
all_there "each row once after the server was killed" aof: $start 100 2000 "127.0.0.1:$a"

done=0 kills=0 # the agent is killed; the next one begins with the last interval that was accepted
has_two_or_is_done() { [ "$(oks "$dir/out")" -ge 2 ] || ! kill -0 "$pusher" 2>/dev/null; }
while [ "$done" -lt 100 ] && [ "$kills" -lt 300 ]; do
    : >"$dir/out" # here: one that is killed at once has not emptied it
    "$tool" push "$url" $((start + done * 60)) $((100 - done)) 2000 20 prefix=kill: >"$dir/out" 2>&1 &
    pusher=$!
    [ $((kills % 2)) -eq 0 ] || wait_for 60 has_two_or_is_done # every other one gets on, however slow the machine
    sleep "0.$((RANDOM % 4))$((RANDOM % 10))"
    if kill -9 "$pusher" 2>/dev/null; then kills=$((kills + 1)); fi
    wait "$pusher" 2>/dev/null
    accepted=$(oks "$dir/out")
    done=$((done + accepted))
    [ "$done" -lt 100 ] && [ "$accepted" -gt 0 ] && done=$((done - 1))
done
all_there "each row once after the agent was killed $kills times" kill: $start 100 2000 "127.0.0.1:$a"

kill -STOP "${pids[aof]}"
"$tool" push "$url" $start 1 5000 20 prefix=stop: >"$dir/out" &
pusher=$!
sleep 4 # longer than the timeout: the sink gives up, and what it sent waits in the server
kill -CONT "${pids[aof]}"
wait "$pusher"
same "a server that stands still is given up and tried again" "ok $start again" "$(cat "$dir/out")"
all_there "late commands of a connection given up do no harm" stop: $start 1 5000 "127.0.0.1:$a"
kill_server aof

# --- a replica takes over -----------------------------------------------------------------------------------------------
server one "$a"
server two "$b" --replicaof 127.0.0.1 "$a"
linked() { cli "$1" INFO replication | grep -q master_link_status:up; }
wait_for 10 linked "$b"
"$tool" push "redis://127.0.0.1:$a,127.0.0.1:$b" $start 100 2000 60 replicas=1 >"$dir/out" &
pusher=$!
sleep 0.3
cli "$b" REPLICAOF NO ONE >/dev/null # the sink still talks to the old one, which is made a replica
cli "$a" REPLICAOF 127.0.0.1 "$b" >/dev/null
sleep 0.5
wait_for 10 linked "$a"
kill_server two
cli "$a" REPLICAOF NO ONE >/dev/null
server two "$b" --replicaof 127.0.0.1 "$a"
wait "$pusher"
same "two fail-overs: a hundred intervals are accepted" 100 "$(oks "$dir/out")"
kill_server two
kill_server one

server one "$a" --databases 1
server two "$b" --replicaof 127.0.0.1 "$a"
wait_for 10 linked "$b"
"$tool" push "redis://127.0.0.1:$a,127.0.0.1:$b" $start 60 2000 60 prefix=over: replicas=1 >"$dir/out" &
pusher=$!
sleep 0.3
kill_server one
server one "$a" --replicaof 127.0.0.1 "$b"
cli "$b" REPLICAOF NO ONE >/dev/null
wait "$pusher"
same "the master is killed, its replica promoted: sixty intervals are accepted" 60 "$(oks "$dir/out")"
all_there "each row once in the replica that took over" over: $start 60 2000 "127.0.0.1:$b"
kill_server one
kill_server two

# --- Sentinel -----------------------------------------------------------------------------------------------------------
server one "$a"
server two "$b" --replicaof 127.0.0.1 "$a"
wait_for 10 linked "$b"
mkdir -p "$dir/sentinel"
cat >"$dir/sentinel/conf" <<EOF
port $s
bind 127.0.0.1
dir $dir/sentinel
sentinel monitor mqueue 127.0.0.1 $a 1
sentinel down-after-milliseconds mqueue 700
sentinel failover-timeout mqueue 3000
EOF
redis-server "$dir/sentinel/conf" --sentinel >"$dir/sentinel/log" 2>&1 &
pids[sentinel]=$!
wait_for 10 is_up "$s"
knows_replica() { cli "$s" SENTINEL replicas mqueue | grep -q "^127.0.0.1:$b\$"; }
wait_for 20 knows_replica
"$tool" push "redis://mqueue/0" $start 60 1000 60 "sentinels=127.0.0.1:1, 127.0.0.1:$s" prefix=sent: replicas=1 >"$dir/out" &
pusher=$!
sleep 0.3
kill_server one
promoted() { cli "$s" SENTINEL get-master-addr-by-name mqueue | grep -q "^$b\$"; }
check "the Sentinel promotes the replica" wait_for 30 promoted
# Once is enough: on a busy machine it would choose again, and a replica that is still being filled loses what both had accepted.
cli "$s" SENTINEL set mqueue down-after-milliseconds 60000 >/dev/null
server one "$a" --replicaof 127.0.0.1 "$b"
wait "$pusher"
same "the sink follows the Sentinel: sixty intervals are accepted" 60 "$(oks "$dir/out")"
all_there "each row once on the master the Sentinel chose" sent: $start 60 1000 \
    "127.0.0.1:$(cli "$s" SENTINEL get-master-addr-by-name mqueue | tail -n 1)"
push "redis://nobody/0" $start 1 10 1 "sentinels=127.0.0.1:$s" >"$dir/out"
check "a master that no Sentinel knows is told" grep -q "knows no master named nobody" "$dir/out"
kill_server sentinel
kill_server one
kill_server two

# --- Cluster ------------------------------------------------------------------------------------------------------------
# The bus is 10,000 above the port, and must stay below those that the kernel gives to clients.
bus_is_free() { [ "$1" -lt 22700 ] && ! (exec 3<>"/dev/tcp/127.0.0.1/$(($1 + 10000))") 2>/dev/null; }
cluster_ports() { while :; do p=$(free_port) && bus_is_free "$p" && { echo "$p" || return; }; done 2>/dev/null; }
read -r a b c < <(cluster_ports | awk '!seen[$0]++' | head -3 | paste -sd ' ')
for node in "n1 $a" "n2 $b" "n3 $c"; do
    server "${node% *}" "${node#* }" --cluster-enabled yes --cluster-node-timeout 2000
done
redis-cli --cluster create "127.0.0.1:$a" "127.0.0.1:$b" "127.0.0.1:$c" --cluster-yes >"$dir/cluster" 2>&1
is_formed() { for p in "$a" "$b" "$c"; do cli "$p" CLUSTER INFO | grep -q cluster_state:ok || return 1; done; }
check "a cluster of three forms" wait_for 30 is_formed
nodes=("127.0.0.1:$a" "127.0.0.1:$b" "127.0.0.1:$c")
for prefix in p1: p2: p3: '{tag}:'; do
    push "redis://127.0.0.1:$a" $start 3 1000 20 "prefix=$prefix" >"$dir/out"
    same "any node of the cluster will do ($prefix)" 3 "$(oks "$dir/out")"
    all_there "each row once, wherever $prefix lives" "$prefix" $start 3 1000 "${nodes[@]}"
done

owner_of() { # owner_of KEY: the port
    local p
    for p in "$a" "$b" "$c"; do cli "$p" EXISTS "$1" | grep -q MOVED || { echo "$p" && return; }; done
}
slot=$(cli "$a" CLUSTER KEYSLOT '{tag}m:queues')
push "redis://127.0.0.1:$a" $((start + 180)) 1 500 20 'prefix={tag}m:' >"$dir/out"
from=$(owner_of '{tag}m:queues')
to=$a && [ "$from" = "$a" ] && to=$b
from_id=$(cli "$from" CLUSTER MYID) to_id=$(cli "$to" CLUSTER MYID)
"$tool" push "redis://127.0.0.1:$a" $((start + 180)) 200 500 30 'prefix={tag}m:' >"$dir/out" &
pusher=$!
cli "$to" CLUSTER SETSLOT "$slot" IMPORTING "$from_id" >/dev/null
cli "$from" CLUSTER SETSLOT "$slot" MIGRATING "$to_id" >/dev/null
sleep 0.2
for key in '{tag}m:queues' '{tag}m:groups'; do cli "$from" MIGRATE 127.0.0.1 "$to" "$key" 0 5000 >/dev/null; done
check "(a key that has left makes its old node say ASK)" grep -q ASK <(cli "$from" XLEN '{tag}m:queues')
push "redis://127.0.0.1:$from" $((start + 180)) 1 500 20 'prefix={tag}m:' >"$dir/asked"
same "ASK is followed" "ok $((start + 180))" "$(cat "$dir/asked")"
sleep 0.2
for p in "$to" "$from"; do cli "$p" CLUSTER SETSLOT "$slot" NODE "$to_id" >/dev/null; done
wait "$pusher"
same "a slot moves meanwhile: two hundred intervals are accepted" 200 "$(oks "$dir/out")"
all_there "each row once after the slot has moved" '{tag}m:' $((start + 180)) 200 500 "${nodes[@]}"
done_testing
