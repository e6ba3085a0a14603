#!/usr/bin/env bash
# test_pushgateway.sh - against a real Pushgateway: what the sink pushes is what the gateway holds, byte by byte (push_batch.c), and
# what `mqpush once` says and returns when all is well, when the gateway refuses and when it is away.
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$tests/.." || exit 1
BUILD=${BUILD:-build/release}
MQPUSH=${MQPUSH:-$PWD/mqpush}
command -v prometheus-pushgateway >/dev/null || { echo "prometheus-pushgateway is not installed" && exit 77; }
dir=$(mktemp -d /tmp/mqpush-pushgateway.XXXXXX)
gateway_pid=''
unset MQPUSH_CONFIG NAMESRV_ADDR STATE_DIRECTORY http_proxy https_proxy

# shellcheck disable=SC2317  # runs from the trap
cleanup() {
    [ -n "$gateway_pid" ] && stop_pid "$gateway_pid"
    rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# Nobody listens on port 1: nothing can be collected, and what the agent has to tell about itself still arrives.
once() { # once ARGUMENT...: its exit code; standard error in $dir/err
    timeout 60 "$MQPUSH" once -n 127.0.0.1:1 "$@" >"$dir/out" 2>"$dir/err" </dev/null
}
said() { # said TEXT: on standard error
    grep -qF -- "$1" "$dir/err" && return
    sed 's/^/  said: /' "$dir/err"
    return 1
}
groups() { curl -sf "$gateway/api/v1/metrics" | jq -c '[.data[].labels] | sort_by(.job, .instance)'; }
value() { # value GROUP-INSTANCE METRIC
    curl -sf "$gateway/api/v1/metrics" |
        jq -r --arg i "$1" --arg m "$2" '.data[] | select(.labels.instance == $i) | .[$m].metrics[0].value // "none"'
}

if ! start_gateway "$dir"; then
    not_ok "the Pushgateway starts"
    done_testing
    exit
fi

"$BUILD/tests/integration/push_batch" "$gateway" >"$dir/batches" || failures=$((failures + 1))
cat "$dir/batches"
passes=$((passes + $(grep -c '^ok - ' "$dir/batches")))
stop_pid "$gateway_pid"
start_gateway "$dir" || not_ok "the Pushgateway starts again"

once --to "$gateway"
same "a push makes one group, job rocketmq, instance the host name" \
    "[{\"instance\":\"$(uname -n)\",\"job\":\"rocketmq\"}]" "$(groups)"
same "and the agent's own metrics are in it" 1 "$(value "$(uname -n)" mqpush_build_info)"
once --to "$gateway?job=edge&instance=site-7&grouping=zone%3Db%2F1"
same "options of the URL name the group" '[{"instance":"site-7","job":"edge","zone":"b/1"}]' \
    "$(groups | jq -c 'map(select(.job == "edge"))')"
check "the gateway's own page stays readable" grep -q '^mqpush_build_info' <(curl -sf "$gateway/metrics")

printf '# TYPE mqpush_build_info counter\nmqpush_build_info 1\n' >"$dir/clash"
curl -sf -X DELETE "$gateway/metrics/job/rocketmq/instance/$(uname -n)"
curl -sf -X DELETE "$gateway/metrics/job/edge/instance/site-7/zone@base64/Yi8x"
wait_for 5 test "$(groups)" = '[]'
curl -sf -X PUT --data-binary "@$dir/clash" "$gateway/metrics/job/other"
rc=0
once --to "$gateway" || rc=$?
same "a push that is refused makes the exit code 1" 1 "$rc"
check "and the gateway's words are said" said "Pushgateway ${gateway#http://}: answered 400: pushed metrics are invalid"
check "with the name that clashes" said mqpush_build_info

rc=0
once --to "${gateway/http:\/\//http://user:s3cret@}/wrong" || rc=$?
same "a wrong path makes the exit code 1" 1 "$rc"
check "and the path is blamed" said "there is no Pushgateway under this URL"
same "without the password" 0 "$(grep -c s3cret "$dir/err")"

stop_pid "$gateway_pid"
rc=0
once --interval 1s --to "$gateway" || rc=$?
same "a gateway that is away makes the exit code 1" 1 "$rc"
check "and is named with the reason" said "Pushgateway ${gateway#http://}: Connection refused"
rc=0
once --to ftp://127.0.0.1 || rc=$?
check "a URL that no sink serves is refused before anything is asked" test "$rc" -ne 0 -a "$rc" -ne 1

done_testing
