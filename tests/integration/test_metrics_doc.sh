#!/usr/bin/env bash
# test_metrics_doc.sh - `mqpush metrics` tells of every metric, and agent/METRICS.md is what it prints.
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$tests/.." || exit 1
MQPUSH=${MQPUSH:-$PWD/mqpush}
dir=$(mktemp -d /tmp/mqpush-metrics.XXXXXX)
trap 'rm -rf "$dir"' EXIT
export LC_ALL=C.UTF-8

"$MQPUSH" metrics -o md >"$dir/METRICS.md"
if diff -u agent/METRICS.md "$dir/METRICS.md" >"$dir/diff"; then
    ok "agent/METRICS.md is what \`mqpush metrics -o md\` prints"
else
    not_ok "agent/METRICS.md is what \`mqpush metrics -o md\` prints (make it so: mqpush metrics -o md >agent/METRICS.md)"
    head -20 "$dir/diff"
fi

check "agent/man/mqpush-metrics.7 is what \`mqpush metrics -o man\` prints" cmp -s agent/man/mqpush-metrics.7 <("$MQPUSH" metrics -o man)
"$MQPUSH" metrics -o tsv | tail -n +2 | cut -f1 | sort >"$dir/names"
figure "$(wc -l <"$dir/names") metrics"
same "no name stands twice" '' "$(uniq -d "$dir/names")"
same "the document has them all" "$(cat "$dir/names")" \
    "$(sed -nE 's/^\| ([a-z]+_[A-Za-z0-9_]+) \|.*/\1/p' agent/METRICS.md | sort)"
same "so has the manual page" "$(cat "$dir/names")" "$(sed -nE 's/^\.B (.*)/\1/p' agent/man/mqpush-metrics.7 | sort)"
same "so has JSON" "$(cat "$dir/names")" "$("$MQPUSH" metrics -o json | jq -r '.rows[].name' | sort)"
same "so has the table" "$(cat "$dir/names")" "$("$MQPUSH" metrics | awk 'NR > 1 { print $1 }' | sort)"
same "each has a meaning and a formula" '' \
    "$("$MQPUSH" metrics -o json | jq -r '.rows[] | select((.help | length) == 0 or (.formula | length) == 0) | .name')"
check "one metric is told at length" grep -q '^  from ' <("$MQPUSH" metrics rocketmq_group_diff)
same "patterns choose and take away" "$(grep '^mqpush_' "$dir/names" | grep -v '^mqpush_sink')" \
    "$("$MQPUSH" metrics 'mqpush_*' '!mqpush_sink*' -o tsv | tail -n +2 | cut -f1 | sort)"
rc=0
"$MQPUSH" metrics 'nonsense_*' >"$dir/out" 2>"$dir/err" || rc=$?
same "a pattern that matches nothing: exit 2" 2 "$rc"
check "and is named" grep -qF 'nonsense_* matches no metric' "$dir/err"

done_testing
