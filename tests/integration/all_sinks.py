#!/usr/bin/env python3
"""all_sinks.py MQPUSH DIRECTORY REDIS_PORT GATEWAY EXPORTER_URL ETSY_CONSOLE - what every sink holds of one interval, against `status`.

DIRECTORY: history.db, rows.jsonl, rows.influx, csv/TABLE.csv, page.prom and collectd's csv. Tables are compared with `status -o json`,
families with the page, and the page's families of lag and offsets with `status` again. Prints what differs; exit 1 if anything does.
"""
import collections
import csv
import glob
import json
import re
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request

from read_back import collected, compare, redis_says

mqpush, folder, redis_port, gateway, exporter, etsy_console = sys.argv[1:7]
STATUS = "groups backlogs topics queues clients producers brokers scrapes".split()
ARRIVES_WITHIN_S = 20
failed = 0


def say(good, claim, detail=()):
    global failed
    print(("ok - " if good else "not ok - ") + claim, flush=True)
    for line in [] if good else list(detail)[:12]:
        print("  " + line)
    failed += not good


# ---- tables ----------------------------------------------------------------------------------------------------------

history = sqlite3.connect(f"file:{folder}/history.db?mode=ro", uri=True)
moment = history.execute("SELECT max(time) FROM intervals").fetchone()[0]


def keys_of(table):
    names = [r[1] for r in history.execute(f"PRAGMA table_info({table}_names)")]
    return [n for n in names if n not in ("id", "first_time", "gone_time")]


def from_status(table):
    told = subprocess.check_output([mqpush, "status", table, "-d", f"{folder}/history.db", "-o", "json"], stdin=subprocess.DEVNULL)
    return [{**r, "time": moment} for r in json.loads(told)["rows"]]


def from_redis(table):
    return [dict(zip(fields[::2], fields[1::2])) for _, fields in redis_says(int(redis_port), "XRANGE", f"mqpush:{table}", "-", "+")]


def from_jsonl(table):
    rows = [json.loads(line) for line in open(f"{folder}/rows.jsonl", encoding="utf-8")]
    return [{k: v for k, v in r.items() if k != "table"} for r in rows if r["table"] == table]


def from_csv(table):
    with open(f"{folder}/csv/{table}.csv", encoding="utf-8", newline="") as f:
        return [{k: v for k, v in r.items() if v != ""} for r in csv.DictReader(f)]


def from_influx(table):
    for line in open(f"{folder}/rows.influx", encoding="utf-8"):
        head, fields, stamp = re.fullmatch(r"((?:\\.|[^ \\])+) (.*) (\d+)\n", line).groups()
        name, *tags = re.split(r"(?<!\\),", head)
        if name != f"mq_{table}":
            continue
        row = {"time": int(stamp) // 10**9}
        for tag in tags:
            k, v = re.split(r"(?<!\\)=", tag, maxsplit=1)
            row[k] = re.sub(r"\\(.)", r"\1", v)
        for k, text, number in re.findall(r'(\w+)=(?:"((?:\\.|[^"\\])*)"|([^,]+))', fields):
            row[k] = number.rstrip("i") if number else re.sub(r"\\(.)", r"\1", text)
        yield row


def compare_tables():
    readers = {"status": from_status, "Redis": from_redis, "jsonl": from_jsonl, "csv": from_csv, "influx": from_influx}
    total = collections.Counter()
    for table in STATUS:
        keys, holders, doubles = keys_of(table), {}, []
        for name, read in readers.items():
            holders[name], twice = collected(read(table), keys, table)
            for row in holders[name].values():  # an absent text and an empty one are the same to csv and influx
                for column in [c for c, v in row.items() if v == ""]:
                    del row[column]
            doubles += [f"{name}: {d}" for d in twice]
        for key in [k for k, row in holders["status"].items() if not row]:  # nothing is known but its keys: no point
            holders["influx"].setdefault(key, {})
        rows, values, wrong = compare(table, holders)
        total.update(rows=rows, values=values)
        say(not wrong and not doubles and rows > 0, f"{table}: Redis, jsonl, csv and influx hold the {rows} rows that status says", doubles + wrong)
    print(f"# {total['rows']} rows of status in each of four sinks, {total['values']} values compared")


# ---- families --------------------------------------------------------------------------------------------------------


def parse_page(text):
    """(name, ((label, value), ...) in their order) -> value, and the names that are gauges."""
    samples, gauges = {}, set(re.findall(r"^# TYPE (\S+) gauge$", text, re.M))
    for name, labels, value in re.findall(r"^(\w+)(?:\{(.*)\})? (\S+)$", text, re.M):
        pairs = [(k, re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], v)) for k, v in re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels)]
        samples[name, tuple(pairs)] = float(value)
    return samples, gauges


def get(url):
    return urllib.request.urlopen(url, timeout=10).read().decode()


