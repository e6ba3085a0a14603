# lib.sh - what the demo and the integration scripts share; source it. Loopback only.
# shellcheck shell=bash disable=SC2034  # the sourcing script uses what is set here

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
done_testing() {
    echo "$passes passed, $failures failed" >&2
    [ "$failures" -eq 0 ] && [ "$passes" -gt 0 ]
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
