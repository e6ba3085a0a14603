#!/usr/bin/env bash
# valgrind.sh [PART...] - memcheck over unit tests, fuzz corpora and the program itself against a small invented cluster (parts: unit,
# unit/test_NAME, replay, program; all if none is named). One line a program; exit 1 if any had an error. `make valgrind` builds first.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
. tests/lib.sh
BUILD=${BUILD:-build/release}
dir=$(mktemp -d)
pids=()
trap 'stop_pid "${pids[@]}"; rm -rf "$dir"' EXIT
export CK_TIMEOUT_MULTIPLIER=50
programs=0 bad=0

memcheck() { # memcheck NAME EXPECTED_EXIT COMMAND...: forks (each test of libcheck is one) are watched, too
    local name=$1 wanted=$2 log="$dir/${1//\//_}" rc=0
    shift 2
    valgrind --quiet --error-exitcode=99 --leak-check=full --show-leak-kinds=definite,indirect --errors-for-leak-kinds=definite,indirect \
        --suppressions=tests/valgrind.supp --log-file="$log.%p" "$@" >"$log.out" 2>&1 || rc=$?
    programs=$((programs + 1))
    if [ "$rc" -eq "$wanted" ] && ! grep -q . "$log".[0-9]*; then
        printf 'ok    %s\n' "$name"
    else
        bad=$((bad + 1))
        printf 'FAIL  %s (exit %d, expected %d)\n' "$name" "$rc" "$wanted"
        tail -5 "$log.out"
        grep -h . "$log".[0-9]* | head -40
    fi
}

unit() {
    local t
    for t in "$BUILD"/tests/unit/test_*; do [[ -x $t && $t != *.* ]] && memcheck "unit/${t##*/}" 0 "$t"; done
}

replay() {
    local t
    for t in "$BUILD"/tests/fuzz/replay_*; do
        [[ -x $t && $t != *.* ]] && memcheck "${t##*/}" 0 "$t" "tests/fuzz/corpus/${t##*/replay_}"
    done
}

program() {
    local port
    "$BUILD/tests/integration/fake_cluster" 20 4 >"$dir/cluster" 2>&1 &
    pids+=($!)
    wait_for 10 grep -q . "$dir/cluster" || exit 1
    port=$(awk 'NR == 1 { print $NF }' "$dir/cluster")
    memcheck once 0 "$BUILD/mqpush" once -n "$port" --to "sqlite:$dir/h.db" --to "file:$dir/rows.jsonl"
    memcheck status 0 "$BUILD/mqpush" status queues -n "$port" -o json
}

[ $# -gt 0 ] || set -- program replay unit
for part in "$@"; do
    case "$part" in
    unit/*) memcheck "$part" 0 "$BUILD/tests/$part" ;;
    unit | replay | program) "$part" ;;
    *) echo "valgrind.sh: $part: expected unit, unit/NAME, replay or program" >&2 && exit 2 ;;
    esac
done
echo "$programs programs, $bad with errors"
[ "$bad" -eq 0 ] && [ "$programs" -gt 0 ]
