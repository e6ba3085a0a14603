#!/usr/bin/env bash
# test_valgrind.sh - `once` and `status` under memcheck, against a small invented cluster: no error, nothing lost. All the rest is for
# `make valgrind`, which takes its time. A sanitizer's own build cannot run under it and needs it not.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh

if [ "${MODE:-release}" = asan ] || [ "${MODE:-release}" = tsan ]; then
    figure "valgrind: $MODE watches memory itself"
    ok "nothing to do under a sanitizer"
else
    command -v valgrind >/dev/null || { echo "valgrind is not installed" && exit 77; }
    check "once and status have no error under valgrind" tests/valgrind.sh program
fi
done_testing
