#!/usr/bin/env bash
# test_limits.sh - agent/LIMITS.md against the source: each constant stands where it says with the value it says and has a test,
# each test named exists and is run, and no constant named like a limit is missing.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh

page=agent/LIMITS.md
wrong=0 rows=0 tests=0
told=$(mktemp)
trap 'rm -f "$told"' EXIT

tell() { echo "# $*" && wrong=$((wrong + 1)); }

# The text of a constant without its comment.
value_of() { sed -nE "s|^#define $1 +(.*)\$|\\1|p" "$2" | sed -E 's|[[:space:]]*/\*.*||'; }

while IFS='|' read -r _ name file value _ named _; do
    name=${name//[\` ]/} file=${file// /} value=${value#*\`} value=${value%\`*}
    [[ $name =~ ^[A-Z] ]] || continue
    rows=$((rows + 1))
    echo "$name $file" >>"$told"
    is=$(value_of "$name" "$file")
    [ "$is" = "$value" ] || tell "$name in $file is \"$is\", the page says \"$value\""
    [ -n "${named// /}" ] || tell "$name has no test"
    for test in ${named//[\`,]/}; do
        tests=$((tests + 1))
        [ "$(cat tests/unit/*.c | grep -cE "START_TEST\\($test\\)|_test(_raise_signal)?\\([a-z]+, ${test}[,)]")" -ge 2 ] ||
            tell "$name: there is no test $test that is run"
    done
done < <(grep -E '^\| `[A-Z0-9_]+` \|' "$page")
sed -nE 's/^- `([A-Z0-9_]+)` (.*)$/\1 \2/p' "$page" >>"$told"

while IFS=: read -r file _ line; do
    name=$(awk '{ print $2 }' <<<"$line")
    grep -qxF "$name $file" "$told" || tell "$name in $file is not on the page"
done < <(grep -rnE '^#define [A-Z0-9_]*_MAX(_[A-Z]+)? ' agent sinks --include='*.[ch]')

check "each limit of the page is that of the source" [ "$wrong" -eq 0 ]
check "there are limits" [ "$rows" -gt 80 ]
echo "# $rows limits, $tests tests named"
done_testing
