# lib.sh - what the demo and the integration scripts share; source it. Loopback only.
# shellcheck shell=bash disable=SC2034,SC2154  # the sourcing script uses what is set here, and sets dir and pids for start

tests=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
lab="$tests/lab/lab.sh"
passes=0 failures=0

free_port() { # prints a port of 127.0.0.1 that nobody listens on
    local port
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port" && return; }
    done
    return 1
}

wait_for() { # wait_for SECONDS COMMAND...: until it succeeds
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -ge "$end" ] && return 1
        sleep 0.1
    done
}

ok() { passes=$((passes + 1)) && printf 'ok - %s\n' "$*"; }
not_ok() { failures=$((failures + 1)) && printf 'not ok - %s\n' "$*"; }
figure() { printf '# %s\n' "$*"; } # run.sh shows these lines

check() { # check CLAIM COMMAND...: ok if the command succeeds
    local claim=$1
    shift
    if "$@"; then ok "$claim"; else not_ok "$claim"; fi
}
same() { # same CLAIM WANTED GOT
    if [ "$2" = "$3" ]; then
        ok "$1"
    else
        not_ok "$1"
        printf '  wanted: %s\n  got:    %s\n' "$2" "$3"
    fi
}
not_shown() { not_ok "$1" && head -20 "$dir/out" | sed 's/^/  /'; }
shows() { # shows CLAIM PATTERN: a line of $dir/out matches
    if grep -qE -- "$2" "$dir/out"; then ok "$1"; else not_shown "$1: no line like: $2"; fi
}
says() { # says CLAIM CODE PATTERN ARGS...: mqpush ARGS leaves with CODE and a line of $dir/out that matches PATTERN
    local claim=$1 code=$2 pattern=$3 got=0
    shift 3
    timeout 60 "$MQPUSH" "$@" >"$dir/out" 2>&1 || got=$?
    if [ "$got" -eq "$code" ]; then shows "$claim" "$pattern"; else not_shown "$claim: exit $got instead of $code"; fi
}
done_testing() {
    echo "$passes passed, $failures failed" >&2
    [ "$failures" -eq 0 ] && [ "$passes" -gt 0 ]
}

listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; } # listens PORT
start() { # start NAME COMMAND...: in the background, its output in $dir/NAME.log, its pid in pids
    local name=$1
    shift
    "$@" >"$dir/$name.log" 2>&1 </dev/null &
    pids+=($!)
}
start_gateway() { # start_gateway DIR: a real, empty Pushgateway (Debian's keeps its groups otherwise); sets gateway and gateway_pid
    local port
    port=$(free_port)
    prometheus-pushgateway --web.listen-address="127.0.0.1:$port" --persistence.file= >"$1/gateway.log" 2>&1 &
    gateway_pid=$!
    gateway="http://127.0.0.1:$port"
    wait_for 10 curl -sf "http://127.0.0.1:$port/-/ready"
}
stop_pid() { # stop_pid PID...: ends processes this script started, and waits
    local pid
    for pid in "$@"; do kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null; done
    return 0
}

# Real StatsD receivers: statsd_exporter (the labels of every dialect, in its metrics), Etsy's statsd (a console that tells all values;
# it flushes nothing for an hour) and collectd (its gauges as CSV in $dir/collectd).
exporter=$tests/../build/tools/statsd_exporter etsy=$tests/../build/tools/node_modules/statsd
need_statsd_receivers() { # exit 77 where one is missing
    local program
    PATH=$PATH:/usr/sbin
    for program in "$exporter" node collectd; do
        command -v "$program" >/dev/null || { echo "$program is not installed (tests/install.sh test)" && exit 77; }
    done
    [ -f "$etsy/stats.js" ] || { echo "Etsy's statsd is not installed (tests/install.sh test)" && exit 77; }
}
start_statsd_receivers() { # sets exporter_ port, web (a port) and socket, etsy_ port, tcp and console, collectd_port; checks that they start
    exporter_port=$(free_port) exporter_web=$(free_port) exporter_socket=$dir/exporter.sock
    start exporter "$exporter" --web.listen-address="127.0.0.1:$exporter_web" --statsd.listen-udp="127.0.0.1:$exporter_port" \
        --statsd.listen-tcp="127.0.0.1:$exporter_port" --statsd.listen-unixgram="$exporter_socket"

    etsy_port=$(free_port) etsy_tcp=$(free_port) etsy_console=$(free_port)
    cat >"$dir/etsy.js" <<END
{ servers: [ { server: "./servers/udp", address: "127.0.0.1", port: $etsy_port },
             { server: "./servers/tcp", address: "127.0.0.1", port: $etsy_tcp } ],
  mgmt_address: "127.0.0.1", mgmt_port: $etsy_console, flushInterval: 3600000, backends: [] }
END
    start etsy node "$etsy/stats.js" "$dir/etsy.js"

    collectd_port=$(free_port)
    cat >"$dir/collectd.conf" <<END
Hostname "host"
FQDNLookup false
Interval 1
BaseDir "$dir"
PIDFile "$dir/collectd.pid"
TypesDB "/usr/share/collectd/types.db"
LoadPlugin statsd
LoadPlugin csv
<Plugin statsd>
  Host "127.0.0.1"
  Port "$collectd_port"
</Plugin>
<Plugin csv>
  DataDir "$dir/collectd"
</Plugin>
END
    start collectd collectd -f -C "$dir/collectd.conf"

    check "statsd_exporter starts" wait_for 20 curl -sf "http://127.0.0.1:$exporter_web/metrics" -o "$dir/metrics"
    check "Etsy's statsd starts" wait_for 20 listens "$etsy_console"
    check "collectd starts" wait_for 20 grep -q "Initialization complete" "$dir/collectd.log"
}
