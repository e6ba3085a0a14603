#!/usr/bin/env bash
# push.sh - what a push costs beside curl: the same prepared body into the same real Pushgateway, in turns. Our time is to be at most
# 1.15 of curl's. SERIES and ROUNDS choose the size and how often.
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$tests/.." || exit 1
BUILD=${BUILD:-build/release}
rounds=${ROUNDS:-15}
command -v prometheus-pushgateway >/dev/null || { echo "push: prometheus-pushgateway is not installed" && exit 0; }
dir=$(mktemp -d /tmp/mqpush-push.XXXXXX)
unset http_proxy https_proxy
trap 'stop_pid "$gateway_pid"; rm -rf "$dir"' EXIT
start_gateway "$dir" || exit 1

median() { sort -g | awk '{ v[NR] = $1 } END { printf "%.4f", v[int((NR + 1) / 2)] }'; }

for series in ${SERIES:-1000 40000}; do
    awk -v n="$series" 'BEGIN {
        print "# TYPE rocketmq_group_diff gauge"
        for (i = 0; i < n; i++)
            printf "rocketmq_group_diff{cluster=\"DefaultCluster\",group=\"billing-consumer-%d\",topic=\"orders-topic-%d\"," \
                "countOfOnlineConsumers=\"4\",msgModel=\"1\"} %d\n", i, i % 100, i * 7
    }' >"$dir/plain"
    gzip -1 -c "$dir/plain" >"$dir/gzip"
    for form in plain gzip; do
        header=(-H 'Content-Type: text/plain; version=0.0.4' -H Expect:)
        compressed=()
        [ "$form" = gzip ] && header+=(-H 'Content-Encoding: gzip') && compressed=(gzip)
        : >"$dir/ours" && : >"$dir/curls"
        for ((i = 0; i < rounds; i++)); do
            curl -sf -o "$dir/answer" -w '%{time_total}\n' -X PUT "${header[@]}" --data-binary "@$dir/$form" "$gateway/metrics/job/bench" \
                >>"$dir/curls"
            "$BUILD/tests/bench/bench_push" "$gateway" /metrics/job/bench "$dir/$form" "${compressed[@]}" >>"$dir/ours" || exit 1
        done
        ours=$(cut -d' ' -f1 "$dir/ours" | median) curls=$(median <"$dir/curls") cpu=$(cut -d' ' -f2 "$dir/ours" | median)
        echo "push $form series=$series bytes=$(stat -c %s "$dir/$form") seconds=$ours curl_seconds=$curls" \
            "ratio=$(awk -v a="$ours" -v b="$curls" 'BEGIN { printf "%.2f", a / b }') client_cpu_seconds=$cpu"
    done
done
