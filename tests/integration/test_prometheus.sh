#!/usr/bin/env bash
# test_prometheus.sh - the whole way to a dashboard: living cluster, `mqpush run`, Pushgateway, Prometheus. Our rules pass
# promtool, our page its lint; every expression of the official dashboards and rules and of ours finds what it reads
# (expressions.py); and when the agent stops, its last values are no longer believed.
# cluster: 65 s
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$tests/.." || exit 1
MQPUSH=${MQPUSH:-$PWD/mqpush}
for tool in prometheus promtool prometheus-pushgateway jq python3; do
    command -v "$tool" >/dev/null || { echo "$tool is not installed" && exit 77; }
done
dir=$(mktemp -d /tmp/mqpush-prometheus.XXXXXX)
lab_dir="$dir/lab" gateway_pid='' prometheus_pid='' agent_pid=''
unset MQPUSH_CONFIG NAMESRV_ADDR STATE_DIRECTORY http_proxy https_proxy

# shellcheck disable=SC2317  # runs from the trap
cleanup() {
    [ -n "$agent_pid" ] && stop_pid "$agent_pid"
    [ -n "$prometheus_pid" ] && stop_pid "$prometheus_pid"
    [ -n "$gateway_pid" ] && stop_pid "$gateway_pid"
    if [ -z "${LAB:-}" ]; then
        "$lab" scene "$lab_dir" stop >/dev/null 2>&1
        "$lab" stop "$lab_dir" >/dev/null 2>&1
    fi
    rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

make_scene() { # LAB=DIR uses a lab that already lives, and leaves it alone
    if [ -n "${LAB:-}" ]; then
        lab_dir=$LAB
        return
    fi
    "$lab" install && "$lab" start "$lab_dir" && "$lab" scene "$lab_dir" start && "$lab" scene "$lab_dir" wait
}

# Two gateway groups, as a site has that moves from both exporters: the dashboard of the Go exporter wants a job of its own.
write_agent_conf() {
    cat >"$dir/mqpush.conf" <<EOF
[agent]
interval = 5s
state_dir = $dir/state
labels = Env=test, Cluster=shop

[source rocketmq]
namesrv = $NAMESRV
slow_requests = 100
clients_interval = 5s

[sink pushgateway]
url = $gateway
job = rocketmq
instance = edge
metrics = * !rocketmq_msg_diff_*

[sink pushgateway go]
url = $gateway
job = rocketmq-monitor
instance = edge
metrics = rocketmq_msg_diff_*
labels = rocketmqClusterName=lab, namesrvAddr=$NAMESRV
EOF
}

start_prometheus() {
    local port
    port=$(free_port)
    url="http://127.0.0.1:$port"
    mkdir "$dir/rules"
    cp conf/rules/mqpush.rules.yml "$dir/rules/"
    cat >"$dir/prometheus.yml" <<EOF
global: { scrape_interval: 1s, evaluation_interval: 1s }
rule_files: [$dir/rules/mqpush.rules.yml]
scrape_configs:
  - job_name: pushgateway
    honor_labels: true
    static_configs: [{ targets: ["${gateway#http://}"] }]
EOF
    prometheus --config.file="$dir/prometheus.yml" --storage.tsdb.path="$dir/tsdb" --web.listen-address="127.0.0.1:$port" \
        --log.level=warn >"$dir/prometheus.log" 2>&1 &
    prometheus_pid=$!
    wait_for 30 curl -sf "$url/-/ready"
}

results() { # results EXPRESSION: how many series it has now
    curl -sf --data-urlencode "query=$1" "$url/api/v1/query" | jq '.data.result | length'
}
has_none() { [ "$(results "$1")" = 0 ]; }
has_some() { [ "$(results "$1")" -gt 0 ]; }

# Old names stay as dashboards know them; what promtool has to say about ours is a failure. Env and Cluster are not ours.
lint_page() {
    local rc=0
    curl -sf "$gateway/metrics" | sed 's/Cluster="shop",Env="test",//' >"$dir/page" || return 1
    promtool check metrics <"$dir/page" >"$dir/lint" 2>&1 || rc=$?
    figure "promtool has $(grep -c '^rocketmq_' "$dir/lint") remarks on names kept for old dashboards"
    [ "$rc" -eq 0 ] || [ "$rc" -eq 3 ] || { cat "$dir/lint" && return 1; }
    ! grep -v '^rocketmq_' "$dir/lint" | grep .
}

check "promtool accepts the rules" promtool check rules --lint=all conf/rules/mqpush.rules.yml
check "each alert fires where it must, and only there" promtool test rules conf/rules/mqpush.rules.test.yml
tested=$(grep -o 'alertname: [A-Za-z]*' conf/rules/mqpush.rules.test.yml | sort -u | wc -l)
same "and every alert is tested" "$(grep -c -- '- alert: ' conf/rules/mqpush.rules.yml)" "$tested"

if ! make_scene >"$dir/lab.log" 2>&1; then
    not_ok "the living scene could be made"
    tail -n 5 "$dir/lab.log"
    done_testing
    exit
fi
# shellcheck disable=SC1091
. "$lab_dir/env"
start_gateway "$dir" || not_ok "the Pushgateway starts"
start_prometheus || not_ok "Prometheus starts"
write_agent_conf
"$MQPUSH" run -c "$dir/mqpush.conf" >"$dir/agent.log" 2>&1 &
agent_pid=$!
"$MQPUSH" metrics -o json >"$dir/metrics.json"

if ! wait_for 60 has_some 'mqpush_build_info{job="rocketmq",instance="edge",Env="test"}'; then
    not_ok "what the agent pushes arrives in Prometheus, under the agent's own job and instance"
    tail -n 5 "$dir/agent.log" "$dir/prometheus.log"
    done_testing
    exit
fi
ok "what the agent pushes arrives in Prometheus, under the agent's own job and instance"
python3 tests/integration/expressions.py "$url" "$dir/metrics.json" --patience "${PATIENCE:-150}" >"$dir/expressions" ||
    failures=$((failures + 1))
cat "$dir/expressions"
passes=$((passes + $(grep -c '^ok - ' "$dir/expressions")))
check "promtool finds nothing to say about the names that are ours" lint_page

believed='mq_broker_up and on (job, instance) mqpush:fresh'
check "while the agent pushes, its values are believed" has_some "$believed"
stop_pid "$agent_pid"
agent_pid=''
check "three intervals after it stopped they no longer are" wait_for 40 has_none "$believed"
check "though the gateway still holds them" has_some mq_broker_up
check "and the alert about its silence is raised" wait_for 40 has_some 'ALERTS{alertname="MqpushSilent",instance="edge"}'

done_testing
