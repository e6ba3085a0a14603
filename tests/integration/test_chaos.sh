#!/usr/bin/env bash
# test_chaos.sh - the real program with five sinks through a random schedule of kills, cuts, stops, restarts and reloads: Redis, the
# history and a file hold each row of each interval once. SEED=n repeats a schedule, CHAOS_EVENTS=n makes it longer; see chaos.py.
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$tests/.." || exit 1
BUILD=${BUILD:-build/release}
MQPUSH=$(readlink -f "${MQPUSH:-$BUILD/mqpush}")
for program in redis-server prometheus-pushgateway python3; do
    command -v "$program" >/dev/null || { echo "$program is not installed" && exit 77; }
done
dir=$(mktemp -d /tmp/mqpush-chaos.XXXXXX)
unset MQPUSH_CONFIG NAMESRV_ADDR STATE_DIRECTORY http_proxy https_proxy
python3 -B tests/integration/chaos.py "$MQPUSH" "$(readlink -f "$BUILD/tests/integration/fake_cluster")" "$dir"
rc=$?
if [ "$rc" -eq 0 ] || [ -z "${KEEP:-}" ]; then rm -rf "$dir"; else echo "kept: $dir"; fi
exit "$rc"
