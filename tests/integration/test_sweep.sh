#!/usr/bin/env bash
# test_sweep.sh - `mqpush sweep` against real Pushgateways: what goes, what stays, whatever the names, and what is said of it.
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$tests/.." || exit 1
MQPUSH=${MQPUSH:-$PWD/mqpush}
for program in prometheus-pushgateway jq; do
    command -v "$program" >/dev/null || { echo "$program is not installed" && exit 77; }
done
dir=$(mktemp -d /tmp/mqpush-sweep.XXXXXX)
pids=()
unset MQPUSH_CONFIG NAMESRV_ADDR STATE_DIRECTORY http_proxy https_proxy

# shellcheck disable=SC2317  # runs from the trap
cleanup() {
    stop_pid "${pids[@]}"
    rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

start_gateway "$dir" || not_ok "a Pushgateway starts"
pids+=("$gateway_pid")
first=$gateway
start_gateway "$dir" || not_ok "another Pushgateway starts"
pids+=("$gateway_pid")
second=$gateway

sweep() { # sweep ARGUMENT...: its exit code; what it says in $dir/out and $dir/err
    timeout 60 "$MQPUSH" sweep "$@" >"$dir/out" 2>"$dir/err" </dev/null
}
put() { echo 'x 1' | curl -sf --data-binary @- "$1/metrics/$2"; } # put GATEWAY PATH
groups() { # groups GATEWAY: the labels of each, this host by the name OWN
    curl -sf "$1/api/v1/metrics" | jq -c --arg own "$(uname -n)" \
        '[.data[].labels | if .instance == $own then .instance = "OWN" else . end] | sort_by(.job, .instance, .zone)' | sed 's/"//g'
}
names() { jq -rc '[.rows[] | .instance // "-"] | sort | join(" ")' "$dir/out"; }

old=(job/rocketmq job/rocketmq/instance/gone job/rocketmq/instance@base64/YS9i/rack@base64/= 'job/rocketmq/instance/%25RETRY%25g'
    job/rocketmq/instance/gone/zone@base64/5raI6LS5 job@base64/dGVhbS94/instance/slash job/other/instance/gone)
for path in "${old[@]}"; do put "$first" "$path"; done
put "$second" job/rocketmq/instance/gone
sleep 6.5 # the clock of a gateway is its Date header, whole seconds
"$MQPUSH" once -n 127.0.0.1:1 --to "$first" >"$dir/out" 2>&1
# However slow this machine is, these two stay young.
while put "$first" job/rocketmq/instance/alive && put "$first" "job/rocketmq/instance/$(uname -n)"; do sleep 0.3; done &
young=$!
pids+=("$young")
has_young() { groups "$first" | grep -q alive; }
wait_for 10 has_young
before=$(groups "$first")

rc=0
sweep --to "$first" || rc=$?
same "what is younger than a day stays" "0 of 7 groups deleted, last push 1d ago or more" "$(cat "$dir/out")"
same "which is no failure" 0 "$rc"
sweep --older-than 5s --dry-run --to "$first" -o json
same "--dry-run names the old ones of our job, whatever their names" "%RETRY%g - a/b gone gone" "$(names)"
same "says so" "would be deleted" "$(jq -r '[.rows[].result] | unique | join(",")' "$dir/out")"
same "tells their age, and when the last push was" true \
    "$(jq '[.rows[] | .age_seconds >= 5 and .age_seconds < 300 and ((now - .pushed_at) | . > 5 and . < 300)] | all' "$dir/out")"
same "and deletes nothing" "$before" "$(groups "$first")"
sweep --older-than 5s --dry-run --to "$first" --job team/x -o json
same "--job names another job" slash "$(names)"
sweep --older-than 5s --dry-run --to "$first" --any-job -o tsv
same "--any-job is every job, in any format" 8 "$(wc -l <"$dir/out")"

sweep --older-than 5s --to "$first"
same "the old ones of our job go, labels and all" \
    "[{instance:gone,job:other},{instance:OWN,job:rocketmq},{instance:alive,job:rocketmq},{instance:slash,job:team/x}]" \
    "$(groups "$first")"
same "and are counted" "5 of 7 groups deleted, last push 5s ago or more" "$(tail -1 "$dir/out")"
check "for people in a table" grep -qE "^GATEWAY +JOB +INSTANCE +LABELS +LAST PUSH +AGE +RESULT" "$dir/out"
check "with every label" grep -qE "rocketmq +gone +zone=消费 .* deleted" "$dir/out"

stop_pid "$young"
sweep --older-than 0s --any-job --to "$first"
same "whatever is asked for, the group this agent has just pushed stays" "[{instance:OWN,job:rocketmq}]" "$(groups "$first")"
check "and that is said" grep -q "this agent's own is in use and stays" "$dir/out"
sweep --older-than 0s --any-job --to "$first" --to "$first?instance=x"
same "also when one of several sinks pushes it" "[{instance:OWN,job:rocketmq}]" "$(groups "$first")"

cat >"$dir/mqpush.conf" <<END
[sink stdout]
[sink pushgateway away]
url = http://user:s3cret@127.0.0.1:1
[sink pushgateway]
url = $second
END
rc=0
sweep --older-than 5s -c "$dir/mqpush.conf" || rc=$?
same "the gateways are those of the configuration" "[]" "$(groups "$second")"
same "one that is away makes the exit code 1, and the other is swept" 1 "$rc"
check "it is named with the reason" grep -qxF "mqpush sweep: Pushgateway 127.0.0.1:1: Connection refused" "$dir/err"
same "without its password" 0 "$(cat "$dir/out" "$dir/err" | grep -c s3cret)"

exits() { # exits CLAIM CODE TEXT ARGUMENT...
    local claim=$1 code=$2 text=$3 rc=0
    shift 3
    sweep "$@" || rc=$?
    same "$claim" "$code" "$rc"
    check "  and says why" grep -qF -- "$text" "$dir/err"
}
exits "no gateway is a usage error" 2 "no Pushgateway is configured; --to" --to stdout:
exits "so are --job and --any-job together" 2 "exclude each other" --job a --any-job --to "$first"
exits "so is an age that is none" 2 "expected a duration" --older-than soon --to "$first"
printf '[sink pushgateway]\nurl = http://gw\nca_file = /etc/hostname\n' >"$dir/mqpush.conf"
exits "a wrong configuration is 78" 78 "ca_file: only https uses it" -c "$dir/mqpush.conf"
exits "something that is no Pushgateway is 1" 1 "there is no Pushgateway under this URL" --to "$first/wrong"
check "sweep --help shows what there is" grep -q -- --dry-run <("$MQPUSH" sweep --help)

done_testing
