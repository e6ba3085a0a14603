#!/usr/bin/env bash
# run.sh - every benchmark, side by side in one run: the programs beside this file, a push beside curl, whole intervals on real brokers.
# Figures go to standard output, one a line. INTERVALS=no leaves the real brokers out; SCENES and VERSIONS choose among them.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
BUILD=${BUILD:-build/release}
echo "# $(uname -srm), $(nproc) cores, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1), load $(cut -d' ' -f1-3 /proc/loadavg)"
for bench in "$BUILD"/tests/bench/bench_*; do
    if [[ -x $bench && $bench != *.* && $bench != */bench_push ]]; then "$bench"; fi
done
tests/bench/push.sh
[ "${INTERVALS:-yes}" = no ] || MQPUSH="$PWD/$BUILD/mqpush" tests/bench/intervals.sh
