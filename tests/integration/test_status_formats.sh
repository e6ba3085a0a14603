#!/usr/bin/env bash
# test_status_formats.sh - what `mqpush status` prints, read back by other programs: every format, every table, past moments, what it
# says and returns when a part is missing, when nothing is there, when it is asked for something that does not exist.
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$tests/.." || exit 1
BUILD=${BUILD:-build/release}
MQPUSH=${MQPUSH:-$PWD/mqpush}
dir=$(mktemp -d /tmp/mqpush-status.XXXXXX)
trap 'rm -rf "$dir"' EXIT
unset MQPUSH_CONFIG NAMESRV_ADDR STATE_DIRECTORY NO_COLOR FORCE_COLOR CLICOLOR_FORCE COLUMNS
export LC_ALL=C.UTF-8 TZ=UTC
history=$dir/history.db
tables='groups backlogs topics queues clients producers brokers scrapes agent'

status() { # status ARGUMENT...: from the history; $dir/out, $dir/err, $rc
    rc=0
    timeout 30 "$MQPUSH" status -d "$history" "$@" >"$dir/out" 2>"$dir/err" </dev/null || rc=$?
}
out() { cat "$dir/out"; }
says() { # says CLAIM TEXT: on standard error
    if grep -qF -- "$2" "$dir/err"; then
        ok "$1"
    else
        not_ok "$1"
        sed 's/^/  said: /' "$dir/err"
    fi
}

"$BUILD/tests/integration/write_history" "$history" || { echo "the history could not be written"; exit 1; }

# ---- the newest interval, for people
status
same "all answered: exit 0" 0 "$rc"
same "nothing on standard error" '' "$(cat "$dir/err")"
age=' \(.* ago\)'
same "the newest interval, worst first" "cluster c1 at 2026-11-21 10:32:00+00:00

