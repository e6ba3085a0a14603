#!/usr/bin/env bash
# test_topology.sh - one agent over two real clusters of the same names: 5.5.0 with two name servers, two masters and two slaves, and
# 4.9.7 with a slave. Name servers and brokers go, come, disagree; masters die while they are being asked. Nothing moves in these
# clusters, so every number that changes is a mistake.
# alone: two clusters, nine virtual machines.
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
cd "$tests/.." || exit 1
MQPUSH=${MQPUSH:-$PWD/mqpush}
dir=$(mktemp -d /tmp/mqpush-topology.XXXXXX)
gateway_pid='' agent_pid=''
export LAB_START_LIMIT_S=300
unset MQPUSH_CONFIG NAMESRV_ADDR STATE_DIRECTORY

# shellcheck disable=SC2317,SC2086  # runs from the trap
cleanup() {
    stop_pid $gateway_pid $agent_pid
    for name in new old; do [ ! -e "$dir/$name/env" ] || "$lab" stop "$dir/$name" >/dev/null 2>&1; done
    rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

give_up() { not_ok "$1" && sed 's/^/  /' "$dir"/*.log && done_testing; exit 1; }
sql() { sqlite3 -cmd '.timeout 5000' "$dir/h.db" "$@"; }
becomes() { # becomes CLAIM WANTED COMMAND...: what it prints, within a minute
    local claim=$1 wanted=$2 until=$((SECONDS + 60)) got
    shift 2
    while got=$("$@") && [ "$got" != "$wanted" ] && [ "$SECONDS" -lt "$until" ]; do sleep 0.3; done
    same "$claim" "$wanted" "$got"
}
lags() { # lags SOURCE: of the newest interval, "lag/complete" of the group that is behind, and of all others
    sql "SELECT coalesce(max(CASE WHEN consumer_group = 'G00000' THEN lag || '/' || complete END), 'unknown') || ' ' ||
        coalesce(group_concat(DISTINCT CASE WHEN consumer_group <> 'G00000' THEN coalesce(lag, 'unknown') || '/' || complete END), '-')
        FROM groups_now WHERE source = '$1'"
}
brokers() { # of 5.5.0, in the newest interval
    sql "SELECT group_concat(b, ' ') FROM (SELECT broker || '/' || broker_id || '=' || up AS b FROM brokers_now
        WHERE source = 'new' ORDER BY broker, broker_id)"
}
old_now() { echo "$(lags old) $(sql "SELECT up FROM brokers_now WHERE source = 'old' AND broker_id = '0'")"; }
stand_in() { # the highest offset of broker-a, whether there are no more than are right, and the queues whose ends are known
    sql "SELECT coalesce(max(consumer_offset), 0) || ' ' || (count(consumer_offset) <= 14) || ' ' ||
        coalesce((SELECT sum(queues) FROM topics_now WHERE source = 'new' AND broker = 'broker-a' AND (topic LIKE 'T0%' OR
        topic LIKE '\%RETRY\%G0%' ESCAPE '\') AND max_offset IS NOT NULL), 0)
        FROM queues_now WHERE source = 'new' AND broker = 'broker-a'"
}
is_whole() { sql 'SELECT complete FROM intervals ORDER BY time DESC LIMIT 1'; }

# ---- the clusters ----

"$lab" start "$dir/old" --version 4.9.7 --slaves --topics 10 --groups 10 >"$dir/old.log" 2>&1 &
old_start=$!
"$lab" start "$dir/new" --namesrvs 2 --brokers 2 --slaves --topics 10 --groups 10 >"$dir/new.log" 2>&1 || give_up "5.5.0 starts"
wait "$old_start" || give_up "4.9.7 starts"
figure "$(cat "$dir/new.log")"
figure "$(cat "$dir/old.log")"
# shellcheck disable=SC1091
. "$dir/old/env"
old=$NAMESRV
# shellcheck disable=SC1091
. "$dir/new/env"
# Offsets come after the first pull: from then on a slave of 5.5.0 gets none any more, and what it has, 0 everywhere, is old.
pull() { "$lab" admin "$dir/new" consumeMessage -t T00000 -b broker-a -i 0 -c 1 | grep MSGID; }
{
    "$lab" fill "$dir/new" --no-commit && wait_for 60 pull &&
        "$lab" fill "$dir/new" --messages-per-queue 0 --every-tenth-behind && "$lab" fill "$dir/old" --messages-per-queue 3 --every-tenth-behind
} >"$dir/fill.log" 2>&1 || give_up "the topics are filled"
start_gateway "$dir" || give_up "a Pushgateway starts"
cat >"$dir/mqpush.conf" <<EOF
[agent]
interval = 3s
[source rocketmq new]
namesrv = ${NAMESRV/;/,}
slow_interval = 5s
forget_after = 8s
[source rocketmq old]
namesrv = $old
slow_interval = 5s
[sink sqlite]
path = $dir/h.db
[sink pushgateway]
url = $gateway
EOF
chmod 600 "$dir/mqpush.conf"
"$MQPUSH" run -c "$dir/mqpush.conf" >"$dir/run.log" 2>&1 &
agent_pid=$!

# ---- all is there ----

says "two name servers, two masters, two slaves: all is well" 0 '^4 of 4 brokers shown, coverage 100 %' status brokers -n "$NAMESRV"
mkdir "$dir/status"
for what in groups backlogs topics queues clients producers brokers; do
    "$MQPUSH" status "$what" -n "$NAMESRV" -o json >"$dir/status/$what.json" || not_ok "status $what"
done
"$lab" oracle "$dir/new" >"$dir/oracle.json" || not_ok "the Java client could not be asked"
"$MQPUSH" status brokers -n "$NAMESRV" -o json >"$dir/status/brokers_later.json" || not_ok "status brokers"
python3 "$here/parity.py" "$dir/oracle.json" "$dir/status" queues backlogs groups topics brokers || failures=$((failures + 1))
wait_for 60 test -s "$dir/h.db"
becomes "one agent sees all of both clusters" "broker-a/0=1 broker-a/1=1 broker-b/0=1 broker-b/1=1" brokers
becomes "and an interval is whole" 1 is_whole
same "the two are told apart by source" "new 5.5.0 16, old 4.9.7 12" "$(sql "SELECT group_concat(DISTINCT g.source || ' ' || b.version || ' ' ||
    g.lag) FROM groups_now g JOIN brokers_now b USING (source) WHERE consumer_group = 'G00000' AND g.cluster = 'lab' AND b.cluster = 'lab'" | sed 's/,/, /')"
same "5.5.0: backlog as it was made" "16/1 0/1" "$(lags new)"
same "4.9.7: backlog as it was made" "12/1 0/1" "$(lags old)"
"$MQPUSH" once --dry-run --sink pushgateway -c "$dir/mqpush.conf" >"$dir/page" 2>"$dir/out" || not_ok "a page of both can be made"
same "no sample stands twice on the page" '' "$(grep -E '^[a-z_]+(\{.*\})? [^ ]+$' "$dir/page" | sed 's/ [^ ]*$//' | sort | uniq -d | head -3)"
figure "$(grep -cE '^[a-z_]+(\{.*\})? [^ ]+$' "$dir/page") samples of two clusters in one page"
on_gateway() { curl -s "$gateway/metrics" | grep -E "^$1\{.*${2-}" | sed 's/.* //' | sort -u | paste -sd ' '; }
wait_for 30 test -n "$(on_gateway mq_group_lag_messages 'source="old"')"
same "a Pushgateway has both" "16 12" "$(on_gateway mq_group_lag_messages 'group="G00000".*source="new".*topic="T00000"') \
$(on_gateway mq_group_lag_messages 'group="G00000".*source="old".*topic="T00000"')"
same "name servers agree" 1 "$(on_gateway mq_nameserver_agrees)"

# ---- a name server goes and comes ----

"$lab" kill "$dir/new" namesrv-b
killed_at=$(date +%s)
says "a name server is away: it is said, the rest is whole" 1 "^nameserver $NAMESRV_B: Connection refused" status -n "$NAMESRV"
check "all groups are there, complete" grep -q '^10 of 10 groups shown' "$dir/out"
check "and none is a lower bound" bash -c "! grep -q 'lower bound' '$dir/out'"
becomes "the agent says so, too" 1 sql "SELECT count(*) >= 3 FROM intervals WHERE time > $killed_at AND complete = 0"
same "and has the backlog all the same" "16/1 0/1" "$(lags new)"
# All name servers are asked each slow_interval, and from the first that is missed on in each interval.
same "no interval since then calls itself whole" 0 "$(sql "SELECT count(*) FROM intervals
    WHERE time >= (SELECT min(time) FROM scrapes WHERE target = '$NAMESRV_B' AND ok = 0) AND complete = 1")"
"$lab" restart "$dir/new" namesrv-b >"$dir/restart.log" 2>&1 || give_up "the name server starts again"
becomes "it is back, and all is whole" 1 is_whole

# ---- a broker that one name server only knows, comes and leaves ----

"$lab" add "$dir/new" --set "namesrvAddr=$NAMESRV_A" >"$dir/add.log" 2>&1 || give_up "a third broker starts"
becomes "a new broker is found by the living agent" "broker-a/0=1 broker-a/1=1 broker-b/0=1 broker-b/1=1 broker-c/0=1" brokers
says "name servers that disagree: said above the table" 0 "^nameserver $NAMESRV_B: lists 4 of the 5 broker processes" status brokers -n "$NAMESRV"
check "and all brokers of both are shown" grep -q '^5 of 5 brokers shown, coverage 100 %' "$dir/out"
disagree() { [ "$(on_gateway mq_nameserver_agrees "target=\"$NAMESRV_A\"") $(on_gateway mq_nameserver_agrees "target=\"$NAMESRV_B\"")" = "1 0" ]; }
check "the one that lacks it has mq_nameserver_agrees 0" wait_for 30 disagree
becomes "the backlog is as before" "16/1 0/1" lags new
"$lab" kill "$dir/new" broker-c
becomes "it leaves: down at first" "broker-a/0=1 broker-a/1=1 broker-b/0=1 broker-b/1=1 broker-c/0=0" brokers
becomes "and forgotten after forget_after" "broker-a/0=1 broker-a/1=1 broker-b/0=1 broker-b/1=1" brokers
becomes "all is whole again" 1 is_whole

# ---- masters die while they are asked ----

whole=$(sql "SELECT count(*) FROM queues_now WHERE source = 'new' AND consumer_offset IS NOT NULL")
"$lab" pause "$dir/new" broker-a
paused_at=$(date +%s)
becomes "a look waits for a master that does not answer" 1 sql "SELECT count(*) > 0 FROM intervals WHERE time >= $paused_at AND complete = 0"
"$lab" kill "$dir/new" broker-a
"$lab" kill "$dir/old" broker-a
becomes "5.5.0: the slave stands in" "broker-a/0=0 broker-a/1=1 broker-b/0=1 broker-b/1=1" brokers
becomes "its offsets are unknown: every sum is a lower bound, none is 0 for sure" "0 8" sql "SELECT max(complete) || ' ' || max(lag) FROM groups_now WHERE source = 'new'"
# Retry topics and G00000 are at 0 anyway, 14 queues; the slave has these offsets or none, as it once had time to get them or not.
becomes "no queue has an older offset, the ends of all are there" "0 1 50" stand_in
same "and of the other master all" "$whole" "$(sql "SELECT 2 * count(consumer_offset) FROM queues_now WHERE source = 'new' AND broker = 'broker-b'")"
says "it is said which broker, and why" 1 "^broker-a $BROKER_A_SLAVE: .*its master is away, and a slave of 5\.5 does not get committed offsets" status -n "$NAMESRV"
"$MQPUSH" once --dry-run -n "$NAMESRV" --to http://127.0.0.1:9 >"$dir/page" 2>/dev/null
same "the official name is left out" 0 "$(grep -c '^rocketmq_group_diff{' "$dir/page")"
check "ours are there, as lower bounds" grep -qE '^mq_group_complete\{.*group="G00000".*topic="T00000".*\} 0$' "$dir/page"
becomes "4.9.7: the slave has the offsets: lag as the master had it" "12/1 0/1 0" old_now
says "that the master is not there is said, and no failure" 0 "stands in for its master" status -n "$old"
"$lab" restart "$dir/old" broker-a >"$dir/restart.log" 2>&1 &
old_start=$!
"$lab" restart "$dir/new" broker-a >>"$dir/restart.log" 2>&1 || give_up "the master of 5.5.0 starts again"
wait "$old_start" || give_up "the master of 4.9.7 starts again"
becomes "the masters are back" "broker-a/0=1 broker-a/1=1 broker-b/0=1 broker-b/1=1" brokers
becomes "and everything is as it was: complete" "20 28 1" sql "SELECT sum(complete) || ' ' || sum(lag) ||
    ' ' || (SELECT complete FROM intervals ORDER BY time DESC LIMIT 1) FROM groups_now"
same "every queue has its offset again" "$whole" "$(sql "SELECT count(consumer_offset) FROM queues_now WHERE source = 'new'")"
says "a fresh look finds the same" 0 'coverage 100 %' status -n "$NAMESRV"
"$MQPUSH" once --dry-run -n "$NAMESRV" --to http://127.0.0.1:9 >"$dir/page" 2>/dev/null
check "the official name is back" grep -qE '^rocketmq_group_diff\{group="G00000",topic="T00000".*\} 16$' "$dir/page"

# ---- what the history says of it all ----

stop_pid "$agent_pid"
check "a TERM ends the agent with 0" grep -q 'stopping' "$dir/run.log"
agent_pid=''
figure "$(sql 'SELECT count(*) || " intervals, " || sum(complete) || " of them whole" FROM intervals')"
same "no group was ever further behind than it is" '' "$(sql "SELECT time, source, consumer_group, lag FROM groups WHERE lag > CASE consumer_group
    WHEN 'G00000' THEN CASE source WHEN 'new' THEN 16 ELSE 12 END ELSE 0 END LIMIT 5")"
same "what was called complete was right" '' "$(sql "SELECT time, source, consumer_group, lag FROM groups WHERE complete = 1 AND lag IS NOT CASE consumer_group
    WHEN 'G00000' THEN CASE source WHEN 'new' THEN 16 ELSE 12 END ELSE 0 END LIMIT 5")"
same "no offset of any queue ever moved, none was made up" '' "$(sql "SELECT source, consumer_group, topic, broker, queue, group_concat(DISTINCT consumer_offset)
    FROM queues_changes WHERE consumer_offset IS NOT NULL GROUP BY 1, 2, 3, 4, 5 HAVING count(DISTINCT consumer_offset) > 1 LIMIT 5")"
same "no end ever moved" '' "$(sql "SELECT source, topic, broker, group_concat(DISTINCT max_offset) FROM topics_changes
    WHERE topic LIKE 'T0%' AND max_offset IS NOT NULL GROUP BY 1, 2, 3 HAVING count(DISTINCT max_offset) > 1 LIMIT 5")"
same "nobody was seen to send or to consume" '' "$(sql "SELECT 'in', topic, in_rate FROM topics_changes WHERE topic LIKE 'T0%' AND in_rate <> 0
    UNION SELECT 'out', consumer_group, out_rate FROM backlogs_changes WHERE out_rate <> 0 LIMIT 5")"
done_testing