def plain(name, labels):
    """A StatsD name without labels: their values, then the name."""
    return ".".join(["all"] + [re.sub(r"[^A-Za-z0-9_-]", "_", v) or "_" for _, v in labels] + [name])


def tagged(name, labels):
    """As statsd_exporter shows dogstatsd's: an empty label is no label."""
    tags = [(k, re.sub(r"[\x00-\x20\x7f,|#:;=@\[\]]", "_", v)) for k, v in labels if v]
    return name, tuple(sorted(tags))


def from_exporter():
    return {(name, tuple(sorted(labels))): v for (name, labels), v in parse_page(get(exporter))[0].items() if re.match("mq_|mqpush_|rocketmq_", name)}


def from_etsy():
    with socket.create_connection(("127.0.0.1", int(etsy_console)), timeout=10) as console:
        console.sendall(b"gauges\n")
        answer = b""
        while b"END\n" not in answer:
            answer += console.recv(65536)
    found = re.findall(r"'?([^\s',{]+)'?: (-?[0-9.e+-]+)", answer.decode())
    return {name: float(v) for name, v in found if name.startswith("all.")}


def from_collectd():
    values = {}
    for path in glob.glob(f"{folder}/collectd/*/statsd/gauge-*"):
        name = re.fullmatch(r".*/gauge-(.*)-\d{4}-\d\d-\d\d", path)[1]
        values[name] = float(open(path, encoding="utf-8").read().splitlines()[-1].split(",")[1])
    return values


def from_gateway():
    samples = {}
    for (name, labels), value in parse_page(get(gateway + "/metrics"))[0].items():
        if dict(labels).get("job") == "rocketmq" and not name.startswith("push_"):
            samples[name, tuple(sorted(p for p in labels if p[1] != "" and p[0] not in ("job", "instance")))] = value
    return samples


def difference(wanted, held, rounded_to):
    close = {k for k in wanted.keys() & held.keys() if abs(wanted[k] - held[k]) <= rounded_to + 1e-12 * abs(wanted[k])}
    return [f"{k}: {wanted.get(k)} on the page, {held.get(k)} there" for k in wanted.keys() | held.keys() if k not in close]


def compare_families():
    page, gauges = parse_page(open(f"{folder}/page.prom", encoding="utf-8").read())
    of_gauges = {k: v for k, v in page.items() if k[0] in gauges}
    receivers = {
        "the Pushgateway": (from_gateway, {(n, tuple(sorted(p for p in l if p[1] != ""))): v for (n, l), v in page.items()}),
        "statsd_exporter": (from_exporter, {tagged(*k): v for k, v in of_gauges.items()}),
        "Etsy's statsd": (from_etsy, {plain(*k): v for k, v in of_gauges.items()}),
        "collectd": (from_collectd, {plain(*k): v for k, v in of_gauges.items()}),
    }
    total = 0
    for name, (read, wanted) in receivers.items():
        end, wrong = time.monotonic() + ARRIVES_WITHIN_S, ["nothing was read"]
        while wrong and time.monotonic() < end:
            wrong = difference(wanted, read(), 0.51e-6 if name == "collectd" else 0)  # its files have six decimals
            time.sleep(0.2 if wrong else 0)
        total += len(wanted)
        what = "samples" if "gateway" in name else "gauges"
        say(not wrong and len(wanted) > 0, f"{name} holds the page's {len(wanted)} {what}", [f"{len(wrong)} differ"] + wrong)
    print(f"# {total} samples of four receivers compared with the page of {len(page)}")
    return page


def compare_page_with_status(page):
    by_labels = {(name, tuple(sorted(labels))): v for (name, labels), v in page.items()}
    wrong, count = [], 0

    def expect(name, value, **labels):
        nonlocal count
        count += 1
        got = by_labels.pop((name, tuple(sorted(labels.items()))), None)
        if got != value:
            wrong.append(f"{name}{labels}: status {value}, page {got}")

    for b in from_status("backlogs"):
        expect("mq_group_lag_messages", b["lag"], source=b["source"], system=b["system"], cluster=b["cluster"], topic=b["topic"],
               group=b["consumer_group"])
    for t in from_status("topics"):
        expect("rocketmq_producer_offset", t["max_offset"], cluster=t["cluster"], broker=t["broker"], topic=t["topic"])
    for q in from_status("queues"):
        expect("mq_queue_lag_messages", q["lag"], source=q["source"], system=q["system"], cluster=q["cluster"], group=q["consumer_group"],
               topic=q["topic"], broker=q["broker"], queue=q["queue"])
    compared = ("mq_group_lag_messages", "rocketmq_producer_offset", "mq_queue_lag_messages")
    wrong += [f"{n}{dict(l)}: only on the page" for n, l in by_labels if n in compared]
    say(not wrong and count > 0, f"the page says of lag and offsets what status says, {count} samples", wrong)


compare_tables()
compare_page_with_status(compare_families())
sys.exit(1 if failed else 0)
