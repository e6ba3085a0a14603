#!/usr/bin/env bash
# test_file.sh - the sink "file" read back by others: every value of every format against the history, promtool and a real
# node_exporter on the page, logrotate's two ways, a kill in the midst of writing, a disk that runs full.
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$tests/.." || exit 1
BUILD=${BUILD:-build/release}
MQPUSH=${MQPUSH:-$PWD/mqpush}
dir=$(mktemp -d /tmp/mqpush-file.XXXXXX)
pids=()
unset MQPUSH_CONFIG NAMESRV_ADDR STATE_DIRECTORY

# shellcheck disable=SC2317  # runs from the trap
cleanup() {
    [ ${#pids[@]} -gt 0 ] && stop_pid "${pids[@]}"
    rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# ---- the same three intervals in every format
"$BUILD/tests/integration/write_files" "$dir" || { echo "the files could not be written"; exit 1; }
python3 - "$MQPUSH" "$dir" <<'PYTHON' >"$dir/formats" 2>&1 || failures=$((failures + 1))
import csv, glob, json, os, re, sqlite3, sys
mqpush, directory = sys.argv[1:]
bad = 0

def check(claim, fine, detail=""):
    global bad
    bad += not fine
    print("ok -" if fine else "not ok -", claim, "" if fine else detail)

db = sqlite3.connect(directory + "/history.db")
db.row_factory = sqlite3.Row
tables = ["groups", "backlogs", "topics", "queues", "clients", "producers", "brokers", "scrapes", "agent"]

def order(row):
    return sorted((k, str(v)) for k, v in row.items())

def known(row, empty=False):  # what is there: NULL and, where a format has no empty text, "" are not
    return {k: v for k, v in row.items() if v is not None and not (empty and v == "")}

want = {t: [dict(r) for r in db.execute(f"SELECT * FROM {t}")] for t in tables}
want = {t: rows for t, rows in want.items() if rows}
cells = sum(len(known(r)) for rows in want.values() for r in rows)

def near(a, b):  # the history rounds reals to a thousandth
    if isinstance(a, float) or isinstance(b, float):
        return abs(float(a) - float(b)) < 0.00051
    return a == b

def equal(got, wanted, t, claim, empty=False):
    got = sorted((known(r, empty) for r in got), key=lambda r: [str(r.get(k, "")) for k in keys[t]])
    wanted = sorted((known(r, empty) for r in wanted), key=lambda r: [str(r.get(k, "")) for k in keys[t]])
    fine = len(got) == len(wanted)
    detail = f"{len(got)} rows for {len(wanted)}"
    for g, w in zip(got, wanted):
        if set(g) != set(w) or not all(near(g[k], w[k]) for k in w):
            fine, detail = False, f"{g} for {w}"
    check(claim, fine, detail)

keys = {t: ["time"] + [r["name"] for r in db.execute(f"SELECT name FROM pragma_table_info('{t}_names')")][1:-2] for t in tables}

objects = [json.loads(line) for line in open(directory + "/rows.jsonl", encoding="utf-8")]
for t in want:
    rows = [{k: v for k, v in o.items() if k != "table"} for o in objects if o["table"] == t]
    equal(rows, want[t], t, f"jsonl: {t} says what the history says", empty=True)
check("jsonl: no other table", {o["table"] for o in objects} == set(want))

for t in want:
    types = {r["name"]: r["type"] for r in db.execute(f"SELECT name, type FROM pragma_table_info('{t}')")}
    cast = {"INTEGER": int, "REAL": float, "TEXT": str}
    with open(f"{directory}/{t}.csv", encoding="utf-8", newline="") as f:
        rows = [{k: cast[types[k] if k != "time" else "INTEGER"](v) for k, v in r.items() if v != ""} for r in csv.DictReader(f)]
    equal(rows, want[t], t, f"csv: {t} says what the history says", empty=True)

def parse(line):  # the grammar, byte by byte
    part, parts, quoted, i = "", [[]], False, 0
    while i < len(line):
        c = line[i]
        if quoted:
            if c == "\\" and line[i + 1] in '"\\':
                i += 1
                part += line[i]
            else:
                quoted = c != '"'
                part += c if quoted else ""
        elif c == '"' and len(parts) == 2 and part.endswith("="):
            quoted, part = True, part + "s:"
        elif c == "\\" and line[i + 1] in ",= \\":
            i += 1
            part += {"=": "\0"}.get(line[i], line[i])
        elif c in ", ":
            parts[-1].append(part)
            part = ""
            if c == " ":
                parts.append([])
        else:
            part += c
        i += 1
    tags, fields = parts[0], parts[1]
    row = {"time": int(part) // 10**9}
    row.update((k, v.replace("\0", "=")) for k, v in (x.split("=", 1) for x in tags[1:]))
    for name, v in (x.split("=", 1) for x in fields):
        row[name] = v[2:] if v.startswith("s:") else int(v[:-1]) if v.endswith("i") else float(v)
    return tags[0], row

points = [parse(line.rstrip("\n")) for line in open(directory + "/rows.influx", encoding="utf-8")]
for t in want:
    values = [c for c in want[t][0].keys() if c not in keys[t]]
    wanted = [r for r in want[t] if any(r[v] is not None for v in values)]
    equal([r for m, r in points if m == "mq_" + t], wanted, t, f"influx: {t} says what the history says", empty=True)
print(f"# {3 * cells} values of three formats compared with the history")
sys.exit(bad > 0)
PYTHON
cat "$dir/formats"
passes=$((passes + $(grep -c '^ok - ' "$dir/formats")))

# ---- the page
promtool check metrics <"$dir/page.prom" >"$dir/promtool" 2>&1 # it also has opinions on the official exporter's names
same "promtool can read the page, and likes our own names" '' "$(grep -vE '^rocketmq_' "$dir/promtool")"
same "anybody may read it" 644 "$(stat -c %a "$dir/page.prom")"
if command -v prometheus-node-exporter >/dev/null; then
    mkdir "$dir/textfile"
    chmod 755 "$dir" "$dir/textfile"
    port=$(free_port)
    prometheus-node-exporter --collector.disable-defaults --collector.textfile --collector.textfile.directory="$dir/textfile" \
        --web.listen-address="127.0.0.1:$port" >"$dir/node.log" 2>&1 &
    pids+=($!)
    wait_for 10 curl -sf "http://127.0.0.1:$port/metrics" || not_ok "node_exporter starts"
    cp "$dir/page.prom" "$dir/textfile/mqpush.prom"
    curl -sf "http://127.0.0.1:$port/metrics" >"$dir/scrape"
    same "node_exporter reads the page without an error" "node_textfile_scrape_error 0" "$(grep '^node_textfile_scrape_error' "$dir/scrape")"
    # It sorts labels and puts in missing ones; so names and values are compared.
    ours() { grep -v '^#' "$1" | sed -E 's/\{.*\}//' | grep -E '^(rocketmq|mq|mqpush)_' | awk '{ printf "%s %.10g\n", $1, $2 }' | sort; }
    same "and gives every sample of it" "$(ours "$dir/page.prom" | sha256sum)" "$(ours "$dir/scrape" | sha256sum)"
    figure "$(ours "$dir/scrape" | wc -l) samples through node_exporter"
    rm "$dir/textfile/mqpush.prom"
    # While the agent replaces the page, no scrape sees half of one.
    "$MQPUSH" run -n 127.0.0.1:1 --interval 1s --to "file:$dir/textfile/live.prom" >"$dir/live.log" 2>&1 </dev/null &
    live=$!
    pids+=("$live")
    errors=0
    wait_for 10 test -s "$dir/textfile/live.prom"
    for _ in $(seq 60); do
        curl -sf "http://127.0.0.1:$port/metrics" | grep -q '^node_textfile_scrape_error 0' || errors=$((errors + 1))
        sleep 0.05
    done
    same "beside a running agent no scrape fails" 0 "$errors"
    stop_pid "$live"
else
    [ -n "${STRICT:-}" ] && not_ok "prometheus-node-exporter is not installed"
fi

# ---- a running agent: it has a row for its target and one for each part of itself, every second
rows=$dir/log/rows.jsonl
mkdir "$dir/log"
run() { # run: starts the agent; its pid in $agent
    "$MQPUSH" run -n 127.0.0.1:1 --interval 1s --to "file:$rows" >>"$dir/agent.log" 2>&1 </dev/null &
    agent=$!
    pids+=("$agent")
}
whole() { python3 -c '
import json, sys
for line in open(sys.argv[1], "rb"):
    json.loads(line)
    assert line.endswith(b"\n")' "$1"; }
has_lines() { [ "$(wc -l <"$1" 2>/dev/null || echo 0)" -ge "$2" ]; }
run
wait_for 15 has_lines "$rows" 4
mv "$rows" "$rows.1"
check "renamed, the file is begun anew" wait_for 15 has_lines "$rows" 2
cp "$rows" "$rows.2" && : >"$rows"
check "cut to nothing, it is gone on with from its beginning" wait_for 15 has_lines "$rows" 2
mv "$rows" "$rows.3"
kill -HUP "$agent"
check "renamed and told to reload, as logrotate does" wait_for 15 has_lines "$rows" 2
check "no line is broken" whole "$rows"
check "nor in those renamed" whole "$rows.1"
check "nor in the second of them" whole "$rows.3"
kill -9 "$agent"
wait "$agent" 2>/dev/null
printf '{"time":17954715' >>"$rows"
before=$(wc -l <"$rows")
run
check "after a kill it goes on" wait_for 15 has_lines "$rows" $((before + 2))
check "behind the half line nothing is lost, and it is gone" whole "$rows"
same "each interval is there once" '' "$(jq -r 'select(.table == "agent" and .part == "collect") | .time' "$rows" | sort | uniq -d)"
"$MQPUSH" once -n 127.0.0.1:1 --to "file:$rows" >"$dir/second" 2>&1 </dev/null
check "a second agent is kept off" grep -q 'another program is writing to it' "$dir/second"
stop_pid "$agent"

# ---- a disk of four pages (in a name space of our own, so only where that is allowed)
cat >"$dir/full.sh" <<'SCRIPT'
mount -t tmpfs -o size=16k none "$1" || exit 77
head -c 12288 /dev/zero >"$1/filler"
"$MQPUSH" run -n 127.0.0.1:1 --interval 1s --to "file:$1/rows.jsonl" >"$2" 2>&1 </dev/null &
agent=$!
for _ in $(seq 300); do grep -q 'No space left' "$2" && break; sleep 0.1; done
cp "$1/rows.jsonl" "$3.full"
rm "$1/filler"
lines=$(wc -l <"$1/rows.jsonl")
for _ in $(seq 300); do [ "$(wc -l <"$1/rows.jsonl")" -gt "$lines" ] && break; sleep 0.1; done
kill "$agent"; wait "$agent"
cp "$1/rows.jsonl" "$3.after"
SCRIPT
mkdir "$dir/small"
rc=0
MQPUSH=$MQPUSH timeout 90 unshare -m bash "$dir/full.sh" "$dir/small" "$dir/full.log" "$dir/disk" 2>/dev/null || rc=$?
if [ -s "$dir/disk.after" ]; then
    check "a full disk is said" grep -q 'rows.jsonl: write: No space left on device' "$dir/full.log"
    check "it leaves whole lines" whole "$dir/disk.full"
    check "and they go on when there is room" whole "$dir/disk.after"
    times() { jq -r 'select(.table == "agent" and .part == "collect") | .time' "$1"; }
    same "without a hole" "$(times "$dir/disk.after" | wc -l)" \
        "$(($(times "$dir/disk.after" | tail -1) - $(times "$dir/disk.after" | head -1) + 1))"
else
    echo "a disk of our own is not allowed here ($rc)"
fi

done_testing
