#!/usr/bin/env bash
# test_pushgateway.sh - against a real Pushgateway: what the sink pushes is what the gateway holds, byte by byte (push_batch.c), and
# what `mqpush once` says and returns when all is well, when the gateway refuses and when it is away.
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$tests/.." || exit 1
BUILD=${BUILD:-build/release}
MQPUSH=${MQPUSH:-$PWD/mqpush}
for program in prometheus-pushgateway promtool; do
    command -v "$program" >/dev/null || { echo "$program is not installed" && exit 77; }
done
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

# Whatever the configuration says, everybody else's pushes are taken afterwards and the gateway's page reads well.
printf 'bad \377 name' >"$dir/not-utf8"
printf 'two\nlines\n\n' >"$dir/lines"
head -c 5000 /dev/zero | tr '\0' x >"$dir/long"
harm=("?instance=\${FILE:$dir/not-utf8}" "?job=\${FILE:$dir/not-utf8}" "?grouping=zone=\${FILE:$dir/not-utf8}" "?labels=zone=\${FILE:$dir/not-utf8}"
    "?instance=\${FILE:$dir/lines}" "?instance=\${FILE:$dir/long}" "?job=%2e%2e&instance=%2e" "?job=a%2fb%252fc&instance=%20" "?job=%25FF"
    "?grouping=__name__=x" "?grouping=__x=y" "?grouping=zo-ne=y" "?grouping=job=y" "?grouping=instance=y" "?grouping=le=1,quantile=x"
    "?grouping=topic=x" "?grouping=rack=" "?labels=zone=" "?labels=__name__=x" "?labels=job=y,instance=z" "?labels=le=1,quantile=2"
    '?labels=zone=a%22b%5cc' "?labels=exported_job=x" "?metrics=mq_*&max_series=1" "?gzip=yes" "?job=")
before=$failures
for query in "${harm[@]}"; do
    once --to "$gateway$query"
    grep -q 'answered 400' "$dir/err" && not_ok "$query is refused before it is sent" && said "nothing of the kind"
    echo 'x 1' | curl -sf --data-binary @- "$gateway/metrics/job/neighbour" || not_ok "after $query the neighbour's push is taken"
    curl -sf "$gateway/metrics" | promtool check metrics >"$dir/promtool" 2>&1
    [ $? -eq 1 ] && not_ok "after $query the page reads well" && sed 's/^/  /' "$dir/promtool"
done
same "no configuration harms the gateway (${#harm[@]} tried)" "$before" "$failures"
while read -r path; do curl -sf -X DELETE "$gateway/metrics/$path"; done < <(curl -sf "$gateway/api/v1/metrics" | jq -r '.data[].labels |
    "job@base64/" + (.job | @base64 | if . == "" then "=" else gsub("\\+"; "-") | gsub("/"; "_") end) +
    ([del(.job) | to_entries[] | "/" + .key + "@base64/" + (.value | @base64 | if . == "" then "=" else gsub("\\+"; "-") | gsub("/"; "_") end)] | join(""))')
wait_for 5 test "$(groups)" = '[]'

once --to "$gateway?labels=zone=b"
once --to "$gateway?grouping=zone=b"
check "a label that moves into the path meets the group of before, which is said" said "another group holds the same series"
"$MQPUSH" sweep --older-than 0s --to "$gateway?grouping=zone=b" >/dev/null
once --to "$gateway?grouping=zone=b"
same "and sweep makes way" '[{"instance":"'"$(uname -n)"'","job":"rocketmq","zone":"b"}]' "$(groups)"
curl -sf -X DELETE "$gateway/metrics/job/rocketmq/instance/$(uname -n)/zone/b"

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
