#!/usr/bin/env bash
# test_versions.sh - servers from 4.3.2 to 5.5.0 and their odd settings, real ones: binary headers, a RocksDB store, light queues, a static
# topic, POP. No request goes unanswered, and every number is the official Java admin client's of that version. (test_parity.sh has the long
# scene of 5.5.0 and 4.9.7, with rates and retries.)
# cluster: 300 s
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
cd "$tests/.." || exit 1
MQPUSH=${MQPUSH:-$PWD/mqpush}
dir=$(mktemp -d /tmp/mqpush-versions.XXXXXX)
export LAB_START_LIMIT_S=300
unset MQPUSH_CONFIG NAMESRV_ADDR STATE_DIRECTORY

# shellcheck disable=SC2317  # runs from the trap
cleanup() {
    [ ! -e "$dir/lab/env" ] || "$lab" stop "$dir/lab" >/dev/null 2>&1
    rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

give_up() { not_ok "$1" && sed 's/^/  /' "$dir/log" && done_testing; exit 1; }
quietly() { "$lab" "$@" >>"$dir/log" 2>&1 || give_up "lab.sh $*"; }
boot() { # boot LABEL ARGUMENT...: a fresh lab
    label=$1
    shift
    [ ! -e "$dir/lab/env" ] || quietly stop "$dir/lab"
    : >"$dir/log"
    "$lab" start "$dir/lab" "$@" >>"$dir/log" 2>&1 || give_up "lab.sh start $*"
    figure "$label: $(sed -n 's/ is ready after \(.* s\):.*/ ready after \1/p' "$dir/log")"
    # shellcheck disable=SC1091
    . "$dir/lab/env"
}
live() { quietly scene "$dir/lab" start && quietly scene "$dir/lab" wait && quietly scene "$dir/lab" hold; }

# Binary or JSON: the fifth byte of an answer to a question in JSON.
header_type() { # header_type ADDRESS CODE
    local header="{\"code\":$2,\"language\":\"OTHER\",\"version\":401,\"opaque\":1,\"flag\":0}" n
    n=$(printf %x "${#header}")
    (
        exec 3<>"/dev/tcp/${1%:*}/${1#*:}" || exit
        printf "\\0\\0\\0\\x$(printf %x $((${#header} + 4)))\\0\\0\\0\\x$n%s" "$header" >&3
        timeout 5 head -c 5 <&3 | od -An -tu1 | awk '{ print $5 }'
    )
}

tables='groups backlogs topics queues clients producers brokers scrapes'
take() { # every table of status, each of a fresh look that asks for everything
    local what
    rm -rf "$dir/status"
    mkdir "$dir/status"
    for what in $tables; do
        "$MQPUSH" status "$what" -n "$NAMESRV" -o json >"$dir/status/$what.json" 2>"$dir/err" || not_ok "$label: status $what: $(head -3 "$dir/err")"
    done
    "$MQPUSH" once --dry-run -n "$NAMESRV" --to http://127.0.0.1:9 >"$dir/status/page.prom" 2>"$dir/err" || not_ok "$label: no page: $(head -3 "$dir/err")"
}
# A request that a server does not know would have failed: old ones do not answer at all.
nothing_failed() {
    local scrapes="$dir/status/scrapes.json"
    figure "$label: $(jq '[.rows[].requests] | add' "$scrapes") requests, codes $(sed -n 's/^mqpush_requests_total{.*code="\([0-9]*\)".*/\1/p' \
        "$dir/status/page.prom" | sort -nu | paste -sd ' ')"
    same "$label: every request was answered" 0 "$(jq '[.rows[] | select(.ok != 1 or .failed != 0)] | length' "$scrapes")"
}
compare() { # compare TABLE...
    take
    "$lab" oracle "$dir/lab" >"$dir/oracle.json" 2>"$dir/err" || not_ok "$label: the Java client could not be asked: $(head -3 "$dir/err")"
    "$MQPUSH" status brokers -n "$NAMESRV" -o json >"$dir/status/brokers_later.json" || not_ok "$label: status brokers"
    python3 "$here/parity.py" "$dir/oracle.json" "$dir/status" "$@" >"$dir/compared"
}
# Clients that are online commit some offsets, of retry topics, for the first time when they have been so for a while: then once more.
equals_java() { # equals_java TABLE...
    compare "$@" || compare "$@" || compare "$@" || failures=$((failures + 1))
    nothing_failed
    sed "s/ - V[0-9_]* / - $label: /; s/^# V[0-9_]*:/# $label:/" "$dir/compared" | cut -c1-300
}
numbers() { jq -c '.rows[] | [.consumer_group, .topic, .broker, .queue, .min_offset, .max_offset, .consumer_offset, .lag]' "$dir/status/queues.json" | sort; }

# A group that takes by POP: nobody came yet, twelve of twenty held, all acknowledged, gone. Of what is in flight the Java tools say 0, or
# another number that is not it.
courier_is() { # courier_is WANTED: type members lag inflight; what its clients hold; owners and inflight of its queues
    local what
    for what in groups backlogs clients queues; do "$MQPUSH" status $what -n "$NAMESRV" --group courier -o json; done 2>"$dir/err" |
        jq -rs '(.[1:] | map([.rows[] | select(.topic == "parcels" or has("topic") == false)])) as [$backlogs, $clients, $queues]
            | "\(.[0].rows[0] | "\(.type) \(.members)") \($backlogs | map("\(.lag) \(.inflight)")); \($clients | map(.pop_inflight));"
            + " \($queues | map("\(.client) \(.inflight)") | unique)"' >"$dir/courier"
    [ "$(<"$dir/courier")" = "$1" ]
}
courier() { # courier CLAIM WANTED: sooner or later
    wait_for 30 courier_is "$2"
    same "$label: $1" "$2" "$(<"$dir/courier")"
}
takes_by_pop() { # sets diff: that of the Java tool while twelve of twenty are held
    quietly pop "$dir/lab" start
    courier "a POP group that never came has no backlog, and no type yet" 'unknown 0 []; []; []'
    quietly pop "$dir/lab" hold
    diff=$("$lab" admin "$dir/lab" consumerProgress -g courier 2>"$dir/err" | sed -n 's/^Consume Diff Total: //p')
    courier "a POP group: 12 are in flight, as its client says, lag as Java has it, no queue has an owner" "pop 1 [\"$diff 12\"]; [12]; [\" null\"]"
    quietly pop "$dir/lab" ack
    courier "all acknowledged: 0 in flight, no lag" 'pop 1 ["0 0"]; [0]; [" null"]'
    quietly pop "$dir/lab" stop
    courier "nobody there: what is in flight is not known" 'unknown 0 ["0 null"]; []; [" null"]'
}

all='queues backlogs groups topics brokers'

boot '4.3.2' --version 4.3.2
live
# shellcheck disable=SC2086
equals_java $all clients owners
same "4.3.2: said to be that" 4.3.2 "$(jq -r '.rows[0].version' "$dir/status/brokers.json")"
numbers >"$dir/json"
check "4.3.2: there is a backlog to compare" grep -q '"fraud-check"' "$dir/json"
echo -Drocketmq.serialize.type=ROCKETMQ >"$dir/lab/jvm.args"
quietly restart "$dir/lab" broker-a
quietly restart "$dir/lab" namesrv
label='4.3.2, binary headers'
same "$label: they are" "1 1" "$(header_type "$BROKER_A" 28) $(header_type "$NAMESRV" 106)"
take
nothing_failed
numbers >"$dir/binary"
check "$label: $(wc -l <"$dir/json") queues, all as with JSON" diff "$dir/json" "$dir/binary"

boot '4.9.7, binary headers' --version 4.9.7 --topics 10 --groups 10 --jvm -Drocketmq.serialize.type=ROCKETMQ
quietly fill "$dir/lab" --every-tenth-behind
same "$label: it answers JSON in JSON all the same" "0 0" "$(header_type "$BROKER_A" 28) $(header_type "$NAMESRV" 106)"
# shellcheck disable=SC2086
equals_java $all

boot '5.3.3' --version 5.3.3 --topics 10 --groups 10
quietly fill "$dir/lab" --every-tenth-behind
# shellcheck disable=SC2086
equals_java $all

boot '5.5.0, binary headers and light queues' --version 5.5.0 --topics 10 --groups 10 --jvm -Drocketmq.serialize.type=ROCKETMQ \
    --set enableLmq=true --set enableMultiDispatch=true
quietly fill "$dir/lab" --every-tenth-behind
quietly light "$dir/lab" T00001
same "$label: they are" "1 1" "$(header_type "$BROKER_A" 28) $(header_type "$NAMESRV" 106)"
# shellcheck disable=SC2086
equals_java $all
same "$label: a message for light queues is counted where it lies, and nowhere else" '[["T00001",12]]' \
    "$(jq -c '[.rows[] | select(.topic == "T00001" or (.topic | startswith("%LMQ%"))) | [.topic, .stored]]' "$dir/status/topics.json")"
takes_by_pop
same "$label: the lag of a POP group is what was not handed out" 8 "$diff"
# With one static topic the list of topics (21) has bare numbers as keys, which the Java client of this version cannot read itself.
before=$("$MQPUSH" status topics -n "$NAMESRV" -o json | jq '.rows | length')
quietly admin "$dir/lab" updateStaticTopic -t T_STATIC -qn 4 -c lab
quietly admin "$dir/lab" sendMessage -t T_STATIC -p x
label='5.5.0, a static topic'
take
nothing_failed
same "$label: is there with its queues, and all the others" "4 1 $((before + 1))" \
    "$(jq -r '"\(.rows[] | select(.topic == "T_STATIC") | "\(.queues) \(.stored)") \(.rows | length)"' "$dir/status/topics.json")"

boot '5.5.0, RocksDB' --version 5.5.0 --set storeType=defaultRocksDB --set configManagerVersion=v2 --set enableLmq=true \
    --set enableMultiDispatch=true --set popConsumerKVServiceInit=true --set popConsumerKVServiceEnable=true
live
check "$label: that is where its offsets are" test -d "$dir/lab/broker-a/store/config/rdb"
# shellcheck disable=SC2086
equals_java $all clients owners
takes_by_pop
check "$label: and, with this store of POP, what each of the four queues handed out last" test "$diff" -gt 8 -a "$diff" -le 12
done_testing
