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
passed=0 failed=0

count() { # count NAME PASSED FAILED LOG: one line, and the log if something failed
    passed=$((passed + $2)) failed=$((failed + $3))
    if [ "$3" -gt 0 ]; then
        printf 'FAIL  %-34s %d passed, %d failed\n' "$1" "$2" "$3"
        grep -vE '^ok - ' "$4" | tail -60
        grep -A 4 -E '^not ok - |:[EF]:' "$4" | sed "s|^|$1: |" >>"$out/failures"
    else
        printf 'ok    %-34s %d\n' "$1" "$2"
    fi
}

check_program() { # a libcheck program: "97%: Checks: 40, Failures: 1, Errors: 0"
    local log="$out/log" rc=0 checks=0 bad=0 checks_here bad_here
    timeout 300 "$1" >"$log" 2>&1 || rc=$?
    while read -r checks_here bad_here; do
        checks=$((checks + checks_here)) bad=$((bad + bad_here))
    done < <(sed -nE 's/^[0-9]+%: Checks: ([0-9]+), Failures: ([0-9]+), Errors: ([0-9]+).*/\1 \2+\3/p' "$log")
    [ "$rc" -ne 0 ] && [ "$bad" -eq 0 ] && bad=1 checks=$((checks + 1)) && echo "exit code $rc" >>"$log"
    [ "$checks" -eq 0 ] && bad=1 checks=1 && echo "no test ran" >>"$log"
    count "${1#"$BUILD"/tests/}" $((checks - bad)) "$bad" "$log"
}

replay() { # a decoder against its corpus
    local log="$out/log" name=${1##*/replay_} rc=0
    timeout 120 "$1" "tests/fuzz/corpus/$name" >"$log" 2>&1 || rc=$?
    if [ "$rc" -eq 0 ]; then count "replay $name" 1 0 "$log"; else count "replay $name" 0 1 "$log"; fi
}

script() {
    local log="$out/log" rc=0 good bad
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
    count "integration/${1##*/}" "$good" "$bad" "$log"
    grep -E '^# ' "$log" # figures: "# 1234 values compared"
}

for kind in "$@"; do
    case "$kind" in
    unit | battery) for t in "$BUILD/tests/$kind"/test_*; do [[ -x $t && $t != *.* ]] && check_program "$t"; done ;;
    replay) for t in "$BUILD"/tests/fuzz/replay_*; do [[ -x $t && $t != *.* ]] && replay "$t"; done ;;
    integration) for t in tests/integration/test_*.sh; do script "$t"; done ;;
    *) echo "run.sh: $kind: expected unit, battery, replay or integration" >&2 && exit 2 ;;
    esac
done
[ ! -s "$out/failures" ] || { echo "What failed:" && head -80 "$out/failures"; }
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