GROUP               LAG  MEMBERS  RETRY  DLQ  MODEL       TYPE
orders            5.00k        3    345    2  clustering  push
订单              1.20k        -      0    0  clustering  push
bad\\x1b[31m|name      7        0      0    0  clustering  push
billing               0        2      0    0  clustering  push

4 of 4 groups shown, coverage 100 %" "$(out | sed -E "1s/$age//")"

# ---- a past moment, a part missing
status --at '2026-11-21 10:31:30'
same "a part was missing then: exit 1" 1 "$rc"
same "a past moment, with what was missing" "cluster c1 at 2026-11-21 10:31:00+00:00
broker-b 10.0.0.2:10911: no answer in time (timeout)

GROUP               LAG   MEMBERS  RETRY   DLQ   MODEL       TYPE
orders            12.3k+        3    345+    2+  clustering  push
订单              1.20k         -      0     0   clustering  push
bad\\x1b[31m|name      7         0      0     0   clustering  push
billing               0         2      0     0   clustering  push

+ lower bound: a part is unknown
4 of 4 groups shown, coverage 50 %" "$(out | sed -E "1s/$age//")"
status --at 10:30:59 --bad -o tsv
status --at '2026-11-21T11:31:00+01:00' --bad brokers -o tsv --columns broker,up
same "an offset in --at, and --bad" "$(printf 'broker\tup\nbroker-b\t0')" "$(out)"
status --at '2026-11-21 09:00'
same "before the first interval: exit 1" 1 "$rc"
says "and what the history holds" "2026-11-21 10:30 to 2026-11-21 10:32"
status --tz Europe/Berlin --at '2026-11-21 11:31'
same "--tz is for reading and for showing" "cluster c1 at 2026-11-21 11:31:00+01:00" "$(out | head -1 | sed -E "s/$age//")"

# ---- every format of every table, read by another program
python3 - "$MQPUSH" "$history" "$tables" <<'PYTHON' >"$dir/formats" 2>&1 || failures=$((failures + 1))
import csv, io, json, subprocess, sys
mqpush, history, tables = sys.argv[1], sys.argv[2], sys.argv[3].split()
bad = 0

def ask(table, form, *more):
    return subprocess.run([mqpush, "status", table, "-d", history, "-o", form, *more], capture_output=True, encoding="utf-8").stdout

def check(claim, fine):
    global bad
    bad += not fine
    print(f"{'ok' if fine else 'not ok'} - {claim}")

def unescape(text):
    return text.replace("\\\\", "\0").replace("\\t", "\t").replace("\\n", "\n").replace("\\r", "\r").replace("\0", "\\")

for table in tables:
    whole = json.loads(ask(table, "json"))
    check(f"{table}: json has schema, times and coverage",
          whole["schema"] == 1 and whole["at"] == "2026-11-21T10:32:00Z" and whole["generated_at"][-1] == "Z" and whole["coverage"] == 1)
    lines = [json.loads(line) for line in ask(table, "jsonl").splitlines()]
    check(f"{table}: jsonl has the same rows, each with its time",
          [{k: v for k, v in row.items() if k != "at"} for row in lines] == whole["rows"] and all(row["at"] == whole["at"] for row in lines))
    rows = list(csv.reader(io.StringIO(ask(table, "csv"), newline="")))
    as_text = [[json.dumps(row[name]) if isinstance(row.get(name), (int, float)) else row.get(name, "") for name in rows[0]]
               for row in whole["rows"]]
    def equal(a, b):
        return a == b or (a and b and not isinstance(a, type(None)) and a.replace(".", "").isdigit() and float(a) == float(b))
    check(f"{table}: csv has the same rows", len(rows) - 1 == len(as_text) and
          all(len(a) == len(rows[0]) and all(equal(x, y) for x, y in zip(a, b)) for a, b in zip(rows[1:], as_text)))
    tsv = [[unescape(field) for field in line.split("\t")] for line in ask(table, "tsv").splitlines()]
    check(f"{table}: tsv equals csv", tsv == rows)
    check(f"{table}: every json field is a csv column", all(set(row) <= set(rows[0]) for row in whole["rows"]))
    pipe = [line for line in ask(table, "md").splitlines() if line.startswith("|")]
    columns = lambda line: line.replace("\\\\", "").replace("\\|", "").count("|")
    check(f"{table}: md has one line a row, all of one width",
          len(pipe) == (len(whole["rows"]) + 2 if whole["rows"] else 0) and len({columns(line) for line in pipe}) <= 1)
big = json.loads(ask("queues", "json", "--sort", "max_offset", "--top", "1"))["rows"][0]["max_offset"]
check("integers beyond 2^53 are exact", big == 9007199254740993)
sys.exit(bad > 0)
PYTHON
cat "$dir/formats"
passes=$((passes + $(grep -c '^ok - ' "$dir/formats")))

status brokers -o prom
is_prom_page() { # promtool's 3 is advice about names
    local lint=0
    command -v promtool >/dev/null || return 0
    promtool check metrics <"$dir/out" >/dev/null 2>&1 || lint=$?
    [ "$lint" -eq 0 ] || [ "$lint" -eq 3 ]
}
check "prom is a page that Prometheus takes" is_prom_page
check "it has the table's metrics" grep -q '^mq_broker_up{' "$dir/out"
same "and no others" 0 "$(grep -c '^mq_group' "$dir/out")"

# ---- choosing
status --topic 'orders-*' -o csv --columns consumer_group,lag
same "a filter the table lacks goes through a related one" $'consumer_group,lag\norders,5000\n订单,1200' "$(out)"
status backlogs --group orders --sort topic -o csv --columns topic
same "--sort and --columns" $'topic\n%RETRY%orders\norders-new' "$(out)"
status -o csv --columns group --sort -lag --top 2
same "smallest first, the first two" $'consumer_group\nbilling\n"bad\033[31m|name"' "$(out | sed 's/^bad\(.*\)$/"bad\1"/')"
status --columns help
check "--columns help names every column" grep -qE '^lag_seconds +s +age of' "$dir/out"

# ---- refusals: what, and the nearest that exists
status --sort lagg
same "an unknown column: exit 2" 2 "$rc"
says "and the nearest one" 'groups has no column "lagg"; did you mean lag?'
status brokers --bad --columns brokr
says "the same for --columns" 'did you mean broker?'
status scrapes --topic x
says "a filter that says nothing here is refused" '--topic says nothing about scrapes'
status grups
same "an unknown table: exit 2" 2 "$rc"
status -n 127.0.0.1:1
same "-d and -n exclude each other: exit 2" 2 "$rc"
status --at never
says "a moment nobody understands" '"never" is no time'
status --tz Mars/Olympus
says "a zone nobody knows" 'no time zone "Mars/Olympus"'
status -o prom --top 3
says "prom cannot be cut" '-o prom prints whole metrics'
status -o yaml
same "an unknown format: exit 2" 2 "$rc"
rc=0
"$MQPUSH" status -d "$dir/none.db" >"$dir/out" 2>"$dir/err" || rc=$?
same "no such history: exit 1" 1 "$rc"
says "and what to do" 'asks the cluster'
rc=0
"$MQPUSH" status -n 127.0.0.1:1 -o json >"$dir/out" 2>"$dir/err" || rc=$?
same "a name server that is away: exit 1" 1 "$rc"
same "and still JSON, with no rows" '[0,0]' "$(jq -c '[.coverage, (.rows | length)]' "$dir/out")"
says "and why" 127.0.0.1:1

# ---- terminals and pipes
same "no colour in a pipe" 0 "$("$MQPUSH" status brokers -d "$history" --at 2026-11-21T10:31Z | grep -c $'\033\[3')"
same "colour when told" 2 "$("$MQPUSH" status brokers -d "$history" --at 2026-11-21T10:31Z --color=always | grep -cE $'\033\[3[12]m(up|down)')"
same "--width cuts names in the middle" 30 "$(LC_ALL=C "$MQPUSH" status queues -d "$history" --columns group,topic,broker,lag --width 30 |
    sed -n '3,5p' | awk '{ if (length($0) > max) max = length($0) } END { print max }')"
same "ASCII where the locale is no UTF-8" 0 "$(LC_ALL=C "$MQPUSH" status -d "$history" | LC_ALL=C grep -c $'[\x80-\xff]')"
rc=0
"$MQPUSH" status -d "$history" >/dev/full 2>"$dir/err" || rc=$?
same "a full disk: exit 1" 1 "$rc"
says "and why" 'No space left'
"$MQPUSH" status queues -d "$history" --watch=1 -o jsonl 2>"$dir/err" | head -c 20 >/dev/null
same "--watch ends when its reader leaves, quietly" '' "$(cat "$dir/err")"

done_testing
