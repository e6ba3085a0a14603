#!/usr/bin/env bash
# run.sh TARGET... - runs each fuzz target from its corpus, RUNS executions or, where that is 0, SECONDS_EACH seconds; one line a target.
#
# Built before by `make fuzz`. New inputs go to build/fuzz/found/TARGET and are merged into nothing; an input that breaks something stays
# there as crash-*, and the exit code is 1. FUZZ_SEED repeats a run.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
RUNS=${RUNS:-0} SECONDS_EACH=${SECONDS_EACH:-60}
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:quarantine_size_mb=8:malloc_context_size=1} UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}

# Long enough for every kind of thing a decoder meets, short enough for many runs a second.
max_len() {
    case "$1" in
    learn | body_running_info) echo 2048 ;;
    *) echo 512 ;;
    esac
}

run_one() { # run_one TARGET
    local target=$1 found=build/fuzz/found/$1 log limit figures
    mkdir -p "$found"
    log=$found.log
    if [ "$RUNS" -gt 0 ]; then limit=-runs=$RUNS; else limit=-max_total_time=$SECONDS_EACH; fi
    local rc=0
    "${BIN:-build/fuzz/tests/fuzz}/fuzz_$target" "$limit" "-max_len=$(max_len "$target")" "-seed=${FUZZ_SEED:-0}" -timeout=25 -rss_limit_mb=2048 \
        -print_final_stats=1 -artifact_prefix="$found/" "$found" "tests/fuzz/corpus/$target" >"$log" 2>&1 || rc=$?
    figures=$(awk '/cov: /            { for (i = 1; i < NF; i++) { if ($i == "cov:") cov = $(i + 1); if ($i == "ft:") ft = $(i + 1) } }
                   /^Done /           { seconds = $5 }
                   /number_of_executed_units/ { runs = $2 }
                   /average_exec_per_sec/     { rate = $2 }
                   END { printf "%10d runs %6d s %7d a second, %5d edges, %6d features", runs, seconds, rate, cov, ft }' "$log")
    printf '%-20s %s, %s\n' "$target" "$figures" "$([ "$rc" -eq 0 ] && echo nothing found || echo "FOUND, see $log")"
    return "$rc"
}

failed=0
for target in "$@"; do run_one "$target" || failed=1; done
exit "$failed"
