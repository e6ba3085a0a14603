#!/usr/bin/env bash
# test_systemd.sh - the units: well-formed, locked down (exposure at most 1.2), and the command line they name really starts,
# says READY=1, reloads on HUP and leaves on TERM. The service manager itself is not needed: the test plays its part.
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
MQPUSH=$(readlink -f "${MQPUSH:-$tests/../mqpush}")
units="$tests/../systemd"
dir=$(mktemp -d /tmp/mqpush-systemd.XXXXXX)
agent_pid='' listener_pid=''
# shellcheck disable=SC2317  # runs from the trap
cleanup() {
    stop_pid "$agent_pid" "$listener_pid"
    rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# The files -----------------------------------------------------------------------------------------------------------

# Copies that name the program where it was built.
mkdir "$dir/units"
cp "$units"/*.service "$units"/*.timer "$dir/units"
sed -i "s|/usr/bin/mqpush|$MQPUSH|" "$dir/units"/*.service

if command -v systemd-analyze >/dev/null; then
    cd "$dir/units" || exit 1
    figure "systemd-analyze verify --man=no $(echo ./*)"
    said=$(SYSTEMD_LOG_LEVEL=warning systemd-analyze verify --man=no ./mqpush.service ./mqpush-once.service ./mqpush-once.timer 2>&1)
    rc=$?
    same "systemd-analyze verify has nothing to say" "0 " "$rc $said"
    for unit in mqpush.service mqpush-once.service; do
        figure "systemd-analyze security --offline=true --threshold=12 $unit"
        said=$(systemd-analyze security --offline=true --threshold=12 --no-pager "./$unit" 2>&1)
        rc=$?
        figure "$(tail -1 <<<"$said" | sed 's/^[^A-Za-z]*//')"
        same "$unit: exposure is at most 1.2" 0 "$rc"
    done
    cd / || exit 1
elif [ -n "${STRICT:-}" ]; then
    not_ok "systemd-analyze is installed"
fi
if command -v systemd-sysusers >/dev/null; then
    mkdir -p "$dir/root/etc"
    systemd-sysusers --root="$dir/root" "$(readlink -f "$units/mqpush.sysusers")" >"$dir/sysusers.log" 2>&1
    check "systemd-sysusers makes the user of the units" grep -q '^mqpush:' "$dir/root/etc/passwd"
fi
for unit in mqpush.service mqpush-once.service; do
    check "$unit runs as the user that mqpush.sysusers makes" grep -q '^User=mqpush$' "$units/$unit"
done

# The program, started as the unit starts it ----------------------------------------------------------------------------

setting() { sed -n "s/^$1=//p" "$dir/units/mqpush.service"; } # setting NAME: its value in the unit

cat >"$dir/mqpush.conf" <<'CONF'
[agent]
interval = 1s
[source rocketmq]
namesrv = 127.0.0.1:1
[sink sqlite]
CONF

# The service manager's end of the notify socket: one file line per line of a datagram. perl-base is on every Debian.
cat >"$dir/listen.pl" <<'PERL'
use Socket;
$| = 1;
socket(my $s, PF_UNIX, SOCK_DGRAM, 0) or die "socket: $!";
bind($s, sockaddr_un($ARGV[0])) or die "bind: $!";
print "LISTENING\n";
while (defined(recv($s, my $text, 65536, 0))) { print "$text\n"; }
PERL
perl "$dir/listen.pl" "$dir/notify" >"$dir/notified" 2>&1 &
listener_pid=$!
check "the test's notify socket is there" wait_for 5 grep -q LISTENING "$dir/notified"

start_as_unit() { # ExecStart in the environment the unit gives, in the background
    local line
    mkdir -p "$dir/state"
    line=$(setting ExecStart)
    read -ra words <<<"${line//\/etc\/mqpush\/mqpush.conf/$dir/mqpush.conf}"
    (
        umask "$(setting UMask)"
        cd / && exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 STATE_DIRECTORY="$dir/state" \
            NOTIFY_SOCKET="$dir/notify" WATCHDOG_USEC=$(($(setting WatchdogSec) * 1000000)) "${words[@]}"
    ) >"$dir/agent.log" 2>&1 &
    agent_pid=$!
}

notified() { grep -c "^$1" "$dir/notified"; } # notified TEXT: how often a line began with it
at_least() { [ "$(notified "$1")" -ge "$2" ]; }

same "the unit is of type notify" notify "$(setting Type)"
start_as_unit
check "READY=1 arrives, though nobody answers at the name server" wait_for 20 at_least READY=1 1
check "the watchdog is fed" wait_for 20 at_least WATCHDOG=1 1
check "the status says something" wait_for 20 at_least STATUS= 1
check "the history is made in the state directory" wait_for 20 test -s "$dir/state/history.db"
same "others cannot read the history" 0 "$(find "$dir/state" -type f -perm /007 | wc -l)"

sed -i 's/^interval = 1s/interval = 2s/' "$dir/mqpush.conf"
kill -HUP "$agent_pid"
check "HUP says RELOADING=1" wait_for 20 at_least RELOADING=1 1
check "with the time of the monotonic clock" wait_for 20 at_least MONOTONIC_USEC= 1
check "and READY=1 again" wait_for 20 at_least READY=1 2

sed -i 's/^interval = 2s/intervall = 3s/' "$dir/mqpush.conf"
kill -HUP "$agent_pid"
check "a bad file at HUP is reported" wait_for 20 grep -q 'intervall' "$dir/agent.log"
check "and READY=1 comes all the same" wait_for 20 at_least READY=1 3
check "and the agent goes on" kill -0 "$agent_pid"

kill -TERM "$agent_pid"
check "TERM says STOPPING=1" wait_for 20 at_least STOPPING=1 1
rc=0
wait "$agent_pid" || rc=$?
agent_pid=''
same "TERM ends it with 0" 0 "$rc"

# With the bad file it does not start, and with a code after which the service manager does not try again.
start_as_unit
rc=0
wait "$agent_pid" || rc=$?
agent_pid=''
same "a bad file ends it with 78" 78 "$rc"
check "after which the unit is not restarted" grep -qw "$rc" <(setting RestartPreventExitStatus)
check "the log names the line and the nearest option" grep -qF 'mqpush.conf:2: [agent] has no option intervall (did you mean interval?)' "$dir/agent.log"

done_testing
