#!/usr/bin/env bash
# install.sh build|test|fuzz - installs, on Debian 12, what building (testing, fuzzing) mqpush needs; nothing when all is there.
set -euo pipefail

build=(gcc libc6-dev make pkg-config libcurl4-openssl-dev libcjson-dev libsqlite3-dev zlib1g-dev libsmartcols-dev libinih-dev libhiredis-dev libssl-dev
    ca-certificates curl sqlite3 prometheus-pushgateway)
tests=(check redis-server jq prometheus prometheus-node-exporter python3 openssl tinyproxy-bin microsocks cppcheck shellcheck systemd procps collectd-core netdata-core valgrind)
# Any node with npm and any go will do, so that these are not forced upon a machine that has its own.
command -v npm >/dev/null && command -v node >/dev/null || tests+=(npm)
command -v go >/dev/null || tests+=(golang-go)

# StatsD receivers that Debian does not have, into build/tools; versions that the node and the go of Debian 12 can run and build.
install_receivers() {
    local tools home
    tools=$(cd "$(dirname "$0")/.." && pwd)/build/tools
    mkdir -p "$tools"
    [ -f "$tools/node_modules/statsd/stats.js" ] ||
        npm install --silent --no-audit --no-fund --no-save --omit=optional --prefix "$tools" statsd@0.9.0 >&2
    [ -x "$tools/statsd_exporter" ] && return
    home=$(mktemp -d)
    GOPATH=$home GOCACHE=$home/cache GOFLAGS=-modcacherw GOBIN=$tools \
        go install github.com/prometheus/statsd_exporter@v0.24.0 >"$home/log" 2>&1 || { cat "$home/log" >&2 && return 1; }
    rm -rf "$home"
}

case "${1:-build}" in
build) want=("${build[@]}") ;;
test) want=("${build[@]}" "${tests[@]}") ;;
fuzz) want=("${build[@]}" clang libclang-rt-14-dev) ;;
*)
    echo "usage: $0 build|test|fuzz" >&2
    exit 2
    ;;
esac

missing=()
for package in "${want[@]}"; do
    dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
done
finish() { [ "$1" != test ] || install_receivers; }
if [ ${#missing[@]} -eq 0 ]; then
    finish "${1:-build}"
    exit
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || {
        echo "install: needs root or sudo to install: ${missing[*]}" >&2
        exit 1
    }
    as_root=(sudo)
fi
echo "install: ${missing[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
# A service that starts on its own would hold a port and answer instead of ours.
policy=/usr/sbin/policy-rc.d
made_policy=
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
    "${as_root[@]}" chmod 755 "$policy"
    made_policy=1
fi
remove_policy() { [ -z "$made_policy" ] || "${as_root[@]}" rm -f "$policy"; }
trap remove_policy EXIT
"${as_root[@]}" apt-get update -qq >&2
"${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" </dev/null >/tmp/mqpush-install.$$.log 2>&1 || {
    tail -20 /tmp/mqpush-install.$$.log >&2
    exit 1
}
rm -f /tmp/mqpush-install.$$.log
finish "${1:-build}"
