#!/usr/bin/env bash
# test_history_file.sh - a running agent and what happens to its history file: readers, another writer's lock, deletion, damage, a
# full disk, a file of a newer agent. What is lost is said; nothing else is lost.
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$tests/.." || exit 1
MQPUSH=${MQPUSH:-$PWD/mqpush}
command -v sqlite3 >/dev/null || { echo "sqlite3 is not installed" && exit 77; }
dir=$(mktemp -d /tmp/mqpush-history.XXXXXX)
history=$dir/history.db
agent=''
unset MQPUSH_CONFIG NAMESRV_ADDR STATE_DIRECTORY

# shellcheck disable=SC2317  # runs from the trap
cleanup() {
    [ -n "$agent" ] && stop_pid "$agent"
    rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# Nobody listens on port 1: each interval has a row for that and some for the agent itself.
run() { # run LOG: starts the agent
    "$MQPUSH" run -n 127.0.0.1:1 --interval 1s --to "sqlite:$history" >"$1" 2>&1 </dev/null &
    agent=$!
}
ask() { sqlite3 -readonly -cmd '.timeout 5000' "$history" "$1" 2>/dev/null; }
has_intervals() { [ "$(ask 'SELECT count(*) FROM intervals' || echo 0)" -ge "$1" ]; }
holes() { ask 'SELECT (max(time) - min(time) + 1) - count(*) FROM intervals'; }

run "$dir/log"
check "the agent writes its history" wait_for 15 has_intervals 3

# ---- another writer, a reader that takes its time
(printf 'BEGIN IMMEDIATE;\n' && sleep 4 && printf 'ROLLBACK;\n') | sqlite3 "$history" &
locker=$!
sleep 2
before=$(ask 'SELECT count(*) FROM intervals')
wait "$locker"
check "after another writer's lock it goes on" wait_for 15 has_intervals $((before + 5))
same "and what waited is there: no interval is missing" 0 "$(holes)"
(printf 'BEGIN; SELECT count(*) FROM intervals;\n' && sleep 3 && printf 'SELECT count(*) FROM intervals; ROLLBACK;\n') |
    sqlite3 -readonly "$history" >"$dir/reader"
same "a reader sees one state for as long as it looks" 1 "$(sort -u "$dir/reader" | wc -l)"
same "and the writer did not wait for it" 0 "$(holes)"

# ---- deleted, damaged
rm -f "$history" "$history-wal" "$history-shm"
check "deleted under its feet, it is begun anew" wait_for 15 has_intervals 2
check "which is said" wait_for 5 grep -q 'history.db was moved away or deleted' "$dir/log"
wait_for 15 has_intervals 4
stop_pid "$agent"
head -c 40000 /dev/urandom | dd of="$history" bs=1 seek=4096 conv=notrunc 2>/dev/null
run "$dir/log"
check "damaged, it is begun anew" wait_for 15 has_intervals 2
check "which is said, with the name of the old one" grep -qE 'kept as .*history.db.damaged-[0-9]+, a new history begins' "$dir/log"
same "and the old one is there" 1 "$(find "$dir" -name 'history.db.damaged-*[0-9]' | wc -l)"
stop_pid "$agent"

# ---- a newer agent's
sqlite3 "$history" 'PRAGMA user_version = 99; PRAGMA wal_checkpoint(TRUNCATE)' >/dev/null
before=$(sha256sum <"$history")
rc=0
"$MQPUSH" once -n 127.0.0.1:1 --to "sqlite:$history" >"$dir/newer" 2>&1 </dev/null || rc=$?
same "a newer agent's file makes the exit code 1" 1 "$rc"
check "is refused with the reason" grep -q 'written by a newer mqpush (layout 99, this one knows 1)' "$dir/newer"
same "and left as it is" "$before" "$(sha256sum <"$history")"

# ---- a disk that runs full, and has room again (in a name space of our own, so only where that is allowed)
cat >"$dir/full.sh" <<'SCRIPT'
mount -t tmpfs -o size=16m none "$1" || exit 77
"$MQPUSH" run -n 127.0.0.1:1 --interval 1s --to "sqlite:$1/history.db" >"$2" 2>&1 </dev/null &
agent=$!
count() { sqlite3 -readonly "$1/history.db" 'SELECT count(*) FROM intervals' 2>/dev/null || echo 0; }
for _ in $(seq 100); do [ "$(count "$1")" -ge 3 ] && break; sleep 0.1; done
head -c 12000000 /dev/zero >"$1/filler"
for _ in $(seq 100); do grep -q 'disk full' "$2" && break; sleep 0.1; done
sleep 2
rm "$1/filler"
stuck=$(count "$1")
for _ in $(seq 200); do [ "$(count "$1")" -ge $((stuck + 4)) ] && break; sleep 0.1; done
kill "$agent"; wait "$agent"
sqlite3 "$1/history.db" 'SELECT (max(time) - min(time) + 1) - count(*) FROM intervals; PRAGMA integrity_check' >"$3"
SCRIPT
mkdir "$dir/small"
MQPUSH=$MQPUSH timeout 90 unshare -m bash "$dir/full.sh" "$dir/small" "$dir/full.log" "$dir/disk" 2>/dev/null
if [ -s "$dir/disk" ]; then
    check "a full disk is said" grep -q 'disk full: .* KiB are kept free' "$dir/full.log"
    same "when there is room again no interval is missing, and the file is whole" "0 ok" "$(paste -sd' ' "$dir/disk")"
else
    echo "a disk of our own is not allowed here"
fi

done_testing
