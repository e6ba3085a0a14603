#!/usr/bin/env bash
# history_size.sh [GROUPS] - a day of the same numbers (bench_sqlite.c) as a history and as Prometheus' blocks: bytes per sample.
#
# Prometheus keeps numbers only, so samples are counted without texts; the history also holds those. Its blocks are those of 2 h,
# as they are written, of 6 h and of 18 h, as compaction leaves them during the day and after it; the logs of neither are counted.
# Takes some minutes and 1.2 GB of disk with 100 groups; promtool wants some 18 MB of memory for each group.
set -euo pipefail
cd "$(dirname "$0")/../.."
bench=${BUILD:-build/release}/tests/bench/bench_sqlite
groups=${1:-100}
command -v promtool >/dev/null || { echo "promtool is not installed" && exit 77; }
dir=$(mktemp -d /tmp/mqpush-size.XXXXXX)
trap 'rm -rf "$dir"' EXIT
history=$("$bench" day "$dir/history.db" "$groups" | sed -n 's/^sqlite day samples=.* bytes=\([0-9]*\) .*/\1/p')
"$bench" openmetrics "$groups" >"$dir/day.om"
samples=$(($(wc -l <"$dir/day.om") - 1))
report() { # report NAME BYTES
    awk -v name="$1" -v bytes="$2" -v n="$samples" 'BEGIN { printf "%-28s %12d bytes %6.2f bytes a sample\n", name, bytes, bytes / n }'
}
echo "# $samples samples, $groups groups, $(promtool --version 2>&1 | head -1), $(sqlite3 --version | cut -d' ' -f1)"
report "history" "$history"
for span in 2h 6h 18h; do
    promtool tsdb create-blocks-from openmetrics --quiet --max-block-duration="$span" "$dir/day.om" "$dir/blocks-$span" >/dev/null
    report "prometheus, blocks of $span" "$(find "$dir/blocks-$span" -type f -printf '%s\n' | awk '{ s += $1 } END { print s }')"
done
