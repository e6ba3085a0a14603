#!/usr/bin/env python3
"""statsd_equal.py RECEIVER PLACE DIALECT PREFIX EXPECTED - does a receiver hold what push_statsd delivered?

RECEIVER and PLACE: exporter URL of its /metrics, etsy PORT of its management console, collectd DIRECTORY of its csv plugin, netdata URL.
EXPECTED: the file push_statsd printed. Names are made here from the dialects' description, not by the code under test. Prints what
differs; exit 1 if anything does. A text that shares its form with another one has a hash behind it, which is not foreseen, only
that it is there: such series are matched by form and value.
"""
import glob
import json
import re
import socket
import sys
import urllib.request

receiver, place, dialect, prefix, expected_file = sys.argv[1:6]
NOT_IN_TAG = re.compile(r"[\x00-\x20\x7f\x80-\x9f,|#:;=@\[\]]")
MARK = "_[0-9a-f]{8}"


def clean(text):
    if dialect == "plain":
        return re.sub(rb"[^A-Za-z0-9_-]", b"_", text.encode()).decode() or "_"
    if dialect == "graphite":
        return re.sub(rb"[^A-Za-z0-9_.-]", b"_", text.encode()).decode()
    return NOT_IN_TAG.sub("_", text)


# What the receiver calls it: a name, and labels where it knows them.


def escaped(name):  # statsd_exporter, of a name
    return re.sub(r"[^a-zA-Z0-9_:]", "_", name)


def key(metric, labels, marks):
    """As a regular expression. marks: the texts that have to carry a hash."""
    quote = escaped if receiver == "exporter" and dialect == "plain" else re.escape
    words = [(k, quote(clean(v)) + (MARK if v in marks else "")) for k, v in labels]
    if dialect == "plain":
        return quote(".").join([quote(prefix)] + [w for _, w in words] + [metric])
    words = [(k, w) for k, w in words if w]
    if receiver == "exporter":
        return "_".join([escaped(prefix), metric]) + "".join(f" {k}={w}" for k, w in sorted(words))
    return re.escape(prefix) + r"\." + metric + "".join(f";{k}={w}" for k, w in words)


def read_exporter():
    values = {}
    for line in urllib.request.urlopen(place, timeout=10).read().decode().splitlines():
        found = re.fullmatch(r'([a-zA-Z0-9_:]+)(?:\{(.*)\})? (\S+)', line)
        if found and found[1].startswith(escaped(prefix)):
            labels = re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', found[2] or "")
            unquoted = [(k, re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], v)) for k, v in labels]
            values[found[1] + "".join(f" {k}={v}" for k, v in sorted(unquoted))] = float(found[3])
    return values


def read_etsy():
    values = {}
    for what in ("gauges", "counters"):
        with socket.create_connection(("127.0.0.1", int(place)), timeout=10) as console:
            console.sendall(what.encode() + b"\n")
            answer = b""
            while b"END\n" not in answer:
                answer += console.recv(65536)
        for name, value in re.findall(r"'?([^\s',{]+)'?: (-?[0-9.e+-]+)", answer.decode()):
            values[name] = float(value)
    return values


def read_collectd():
    values = {}
    for path in glob.glob(place + "/*/statsd/gauge-*"):
        name = re.fullmatch(r".*/gauge-(.*)-\d{4}-\d\d-\d\d", path)[1]
        values[name] = float(open(path, encoding="utf-8").read().splitlines()[-1].split(",")[1])
    return values


def read_netdata():  # its names are in small letters
    charts = json.load(urllib.request.urlopen(place + "/api/v1/allmetrics?format=json&filter=statsd*", timeout=10))
    return {re.sub("^statsd_|_gauge$", "", name): chart["dimensions"]["gauge"]["value"]
            for name, chart in charts.items() if "gauge" in chart["dimensions"]}


def is_readable(row):
    """What this receiver can give back at all."""
    value = float(row["value"])
    if receiver == "collectd":
        return row["type"] == "gauge"  # a counter is a rate there
    if receiver == "netdata":  # a rate too; and thousandths in 64 bits, sent out by the chart with 7 digits
        return row["type"] == "gauge" and abs(value) < 2**53 and (value == 0 or abs(value) > 0.001)
    return True


def is_same(a, b):
    return a == b or (receiver == "collectd" and abs(a - b) <= 1e-14 * abs(b))  # 15 digits in its files


rows = [json.loads(line) for line in open(expected_file, encoding="utf-8")]
texts = {v for row in rows for _, v in row["labels"]}
forms = [clean(t) for t in texts]
marked = {t for t in texts if clean(t) != t and forms.count(clean(t)) > 1}
held = {"exporter": read_exporter, "etsy": read_etsy, "collectd": read_collectd, "netdata": read_netdata}[receiver]()
held = {k: v for k, v in held.items() if k.startswith(prefix) or k.startswith(escaped(prefix))}
matched, wrong = set(), []
for row in rows:
    pattern = key(row["metric"], row["labels"], marked)
    if not is_readable(row):
        continue
    names = [n for n in held if re.fullmatch(pattern, n, re.IGNORECASE if receiver == "netdata" else 0)]
    good = [n for n in names if is_same(held[n], float(row["value"]))]
    if len(good) != 1:
        wrong.append(f"{pattern}: expected {row['value']}, found {[(n, held[n]) for n in names]}")
    matched.update(good)
evil = [n for n in held if "evil" in n and n not in matched]
wrong += [f"{n}: nobody sent this" for n in evil]
wrong += ["fewer than 14 values came back"] if len(matched) < 14 else []
print("\n".join(wrong) if wrong else f"{len(matched)} values")
sys.exit(1 if wrong else 0)
