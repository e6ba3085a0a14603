#!/usr/bin/env bash
# test_acl.sh - brokers that ask who we are, real ones: 5.5.0 with auth 2.0 and 4.9.7 with ACL 1.0. Right keys, wrong ones, missing
# rights; the same numbers as without; what the broker's log says about our pages.
# cluster: 135 s
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$tests/.." || exit 1
MQPUSH=${MQPUSH:-$PWD/mqpush}
command -v jq >/dev/null || exit 77
dir=$(mktemp -d /tmp/mqpush-acl.XXXXXX)
trap '"$lab" stop "$dir/lab" >/dev/null 2>&1; rm -rf "$dir"' EXIT
unset MQPUSH_CONFIG NAMESRV_ADDR STATE_DIRECTORY
export LC_ALL=C.UTF-8 TZ=UTC LAB_LOG=WARN

status() { # status USER SECRET ARGUMENT...: $dir/out, $dir/err, $rc; USER "": unsigned
    local keys=(--set source.rocketmq.request_timeout=10s) # what is late would be said first
    [ -z "$1" ] || keys+=(--set "source.rocketmq.access_key=$1" --set "source.rocketmq.secret_key=$2")
    shift 2
    rc=0
    timeout 30 "$MQPUSH" status -c "$dir/empty.conf" -n "$NAMESRV" "${keys[@]}" "$@" >"$dir/out" 2>"$dir/err" </dev/null || rc=$?
}
cells() { jq -c ".rows[] | [$1]" "$dir/out" | sort; }

numbers() { # numbers USER SECRET: all that does not change with the time of day
    status "$1" "$2" groups -o json && cells '.consumer_group, .lag, .retry_lag, .dlq, .members, .complete'
    status "$1" "$2" backlogs -o json && cells '.consumer_group, .topic, .lag, .diff, .complete'
    status "$1" "$2" topics -o json && cells '.topic, .kind, .queues, .min_offset, .max_offset'
    status "$1" "$2" queues -o json && cells '.consumer_group, .topic, .queue, .min_offset, .max_offset, .consumer_offset, .lag'
}
errors_in_log() { grep -c ' ERROR ' "$dir/lab/log/broker-a.out"; }

refused() { # refused USER SECRET WORDS: nothing can be read, and the first lines say why
    status "$1" "$2"
    same "$VERSION, ${1:-unsigned}: exit 1" 1 "$rc"
    check "$VERSION, ${1:-unsigned}: says $3" grep -qF "(43) is forbidden: $3" "$dir/out"
    check "$VERSION, ${1:-unsigned}: shows no group" grep -q '^no groups' "$dir/out"
    check "$VERSION, ${1:-unsigned}: no secret is said" bash -c "! grep -qF 'not-the-secret' '$dir/out' '$dir/err'"
    status "$1" "$2" scrapes -o json
    same "$VERSION, ${1:-unsigned}: the error of the broker is forbidden" forbidden "$(jq -r '.rows[] | select(.kind == "broker") | .error' "$dir/out")"
}

start() { # start VERSION ARGUMENT...: a lab with a known backlog, and $dir/wanted, what an open broker tells
    if ! "$lab" start "$dir/lab" --version "$@" --topics 20 --groups 20 --set flushConsumerOffsetInterval=300 >"$dir/log" 2>&1 ||
        ! "$lab" fill "$dir/lab" --every-tenth-behind >>"$dir/log" 2>&1; then
        cat "$dir/log"
        exit 1
    fi
    # shellcheck disable=SC1091
    . "$dir/lab/env"
    numbers '' '' >"$dir/wanted"
    check "$VERSION, open: the backlog is there" grep -q '^\["G00010",8,' "$dir/wanted"
    wait_for 10 grep -q '"T00001@G00001":{[^}]*3:2' "$dir/lab/broker-a/store/config/consumerOffset.json"
    "$lab" acl "$dir/lab" >>"$dir/log" 2>&1 || { cat "$dir/log"; exit 1; }
    # shellcheck disable=SC1091
    . "$dir/lab/env"
}

equal_with() { # equal_with USER SECRET
    numbers "$1" "$2" >"$dir/got"
    check "$VERSION, $1: $(wc -l <"$dir/wanted") rows, the same as without" diff "$dir/wanted" "$dir/got"
}

# 5.5.0: pages of seven names, so that all lists have many
: >"$dir/empty.conf"
start 5.5.0 --set splitMetadataSize=7
before=$(errors_in_log)
equal_with labadmin labsecret123
equal_with labreader reader12345
same "5.5.0: signed requests make the broker log no error" "$before" "$(errors_in_log)"
figure "5.5.0: $(status labreader reader12345 scrapes -o json; jq -r '[.rows[].requests] | add' "$dir/out") requests, signed, in pages of seven"
refused labreader not-the-secret 'wrong secret_key'
refused nobody not-the-secret 'unknown user nobody'
refused '' '' 'the broker wants an access_key'
status labbare bare12345
same "5.5.0, no rights: exit 1" 1 "$rc"
# Of a retry topic it wants the right to the group.
shows "5.5.0, no rights: says which, and how many" '\(202\) is forbidden: missing right on (Topic|Group):.*, and [0-9]+ more'
status labbare bare12345 groups -o json
same "5.5.0, no rights: groups are known, their lag is not" '20 0' "$(jq -r '"\(.rows | length) \([.rows[] | select(has("lag"))] | length)"' "$dir/out")"
status labbare bare12345 queues -o json
same "5.5.0, no rights: committed offsets are known, ends are not" 'true false' \
    "$(jq -r '[.rows[] | select(.topic == "T00001")] | "\(all(.consumer_offset == 2)) \(any(has("max_offset") or has("lag")))"' "$dir/out")"
"$lab" stop "$dir/lab" >/dev/null 2>&1

start 4.9.7
equal_with labadmin labsecret123
equal_with labreader reader12345
refused labreader not-the-secret 'wrong secret_key'
refused nobody not-the-secret 'unknown user nobody'
refused '' '' 'the broker wants an access_key'

done_testing
