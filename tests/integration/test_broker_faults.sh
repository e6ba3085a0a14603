#!/usr/bin/env bash
# test_broker_faults.sh - every row of the table of faults in mqpush-rocketmq(7), on real brokers: what is said, the kind in `scrapes`, the
# exit code, all rows of the others, and never a wrong number. Then every byte of a conversation is cut, and forty brokers of which four hang.
#
# Two real brokers; broker-b and the name server behind proxies (cut_proxy.c) that spoil what passes. A row without a check fails, as does
# a check without a row.
# cluster: 260 s
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$tests/.." || exit 1
MQPUSH=${MQPUSH:-$PWD/mqpush} BUILD=${BUILD:-build/release}
programs="$BUILD/tests/integration"
page=agent/man/mqpush-rocketmq.7
dir=$(mktemp -d /tmp/mqpush-broker-faults.XXXXXX)
pids=() seen=() mounted='' hung=''
export LAB_PRELOAD=$PWD/$BUILD/tests/lab/slow_disk.so
unset MQPUSH_CONFIG NAMESRV_ADDR STATE_DIRECTORY
case $BUILD in */release) stride=1 ;; *) stride=13 ;; esac # a sanitizer takes ten times as long

# shellcheck disable=SC2317  # runs from the trap
cleanup() {
    stop_pid "${pids[@]}" ${hung:+"$hung"}
    "$lab" stop "$dir/lab" >/dev/null 2>&1
    [ -z "$mounted" ] || umount "$mounted"
    rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

start_lab() {
    "$lab" start "$dir/lab" "$@" >"$dir/lab.log" 2>&1 || { sed 's/^/  /' "$dir/lab.log" && not_ok "the lab starts" && done_testing; exit 1; }
    # shellcheck disable=SC1091
    . "$dir/lab/env"
}

# Proxies: 1 before the name server, 2 before the broker that suffers -------------------------------------------------------------

# shellcheck disable=SC2154  # coproc sets proxy and proxy_PID
start_proxies() { # start_proxies BROKER
    coproc proxy { exec "$programs/cut_proxy" "$NAMESRV" "$1"; }
    exec {from}<&"${proxy[0]}" {to}>&"${proxy[1]}"
    proxy_pid=$proxy_PID
    pids+=("$proxy_pid")
    read -r -t 10 -u "$from" ns && read -r -t 10 -u "$from" road
}
end_proxies() { # by its id: servers started meanwhile hold its input open, too
    stop_pid "$proxy_pid"
    exec {to}>&- {from}<&-
}
tell() { # tell N WORDS: the proxy's answer is in $told
    echo "$*" >&"$to"
    read -r -t 10 -u "$from" told
}
questions() { tell 2 counts && told=${told#*questions=} && [ "${told%% *}" -ge "$1" ]; }

# Looks ---------------------------------------------------------------------------------------------------------------------------

look() { # look OPTION...: one interval into $dir/got, what is said into $dir/out, its exit code into $code
    rm -f "$dir/got.jsonl"
    code=0
    timeout 60 "$MQPUSH" once -n "$ns" --set "source.rocketmq.rewrite=$victim=$road" "$@" --to "file:$dir/got.jsonl" >"$dir/out" 2>&1 || code=$?
}
whole_look() { look "$@" && [ "$code" = 0 ]; }
hasty=(--set source.rocketmq.request_timeout=700ms)
witness_failed() { # the broker that nobody spoils did not answer in time: the machine is too busy for this look
    [ -n "$witness" ] && [ "$(jq -r "select(.table == \"scrapes\" and .target == \"$witness\") | .ok" "$dir/got.jsonl")" = 0 ]
}
wrong_numbers() { # wrong_numbers FILE: what FILE says differently from the whole look, apart from lower bounds that are marked
    jq -nr --slurpfile whole "$dir/whole.jsonl" --slurpfile got "$1" '
        def name: [.table, .consumer_group, .topic, .broker, .queue] | map(. // "") | join(" ");
        def shown: select(.table == ("groups", "backlogs", "queues", "topics")) | select(.kind != "system" and .kind != "delay");
        ($whole | map(shown | { (name): . }) | add) as $known
        | $got[] | shown | . as $row | $known[name] as $was
        | if $was == null then "\(name): no such row before"
          else ("lag", "diff", "retry_lag", "dlq", "lost", "min_offset", "max_offset", "consumer_offset", "stored", "members", "queues") as $c
            | select($row[$c] != null and $row[$c] != $was[$c])
            | select(($row.complete == 0 and $was[$c] != null and $row[$c] < $was[$c]) | not)
            | "\(name): \($c) is \($row[$c]) instead of \($was[$c])" end'
}
rows_of() { # rows_of BROKER FILE: its topics and queues
    jq -c "select(.broker == \"$1\" and (.table == \"queues\" or (.table == \"topics\" and .kind != \"system\")) and .max_offset != null)
        | [.table, .consumer_group, .topic, .queue, .min_offset, .max_offset, .consumer_offset, .lag]" "$2" | sort -u
}
complain() { not_ok "$1" && sed 's/^/  /' "$dir/out" | head -8; }

# verdict NAME EXIT KIND PATTERN [TARGET]: the look just taken is what the page's row NAME says
verdict() {
    local name=$1 want=$2 kind=$3 pattern=$4 target=${5:-$victim} wrong got
    seen+=("$name $kind $want")
    got=$(jq -r "select(.table == \"scrapes\" and .target == \"$target\") | .error // \"-\"" "$dir/got.jsonl" 2>/dev/null)
    wrong=$(wrong_numbers "$dir/got.jsonl" | head -4)
    if [ "$code" -ne "$want" ]; then
        complain "$name: exit $code instead of $want"
    elif [ -n "$pattern" ] && ! grep -qE -- "$pattern" "$dir/out"; then
        complain "$name: no line like: $pattern"
    elif [ "${got:-none}" != "$kind" ]; then
        complain "$name: $target is \"$got\" in scrapes instead of $kind"
    elif [ -n "$wrong" ]; then
        complain "$name: wrong numbers: $wrong"
    elif [ -n "$witness" ] && [ "$target" = "$victim" ] && [ "$(rows_of broker-a "$dir/whole.jsonl")" != "$(rows_of broker-a "$dir/got.jsonl")" ]; then
        complain "$name: rows of the other broker are missing"
    elif [ "$(jq -r 'select(.part == "collect") | .complete' "$dir/got.jsonl")" != $((want == 0)) ]; then
        complain "$name: mqpush_collect_complete is not $((want == 0))"
    else
        ok "$name: ${pattern:+said, with the address; }$([ "$kind" = - ] || echo "$kind in scrapes; ")exit $want; the others whole; no wrong number"
    fi
}
fault() { # fault NAME EXIT KIND PATTERN WORDS...: with the proxy told so
    for _ in 1 2 3 4 5; do
        tell 2 "${@:5}"
        look "${hasty[@]}"
        witness_failed || break
    done
    verdict "${@:1:4}"
    tell 2
}
recovers() { # recovers CLAIM: the next look is whole
    for _ in 1 2 3 4 5; do
        look
        [ "$code" = 0 ] && break
        sleep 1
    done
    same "$1: the next look is whole" "0 " "$code $(wrong_numbers "$dir/got.jsonl" | head -3)"
}

# Busy ----------------------------------------------------------------------------------------------------------------------------
#
# A consumer that hangs while somebody asks about it keeps a broker's only admin thread waiting, for ten seconds; more questions stand in line.

hang() { # hang QUESTIONS
    : >"$dir/hangs"
    python3 tests/integration/hung_client.py "$victim" G00000 "$1" "$dir/hangs" >"$dir/hung" 2>&1 &
    hung=$!
    wait_for 30 grep -q asked "$dir/hung" || { not_ok "a consumer hangs" && sed 's/^/  /' "$dir/hung"; }
}
let_go() {
    rm -f "$dir/hangs"
    wait "$hung"
    hung=''
}
busy_with() { # busy_with QUESTIONS NAME PATTERN OPTION...: a look while so many stand in line; told to let go where mqpush asks its second question
    local questions=$1 name=$2 pattern=$3 waker
    for _ in 1 2 3 4 5; do
        [ "$questions" = 0 ] || hang "$questions"
        tell 2
        (wait_for 60 questions 2 && [ "$questions" = 1 ] && rm -f "$dir/hangs") >/dev/null 2>&1 &
        waker=$!
        look --set source.rocketmq.running_requests=0 "${@:4}"
        stop_pid "$waker"
        [ "$questions" = 0 ] || let_go
        grep -qE -- "$pattern" "$dir/out" && break
    done
    verdict "$name" 1 busy "$at_b.*answered code 2 SYSTEM_BUSY: $pattern"
}
told_by_b() { # told_by_b [FILE]: the broker's own numbers; its topics; what is not known of a group is absent, and its sum a lower bound
    jq -rs '(map(select(.table == "brokers" and .broker == "broker-b")) | map("\(.up) \(.put_message_times_total) \(.commit_log_max_offset != null)") | join(",")) + ", " +
        (map(select(.table == "topics" and .broker == "broker-b" and .topic == "T00000")) | map(.max_offset) | join(",")) + ", " +
        (map(select(.table == "groups")) | map("\(.lag) \(.complete)") | unique | join(","))' "${1:-$dir/got.jsonl}"
}

# Every byte ----------------------------------------------------------------------------------------------------------------------

cut_everywhere() { # cut_everywhere STRIDE SERVER...: its lines are ours
    local line
    "$programs/cut_everywhere" "$@" >"$dir/cuts" 2>&1 || not_ok "cut_everywhere: exit $?"
    while read -r line; do
        case $line in
        "ok - "*) ok "$VERSION, ${line#ok - }" ;;
        "not ok - "*) not_ok "$VERSION, ${line#not ok - }" ;;
        "# "*) figure "$VERSION, $([ "$1" = 1 ] && echo every byte || echo "one byte in $1"): ${line#"# "}" ;;
        *) echo "  $line" ;;
        esac
    done <"$dir/cuts"
}

# Forty brokers, of which two hang and two answer a byte a second ------------------------------------------------------------------

"$programs/fake_cluster" 20 4 - 40 2 2 >"$dir/cluster.out" 2>&1 &
cluster_pid=$!
wait_for 10 test -s "$dir/cluster.out"
"$MQPUSH" run -n "$(head -1 "$dir/cluster.out")" --interval 6s --set source.rocketmq.request_timeout=1500ms --to "file:$dir/forty.jsonl" \
    >"$dir/out" 2>&1 &
agent=$!
forty() { jq -r "select(.table == \"agent\" and .part == \"collect\") | $1" "$dir/forty.jsonl" 2>/dev/null; }
three_intervals() { [ "$(forty .time | wc -l)" -ge 3 ]; }
wait_for 60 three_intervals
wait_for 30 grep -q "broker-036.* within 1.5 s " "$dir/out"
stop_pid "$agent"
"$MQPUSH" status -n "$(head -1 "$dir/cluster.out")" --set source.rocketmq.request_timeout=1s >"$dir/four" 2>&1
same "status names all four above the table" 'broker-036 broker-037 broker-038 broker-039' \
    "$(sed '/^$/q' "$dir/four" | sed -n 's/^\(broker-03[6-9]\) .*(timeout)$/\1/p' | paste -sd ' ')"
stop_pid "$cluster_pid"
times=$(forty .time | head -3 | paste -sd ' ')
for t in $times; do
    same "forty brokers, four hang: the interval ends, with every row of the others ($t)" "36 up, 4 down, 2880 queues, 4 timeouts" \
        "$(jq -rn "reduce (inputs | select(.time == $t)) as \$r ({ up: 0, down: 0, queues: 0, timeouts: 0 };
            if \$r.table == \"brokers\" and \$r.up == 1 then .up += 1 elif \$r.table == \"brokers\" then .down += 1
            elif \$r.table == \"queues\" and \$r.lag != null then .queues += 1
            elif \$r.table == \"scrapes\" and \$r.error == \"timeout\" and \$r.bytes < 100 then .timeouts += 1 else . end)
            | \"\(.up) up, \(.down) down, \(.queues) queues, \(.timeouts) timeouts\"" "$dir/forty.jsonl")"
done
same "each of the four costs one request an interval" '1 1 1 1 1 1 1 1 1 1 1 1' \
    "$(jq -r "select(.table == \"scrapes\" and .error == \"timeout\" and .bytes < 100) | .requests" "$dir/forty.jsonl" | head -12 | paste -sd ' ')"
same "no tick is missed for them after the first look" "$(forty .missed_ticks_total | sed -n 2p)" "$(forty .missed_ticks_total | sed -n 3p)"
same "from the second look on they cost one timeout, not three (a busy machine ends the first look before)" 'at first three, then one' \
    "$(sed -nE '/ warning: /{s/.*broker-036.* within 4\.5 s.*|.* before the end of the time allowed$/at first three/p;s/.*broker-036.* within 1\.5 s .* in a row.*/then one/p}' \
        "$dir/out" | uniq | paste -sd , | sed 's/,/, /')"
figure "forty brokers, 3,200 queues, two hang and two drip; looks of $(forty .duration_seconds | head -3 | cut -c 1-4 | paste -sd ' ') s at a timeout of 1.5 s;" \
    "$(forty .resident_bytes | sort -n | tail -1 | awk '{ printf "%.0f MB", $1 / 1048576 }'); $(forty .cpu_seconds_total | sed -n 3p) s of CPU for three"

# Two real brokers ----------------------------------------------------------------------------------------------------------------

start_lab --brokers 2 --topics 3 --groups 3 --set broker-b:adminBrokerThreadPoolNums=1 --set broker-b:adminBrokerThreadPoolQueueCapacity=8 \
    --set broker-b:flushDiskType=SYNC_FLUSH
"$lab" fill "$dir/lab" --messages-per-queue 3 --no-commit >"$dir/fill.log" 2>&1 || not_ok "messages are there"
victim=$BROKER_B witness=$BROKER_A
start_proxies "$BROKER_B" || not_ok "the proxies start"
at_b="broker-b .*${BROKER_B//./\\.}"
wait_for 60 whole_look
cp "$dir/got.jsonl" "$dir/whole.jsonl"
same "a whole look through the proxies: each group has all messages of both brokers before it" '24 24 24' \
    "$(jq -r 'select(.table == "groups") | .lag' "$dir/whole.jsonl" | paste -sd ' ')"

fault "cut" 1 closed "$at_b.*closed the connection" down=2000 away
fault "cut once" 0 - '' down=1000
fault "reset" 1 closed "$at_b.*closed the connection" down=2000 away reset
fault "half-open" 1 timeout "$at_b.*no answer to GET_ALL_CONSUMER_OFFSET \(43\) within" hold
fault "one byte a second" 1 timeout "$at_b.*answer to GET_ALL_CONSUMER_OFFSET \(43\) not complete within .* s \([0-9]+ (of [0-9]+ )?bytes\)" trickle=1
fault "does not read" 1 timeout "$at_b.*no answer to " deaf
fault "no answer" 1 timeout "$at_b.*no answer to GET_TOPIC_STATS_INFO \(202\) within" swallow=202
fault "two answers" 0 - '' twice=43
fault "another number" 1 timeout "$at_b.*no answer to GET_ALL_CONSUMER_OFFSET \(43\) within" wrong_id=43
fault "an old answer" 1 timeout "$at_b.*no answer to GET_BROKER_RUNTIME_INFO \(28\) within" stale=28
fault "another's answer" 1 protocol "${BROKER_B//./\\.}: GET_TOPIC_STATS_INFO: this answers another question" swap=202
recovers "after all of these"
cut_everywhere $((7 * stride)) "$NAMESRV" "$BROKER_B" "$BROKER_A"

# Above and in the table, for people.
tell 2 hold
code=0
timeout 60 "$MQPUSH" status -n "$ns" --set "source.rocketmq.rewrite=$victim=$road" "${hasty[@]}" >"$dir/out" 2>&1 || code=$?
tell 2
check "status says above the table who did not answer, marks sums as lower bounds, and says what the mark means" \
    bash -c '[ "$1" = 1 ] && head -3 "$0" | grep -q "broker-b.*no answer" && grep -qE "^G0000[0-9] +12\+" "$0" && grep -q "^+ lower bound" "$0"' "$dir/out" "$code"

tell 1 down=0 away
look
verdict "no name server" 1 closed "^.*nothing could be collected: name server \(${ns//./\\.}\): closed the connection" "$ns"
look --state-dir "$dir/state"
tell 1
look --state-dir "$dir/state"
tell 1 down=0 away
sleep 1 # two looks in one second would be one interval
look --state-dir "$dir/state"
verdict "no name server, later" 1 closed "name server \(${ns//./\\.}\): closed the connection" "$ns"
same "... and the brokers known from before are asked all the same" "2 $(rows_of broker-b "$dir/whole.jsonl" | wc -l)" \
    "$(jq -r 'select(.table == "brokers") | .up' "$dir/got.jsonl" | grep -c 1) $(rows_of broker-b "$dir/got.jsonl" | wc -l)"
tell 1

# What a connection costs is no request: the same brokers with TLS and without, looked at side by side.
looked=()
for tls in off require; do
    "$MQPUSH" run -n "$NAMESRV" --interval 2s --set source.rocketmq.tls=$tls --set source.rocketmq.tls_verify=none --to "file:$dir/$tls.jsonl" \
        >"$dir/$tls.log" 2>&1 &
    looked+=("$!")
done
pids+=("${looked[@]}")
requests() { # requests FILE: of each interval after the first that was whole
    jq -rn '[inputs | select(.table == "scrapes")] | group_by(.time) | .[1:][] | select(all(.ok == 1)) | map(.requests) | add' "$1"
}
four_each() { [ "$(requests "$dir/off.jsonl" | wc -l)" -ge 4 ] && [ "$(requests "$dir/require.jsonl" | wc -l)" -ge 4 ]; }
wait_for 60 four_each
stop_pid "${looked[@]}"
same "TLS adds no request to an interval" "$(requests "$dir/off.jsonl" | sort -n | head -1)" "$(requests "$dir/require.jsonl" | sort -n | head -1)"
figure "requests an interval, two idle brokers: $(requests "$dir/off.jsonl" | head -5 | paste -sd ' '); with TLS: $(requests "$dir/require.jsonl" | head -5 | paste -sd ' ')"

# An answer that comes after its look has ended.
"$MQPUSH" run -n "$ns" --interval 2s --set "source.rocketmq.rewrite=$victim=$road" "${hasty[@]}" --to "file:$dir/run.jsonl" >"$dir/run.log" 2>&1 &
agent=$!
pids+=("$agent")
told_of() { [ "$(jq -r "select(.part == \"collect\" and .complete == $1 and .time > ${2:-0}) | .time" "$dir/run.jsonl" | wc -l)" -gt 0 ]; }
newest() { jq -r 'select(.part == "collect") | .time' "$dir/run.jsonl" | tail -1; }
wait_for 30 told_of 1 || not_ok "late answers: a first look is whole"
tell 2 hold
since=$(newest)
wait_for 30 told_of 0 "$since" || not_ok "late answers: a look without them"
tell 2
since=$(newest)
wait_for 30 told_of 1 "$since"
seen+=("late answers timeout 1")
same "late answers: they meet no later question, and the looks after it are whole and right" "1 " \
    "$(jq -r "select(.part == \"collect\" and .complete == 1 and .time > $since) | .complete" "$dir/run.jsonl" | head -1) $(wrong_numbers "$dir/run.jsonl" | head -3)"
stop_pid "$agent"

# Too much to do.
full=$(told_by_b "$dir/whole.jsonl")
busy_with 9 "busy" "\[OVERLOAD\]system busy" "${hasty[@]}"
same "busy: what it did not tell is absent, never 0" "1 null false, , 12 0" "$(told_by_b)"
recovers "busy, then calm"
same "... with all numbers" "$full" "$(told_by_b)"
busy_with 1 "busy, in line" "\[TIMEOUT_CLEAN_QUEUE\]broker busy, .*period in queue: [0-9]+ms"
same "busy, in line: what it answered afterwards in that look counts" "${full%, *}, 12 0" "$(told_by_b)"
busy_with 0 "too much at once" "\[OVERLOAD\]system busy" --set source.rocketmq.max_in_flight=64
recovers "too much at once, then less"

# An agent that goes on meets a busy broker, and its history is read.
"$MQPUSH" run -n "$NAMESRV" --interval 2s --set source.rocketmq.slow_interval=1s --set source.rocketmq.clients_interval=1s \
    --set source.rocketmq.running_requests=0 --to "file:$dir/less.jsonl" --to "sqlite:$dir/less.db" >"$dir/less.log" 2>&1 &
agent=$!
pids+=("$agent")
looks() { jq -r "select(.table == \"scrapes\" and .target == \"$victim\") | \"\(.error // \"ok\") \(.requests)\"" "$dir/less.jsonl" 2>/dev/null; }
looked_at() { [ "$(looks | grep -c ok)" -ge 4 ]; }
history_tells() {
    "$MQPUSH" status -d "$dir/less.db" >"$dir/told" 2>&1
    grep -q "^broker-b ${victim//./\\.}: is busy" "$dir/told"
}
calm_again() { # fewer requests in the first good look, then as many as before
    looks | awk '$1 == "ok" && !busy { least = $2 < last ? $2 : last; last = $2 }
        $1 == "busy" { busy = 1 }
        $1 != "ok" { first = 0 }
        $1 == "ok" && busy { first = first ? first : $2; if (first < least && $2 >= least) done = 1 }
        END { exit !done }'
}
meet_busy() {
    for _ in 1 2 3 4 5; do
        hang 9
        wait_for 8 history_tells && cp "$dir/told" "$dir/busy"
        let_go
        [ -s "$dir/busy" ] && wait_for 20 calm_again && return
    done
    return 1
}
wait_for 60 looked_at || not_ok "an agent that goes on: looks before"
check "busy: asked for less afterwards, and in full again when it is calm" meet_busy
check "busy: the history says so above the table, and marks sums as lower bounds" grep -qE "^G00000 +12\+" "$dir/busy"
figure "requests an interval to a broker that is busy for a while: $(looks | tail -n +2 | paste -sd ' ' | sed 's/ok //g')"
stop_pid "$agent"
same "busy: all the while no number is wrong" '' "$(wrong_numbers "$dir/less.jsonl" | head -3)"

# A disk that is slow: each write and each flush takes a second. (A process that is stopped in pulses is below.)
echo 1000 >"$dir/lab/broker-b/slow-disk"
"$lab" fill "$dir/lab" --messages-per-queue 1 --no-commit >"$dir/fill.log" 2>&1 &
filler=$!
of_b() { jq -r "select(.table == \"brokers\" and .broker == \"broker-b\") | .$1" "$dir/got.jsonl"; }
behind() { look; [ "$code" = 0 ] && [ "$(of_b dispatch_behind_bytes)" -gt 0 ]; }
check "slow disk: messages that are stored and not yet in their queues are told" wait_for 60 behind
figure "a disk that takes a second: a look of $(jq -r "select(.table == \"scrapes\" and .target == \"$victim\") | .duration_ms | floor" "$dir/got.jsonl") ms," \
    "$(of_b dispatch_behind_bytes) bytes not yet in queues"
same "slow disk: what is counted meanwhile is between before and after" '' \
    "$(jq -r 'select(.table == "groups") | select(.complete != 1 or .lag < 24 or .lag > 32) | "\(.consumer_group): \(.lag), complete \(.complete)"' "$dir/got.jsonl")"
echo 100 >"$dir/lab/broker-b/slow-disk"
wait "$filler" || not_ok "slow disk: messages are sent"
all_there() { look; [ "$code" = 0 ] && [ "$(jq -r 'select(.table == "groups") | .lag' "$dir/got.jsonl" | paste -sd ' ')" = '32 32 32' ]; }
check "slow disk: each message that was sent is counted" wait_for 30 all_there
cp "$dir/got.jsonl" "$dir/whole.jsonl"
look
verdict "slow disk" 0 - ''
check "slow disk: the table of brokers shows it" test "$(of_b put_message_entire_time_max)" -ge 1000
rm "$dir/lab/broker-b/slow-disk"

# The broker itself: stopped and continued, slow, killed (in the midst of a look, then for good), started again with much more to say.
victim_pid=$BROKER_B_PID
"$lab" pause "$dir/lab" broker-b
fault "stopped" 1 timeout "$at_b.*no answer to "
"$lab" resume "$dir/lab" broker-b
recovers "stopped, then continued"
(while kill -STOP "$victim_pid" && sleep 0.2 && kill -CONT "$victim_pid" && sleep 0.05; do :; done) 2>/dev/null &
pulse=$!
look --set source.rocketmq.request_timeout=20s
stop_pid "$pulse"
kill -CONT "$victim_pid"
verdict "slow" 0 - ''
figure "a broker that runs a fifth of the time: a look of $(jq -r 'select(.table == "scrapes" and .target == "'"$victim"'") | .duration_ms | floor' "$dir/got.jsonl") ms"

"$lab" pause "$dir/lab" broker-b
tell 2
(wait_for 30 questions 1 && "$lab" kill "$dir/lab" broker-b) >/dev/null 2>&1 &
killer=$!
look
wait "$killer"
verdict "killed in a look" 1 closed "$at_b.*closed the connection"
tell 2
sleep 1
look --state-dir "$dir/state" --set "source.rocketmq.rewrite="
verdict "killed" 1 system "the name server lists lab/$at_b, which cannot be reached from here \(Connection refused\)"

# Started again with so much to say that a Java client would refuse it.
python3 - "$dir/lab/broker-b/store/config/consumerOffset.json" <<'PY'
import sys
path = sys.argv[1]
text = open(path).read()
more = ",".join('"T00000@%s%05d":{0:1}' % ("G" * 240, n) for n in range(36000))
assert '"offsetTable":{' in text
open(path, "w").write(text.replace('"offsetTable":{', '"offsetTable":{' + more + ",", 1))
PY
"$lab" restart "$dir/lab" broker-b >"$dir/restart.log" 2>&1 || { sed 's/^/  /' "$dir/restart.log" && not_ok "broker-b starts again"; }
wait_for 60 whole_look --set source.rocketmq.request_timeout=20s
verdict "restarted" 0 - ''
large=$(jq -r "select(.table == \"scrapes\" and .target == \"$victim\") | .bytes" "$dir/got.jsonl")
check "a large answer: more than 16 MiB came whole" test "$large" -gt $((16 << 20))
seen+=("a large answer - 0")
figure "an answer of $((large >> 20)) MiB: $(jq -r 'select(.part == "collect") | "\(.resident_bytes / 1048576 | floor) MB resident after it, \(.cpu_seconds_total) s of CPU, \(.duration_seconds) s"' "$dir/got.jsonl")"
end_proxies
"$lab" stop "$dir/lab" >/dev/null 2>&1

# 4.9.7: another conversation, topic by topic; and a disk that is full -------------------------------------------------------------

mkdir "$dir/small"
if mount -t tmpfs -o size=96m mqpush-faults "$dir/small" 2>"$dir/mount.log"; then
    mounted=$dir/small
else
    figure "nothing can be mounted here ($(tail -1 "$dir/mount.log")): no disk is full"
fi
start_lab --version 4.9.7 --topics 3 --groups 3 --set adminBrokerThreadPoolNums=1 --set "storePathCommitLog=$dir/small"
"$lab" fill "$dir/lab" --messages-per-queue 3 --no-commit >"$dir/fill.log" 2>&1 || not_ok "messages are there"
victim=$BROKER_A witness=''
start_proxies "$BROKER_A" || not_ok "the proxies start"
wait_for 60 whole_look
cp "$dir/got.jsonl" "$dir/whole.jsonl"
fault "stopped" 1 timeout "broker-a .*no answer to GET_ALL_CONSUMER_OFFSET" hold
hang 30
fault "no answer" 1 timeout "broker-a .*no answer to GET_ALL_CONSUMER_OFFSET"
let_go
recovers "a broker of 4.9 that has too much to do has no word for it, lets all wait, and then"
fault "another's answer" 1 protocol "this answers another question" swap=202
cut_everywhere "$stride" "$NAMESRV" "$BROKER_A"
dd if=/dev/zero of="$dir/small/rest" bs=1M count=96 2>/dev/null
look
seen+=("disk full - 0")
if [ -n "$mounted" ]; then
    verdict "disk full" 0 - ''
    check "disk full: the table of brokers shows it" test 1 = \
        "$(jq -r 'select(.table == "brokers") | if .commit_log_disk_ratio > 0.97 then 1 else .commit_log_disk_ratio end' "$dir/got.jsonl")"
fi
end_proxies

# The page: a row for each check, a check for each row, and the same kind and exit code in both.
same "mqpush-rocketmq(7) has these faults, kinds and exit codes, and no others" "$(printf '%s\n' "${seen[@]}" | sort -u)" \
    "$(sed -n "/^\.TS/,/^\.TE/s/^\([a-z][a-z', -]*\)\t\([a-z-]*\)\t\([01]\)\tT{$/\1 \2 \3/p" "$page" | sort -u)"
done_testing
