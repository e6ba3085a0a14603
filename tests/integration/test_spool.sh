#!/usr/bin/env bash
# test_spool.sh - outage, restart, kill and a full disk with the real program: every interval that was collected is in the history
# once, in order. A second history that is always there says what was collected. No broker is needed: that nobody answers is an
# interval like any other.
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
MQPUSH=$(readlink -f "${MQPUSH:-$tests/../mqpush}")
dir=$(mktemp -d /tmp/mqpush-spool.XXXXXX)
agent='' mounted=''
# shellcheck disable=SC2317  # runs from the trap
cleanup() {
    [ -n "$agent" ] && kill -9 "$agent" 2>/dev/null
    [ -n "$mounted" ] && umount "$mounted"
    rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

configure() { # configure STATE-DIR [LINE...]: two histories; the first in a directory that comes and goes
    cat >"$dir/mqpush.conf" <<CONF
[agent]
interval = 1s
stop_timeout = 3s
state_dir = $1
$(printf '%s\n' "${@:2}")
[source rocketmq]
namesrv = 127.0.0.1:1
[sink sqlite]
path = $dir/away/history.db
[sink sqlite reference]
path = $dir/reference.db
CONF
}
begin() { # begin: `run` in the background
    "$MQPUSH" run -c "$dir/mqpush.conf" >>"$dir/log" 2>&1 &
    agent=$!
}
end() { # end SIGNAL
    kill "-$1" "$agent"
    wait "$agent" 2>/dev/null
    agent=''
}
times() { sqlite3 "file:$1?mode=ro" 'SELECT time FROM intervals ORDER BY time' 2>/dev/null; }
has() { [ "$(times "$1" | wc -l)" -ge "$2" ]; } # has FILE COUNT
said() { grep -qE -- "$1" "$dir/log"; }

# One-shots: what one could not deliver, the next one does.
configure "$dir/state"
for _ in 1 2 3; do
    "$MQPUSH" once -c "$dir/mqpush.conf" >>"$dir/log" 2>&1
    sleep 1 # two in one second would be one interval
done
same "the other history has them" 3 "$(times "$dir/reference.db" | wc -l)"
check "what is left is said" said 'sink sqlite: 3 intervals left in the spool'
mkdir "$dir/away"
"$MQPUSH" once -c "$dir/mqpush.conf" >>"$dir/log" 2>&1
same "the next one delivers all of them" "$(times "$dir/reference.db")" "$(times "$dir/away/history.db")"
same "nothing is left" "0" "$(sqlite3 "$dir/state/state.db" 'SELECT count(*) FROM batches')"
same "the state is private" "600 600" "$(stat -c %a "$dir/state/state.db" "$dir/state/lock" | paste -sd ' ')"

# run and once lock each other out.
run_from=$(($(times "$dir/reference.db" | tail -1) + 1))
begin
wait_for 10 has "$dir/reference.db" 6
"$MQPUSH" once -c "$dir/mqpush.conf" >"$dir/out" 2>&1
same "once beside run is exit 1" 1 "$?"
check "and says who is there" grep -q "in use by mqpush run, pid $agent" "$dir/out"
"$MQPUSH" run -c "$dir/mqpush.conf" >"$dir/out" 2>&1
same "so is a second run" 1 "$?"
check "the first one lives" kill -0 "$agent"

# An outage with kills in it, then a reload.
mv "$dir/away" "$dir/back"
count=$(times "$dir/reference.db" | wc -l)
for kills in 1 2 3; do
    wait_for 20 has "$dir/reference.db" $((count + 3 * kills))
    end KILL
    begin
done
wait_for 20 has "$dir/reference.db" $((count + 11))
kill -HUP "$agent"
wait_for 20 said 'reload: done'
check "a reload keeps the state directory" said 'reload: done'
wait_for 20 has "$dir/reference.db" $((count + 13))
mv "$dir/back" "$dir/away"
wait_for 20 has "$dir/away/history.db" $((count + 13))
end TERM
same "after an outage, three kills and a reload both histories have the same intervals" \
    "$(times "$dir/reference.db")" "$(times "$dir/away/history.db")"
figure "$(times "$dir/away/history.db" | wc -l) intervals"
same "and the same rows" "$(sqlite3 "$dir/reference.db" 'SELECT time, target, ok FROM scrapes ORDER BY 1, 2')" \
    "$(sqlite3 "$dir/away/history.db" 'SELECT time, target, ok FROM scrapes ORDER BY 1, 2')"
for history in reference away/history; do
    same "no interval of $history is missing that a gap does not tell of" 0 "$(sqlite3 "$dir/$history.db" "
        WITH steps AS (SELECT time, lag(time) OVER (ORDER BY time) AS before FROM intervals WHERE time >= $run_from)
        SELECT count(*) FROM steps WHERE time - before > 1
            AND NOT EXISTS (SELECT 1 FROM gaps WHERE gaps.start_time <= steps.time AND gaps.end_time >= steps.before)")"
done

# A damaged file is set aside.
printf 'this is not a database, whatever it was before; one hundred bytes are needed to be looked at, here they are' >"$dir/state/state.db"
"$MQPUSH" once -c "$dir/mqpush.conf" >"$dir/out" 2>&1
check "a damaged file is set aside and said" grep -q 'state.db cannot be used; kept as' "$dir/out"
check "it is kept" test -e "$dir"/state/state.db.aside-*
same "and the interval is delivered" "$(times "$dir/reference.db")" "$(times "$dir/away/history.db")"

# A full disk.
mkdir "$dir/small"
if mount -t tmpfs -o size=400k tmpfs "$dir/small" 2>/dev/null; then
    mounted="$dir/small"
    configure "$dir/small"
    : >"$dir/log"
    mv "$dir/away" "$dir/back"
    count=$(times "$dir/reference.db" | wc -l)
    begin
    wait_for 20 has "$dir/reference.db" $((count + 2))
    dd if=/dev/zero of="$dir/small/fill" bs=4k status=none 2>/dev/null
    check "a full disk is said" wait_for 20 said 'the spool: intervals wait in memory.*(disk full|No space)'
    full=$(times "$dir/reference.db" | wc -l)
    check "collection and the other sink go on" wait_for 20 has "$dir/reference.db" $((full + 3))
    rm "$dir/small/fill"
    check "when there is room again that is said, too" wait_for 20 said 'the spool: works again'
    end KILL
    begin
    sleep 1.2
    mv "$dir/back" "$dir/away"
    wait_for 20 has "$dir/away/history.db" "$(times "$dir/reference.db" | wc -l)"
    end TERM
    same "nothing was lost" "$(times "$dir/reference.db")" "$(times "$dir/away/history.db")"
    umount "$dir/small" && mounted=''
elif [ -n "${STRICT:-}" ] && [ "$(id -u)" = 0 ]; then
    not_ok "a small file system could be mounted"
fi
done_testing
