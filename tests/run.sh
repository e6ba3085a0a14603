#!/usr/bin/env bash
# run.sh KIND... - runs the tests of each kind (unit battery replay integration) and counts them.
#
# Unit and battery programs are libcheck's: their summary line is counted. Integration scripts print "ok - ..." and "not ok - ..."
# lines. STRICT=1 (or CI=true) makes a skip a failure. The last line is "N passed, N failed".
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
BUILD=${BUILD:-build/release}
export BUILD MQPUSH="$PWD/$BUILD/mqpush"
[ "${CI:-}" = true ] && export STRICT=1
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:strict_string_checks=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1} TSAN_OPTIONS=${TSAN_OPTIONS:-halt_on_error=1}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

# Two tests run at a time, each in a lane: what they print comes in one piece, what they count goes into $out/counts.

count() { # count NAME PASSED FAILED LOG SINCE: one line, the log if something failed, and the figures: "# 1234 values compared"
    local seconds=$((SECONDS - $5))
    {
        if [ "$3" -gt 0 ]; then
            printf 'FAIL  %-36s %d passed, %d failed, %d s\n' "$1" "$2" "$3" "$seconds"
            grep -vE '^ok - |^# ' "$4" | tail -60
            grep -A 4 -E '^not ok - |:[EF]:' "$4" | sed "s|^|$1: |" >>"$out/failures"
        else
            printf 'ok    %-36s %5d  %4d s\n' "$1" "$2" "$seconds"
        fi
        grep -E '^# ' "$4"
    } >"$4.said"
    flock "$out/lock" cat "$4.said"
    echo "$2 $3" >>"$out/counts"
}

check_program() { # a libcheck program: "97%: Checks: 40, Failures: 1, Errors: 0"
    local log since=$SECONDS rc=0 checks=0 bad=0 checks_here bad_here
    log=$(mktemp "$out/log.XXXXXX")
    timeout 300 "$1" >"$log" 2>&1 || rc=$?
    while read -r checks_here bad_here; do
        checks=$((checks + checks_here)) bad=$((bad + bad_here))
    done < <(sed -nE 's/^[0-9]+%: Checks: ([0-9]+), Failures: ([0-9]+), Errors: ([0-9]+).*/\1 \2+\3/p' "$log")
    [ "$rc" -ne 0 ] && [ "$bad" -eq 0 ] && bad=1 checks=$((checks + 1)) && echo "exit code $rc" >>"$log"
    [ "$checks" -eq 0 ] && bad=1 checks=1 && echo "no test ran" >>"$log"
    count "${1#"$BUILD"/tests/}" $((checks - bad)) "$bad" "$log" "$since"
}

replay() { # a decoder against its corpus
    local log since=$SECONDS name=${1##*/replay_} rc=0
    log=$(mktemp "$out/log.XXXXXX")
    timeout 120 "$1" "tests/fuzz/corpus/$name" >"$log" 2>&1 || rc=$?
    if [ "$rc" -eq 0 ]; then count "replay $name" 1 0 "$log" "$since"; else count "replay $name" 0 1 "$log" "$since"; fi
}

script() {
    local log since=$SECONDS rc=0 good bad
    log=$(mktemp "$out/log.XXXXXX")
    timeout 900 bash "$1" >"$log" 2>&1 || rc=$?
    good=$(grep -cE '^ok - ' "$log")
    bad=$(grep -cE '^not ok - ' "$log")
    if [ "$rc" -eq 77 ]; then
        echo "skip  ${1##*/}: $(tail -1 "$log")"
        [ -z "${STRICT:-}" ] && return
        bad=$((bad + 1))
    elif [ "$rc" -ne 0 ] && [ "$bad" -eq 0 ]; then
        bad=1
        echo "exit code $rc" >>"$log"
    fi
    count "integration/${1##*/}" "$good" "$bad" "$log" "$since"
}

lane() { # lane FUNCTION TEST...: one after the other
    local run=$1 t
    shift
    for t in "$@"; do "$run" "$t"; done
}

in_two_lanes() { # in_two_lanes FUNCTION TEST...: every other one
    local run=$1 odd=() even=() i=0 t
    shift
    for t in "$@"; do
        [[ -x $t && $t != *.* ]] || continue
        if [ $((i++ % 2)) -eq 0 ]; then even+=("$t"); else odd+=("$t"); fi
    done
    lane "$run" "${even[@]}" &
    lane "$run" "${odd[@]}" &
    wait
}

# Two lanes take turns at what boots RocketMQ, the longest first (its head says "# cluster: N s"), so that no more than two boot at a time;
# a third lane has all the rest, but for what bears no company ("# alone:").
next_with_cluster() { # takes one off the list; fails when none is left
    flock "$out/list.lock" sh -c 'head -1 "$1" && sed -i 1d "$1"' sh "$out/list" | grep .
}
cluster_lane() {
    local t
    while t=$(next_with_cluster); do script "$t"; done
}
integration() {
    local without=() alone=() t
    : >"$out/with"
    for t in tests/integration/test_*.sh; do
        if grep -q '^# alone:' "$t"; then
            alone+=("$t")
        elif grep -qF "\"\$lab\" start" "$t"; then
            echo "$(sed -n 's/^# cluster: //p' "$t") $t" >>"$out/with"
        else
            without+=("$t")
        fi
    done
    sort -rn "$out/with" | awk '{ print $NF }' >"$out/list"
    cluster_lane &
    cluster_lane &
    lane script "${without[@]}" &
    wait
    lane script "${alone[@]}"
}

: >"$out/counts"
for kind in "$@"; do
    case "$kind" in
    unit | battery) in_two_lanes check_program "$BUILD/tests/$kind"/test_* ;;
    replay) in_two_lanes replay "$BUILD"/tests/fuzz/replay_* ;;
    integration) integration ;;
    *) echo "run.sh: $kind: expected unit, battery, replay or integration" >&2 && exit 2 ;;
    esac
done
[ ! -s "$out/failures" ] || { echo "What failed:" && head -80 "$out/failures"; }
read -r passed failed < <(awk '{ p += $1; f += $2 } END { print p + 0, f + 0 }' "$out/counts")
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
