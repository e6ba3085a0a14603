#!/usr/bin/env python3
"""expressions.py PROMETHEUS_URL METRICS.json [--patience SECONDS] - does everything that reads our metrics find what it reads?

Asks a real Prometheus, which scrapes a Pushgateway that mqpush feeds from the living scene: every expression of
tests/data/official_expressions.txt, of conf/dashboards and of the rules it has loaded. What may be empty on the scene stands with
its reason in that list or, for our own files, in tests/data/quiet_expressions.txt; everything else must have a result, and gets
SECONDS for it (the brokers' rates look back a minute). METRICS.json is the output of `mqpush metrics -o json`: an expression that
is empty because mqpush has no such name is reported as that. Prints "ok - ..." and "not ok - ..." lines; exit 1 if any failed.
"""
import argparse
import glob
import json
import os
import re
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
FOREIGN = {"push_time_seconds", "push_failure_time_seconds"}  # the gateway's own
KEYWORDS = set("and or unless bool by without on ignoring group_left group_right offset inf nan".split())
# Labels that the gateway's group and the agent's configuration put on.
AROUND = {"__name__", "job", "instance", "Env", "Cluster", "rocketmqClusterName", "namesrvAddr"}
# Prometheus drops an empty label: the clients of a group that nobody is in, the owner of a queue that nobody owns, and one that the
# exporter never fills either.
MAY_BE_EMPTY = {"caddr", "localaddr", "brokerHost", "consumerClientIP", "consumerClientPID"}
PANELS = {"timeseries", "stat", "table", "row"}  # what every Grafana from 8 on has without a plugin
GROUP = "audit-writer"  # in the scene it has a backlog, retries, dead letters and clients

parser = argparse.ArgumentParser()
parser.add_argument("url")
parser.add_argument("metrics")
parser.add_argument("--patience", type=float, default=120)
options = parser.parse_args()
known = {m["name"] for m in json.load(open(options.metrics, encoding="utf-8"))["rows"]}
failed = 0


def say(good, claim, *details):
    global failed
    failed += not good
    print(f"{'ok' if good else 'not ok'} - {claim}")
    for line in () if good else filter(None, details):
        print(f"  {line}")


def ask(path, **fields):
    """The data of an answer; ValueError with the words of Prometheus where it refuses."""
    body = urllib.parse.urlencode(fields, doseq=True).encode() if fields else None
    try:
        with urllib.request.urlopen(f"{options.url}/api/v1/{path}", body, timeout=30) as answer:
            return json.load(answer)["data"]
    except urllib.error.HTTPError as refused:
        raise ValueError(json.load(refused).get("error", str(refused))) from None


def query(expression):
    data = ask("query", query=expression)
    return data["result"] if data["resultType"] == "vector" else [{"metric": {}, "value": data["result"]}]


def names_in(expression):
    """The metric names an expression reads: every word that is no function, keyword, label or text."""
    bare = re.sub(r'"(\\.|[^"\\])*"', '""', expression)
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]", " ", bare)
    bare = re.sub(r"\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", " ", bare)
    words = re.findall(r"(?<![\w:$.])[A-Za-z_:][\w:]*(?!\s*\(|[\w:])", bare)
    return {w for w in words if w not in KEYWORDS}


# Variables, as Grafana fills them ------------------------------------------------------------------------------------

LABEL_VALUES = re.compile(r"label_values\(\s*(.+?)\s*,\s*(\w+)\s*\)\s*(?:/(.+)/)?$")


def label_values(text):
    selector, label, wanted = LABEL_VALUES.match(text).groups()
    found = {s[label] for s in ask("series", **{"match[]": selector, "start": time.time() - 60}) if label in s}
    return sorted(v for v in found if not wanted or re.search(wanted, v))


def all_of(values):
    """What a multi-value variable set to All becomes inside a string of PromQL."""
    return "(" + "|".join(re.sub(r"[$^*{}\[\]'+?.()|]", r"\\\\\g<0>", v.replace("\\", "\\\\\\\\")) for v in values) + ")"


def fill(text, variables):
    return re.sub(r"\$\{?(\w+)\}?", lambda m: variables.get(m[1], m[0]), text)


# One expression ------------------------------------------------------------------------------------------------------

class Expression:
    """expect: "some", "none", or the reason why it may be empty."""

    def __init__(self, where, expect, text, legend=()):
        self.where, self.expect, self.text, self.legend = where, expect, text, legend
        self.result, self.error, self.multi, self.lacks = None, None, True, set()

    def run(self, variables, lacks):
        self.error = None
        self.lacks = self.unknown().union(*(lacks.get(v, ()) for v in re.findall(r"\$\{?(\w+)", self.text)))
        self.asked = fill(self.text, variables)
        try:
            self.result = label_values(self.asked) if self.text.startswith("label_values(") else query(self.asked)
        except ValueError as refused:
            self.error = str(refused)

    def waits(self):
        return self.expect == "some" and not self.error and not self.result and not self.lacks

    def unknown(self):
        """The names of ours that mqpush does not have; an expression lacks those of its variables as well."""
        words = names_in(self.text.removeprefix("label_values"))
        return {n for n in words if n.startswith(("rocketmq_", "mq_", "mqpush_")) and n not in known}

    def report(self):
        shown = f"{self.where}: {self.text}"
        if self.error:
            say(False, shown, "Prometheus: " + self.error)
        elif self.expect == "none":
            say(not self.result, f"{self.where}: nothing breaks it", *(f"mqpush has no {n}" for n in sorted(self.lacks)),
                *(json.dumps(r["metric"]) for r in self.result[:5]))
        elif self.result:
            lacking = {label for label in self.legend for r in self.result if label not in r["metric"]}
            say(not lacking, f"{shown}: {len(self.result)}",
                "its legend or table has, and a result lacks: " + ", ".join(sorted(lacking)))
        elif self.expect != "some":
            say(True, f"{shown}: empty, {self.expect}")
        else:
            say(False, shown, "is empty" + (": mqpush has no " + ", ".join(sorted(self.lacks)) if self.lacks else ""), self.asked)


def read_tsv(name, columns):
    with open(os.path.join(ROOT, "tests/data", name), encoding="utf-8") as lines:
        rows = [line.rstrip("\n").split("\t") for line in lines if line.strip() and not line.startswith("#")]
    assert all(len(row) == columns for row in rows), f"{name}: every line has {columns} columns"
    return rows


def official():
    """Expressions by source file, each with that file's variables among them."""
    files = {}
    for where, expect, text in read_tsv("official_expressions.txt", 3):
        files.setdefault(where[0], []).append(Expression(where, expect.removeprefix("maybe: "), text))
    return files


# Our dashboards ------------------------------------------------------------------------------------------------------

def check_layout(name, board):
    """What Grafana would refuse, or show in a heap."""
    panels = board["panels"]
    trouble = []
    taken = {}
    for p in panels:
        at = p["gridPos"]
        if p["type"] not in PANELS:
            trouble.append(f"{p['title']}: type {p['type']}")
        if at["x"] + at["w"] > 24:
            trouble.append(f"{p['title']}: wider than the page")
        for cell in ((x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])):
            if taken.setdefault(cell, p["title"]) != p["title"]:
                trouble.append(f"{p['title']}: lies on {taken[cell]}")
                break
        if p["type"] != "row" and (not p["fieldConfig"]["defaults"].get("unit") or not p["targets"]):
            trouble.append(f"{p['title']}: no unit or no target")
        for holder in [p, *p.get("targets", [])]:
            if p["type"] != "row" and holder["datasource"] != {"type": "prometheus", "uid": "${datasource}"}:
                trouble.append(f"{p['title']}: another datasource")
    titles = [p["title"] for p in panels if p["type"] != "row"]
    if len({p["id"] for p in panels}) != len(panels) or len(set(titles)) != len(titles):
        trouble.append("two panels have one id or one title")
    if not 36 <= board["schemaVersion"] <= 39 or not re.fullmatch(r"[a-z-]{5,40}", board["uid"]) or "__inputs" in board:
        trouble.append("schemaVersion, uid or inputs")
    say(not trouble, f"{name}: can be imported as it is", *trouble)


def check_names(name, expressions, defined):
    texts = " ".join(e.text for e in expressions)
    unset = {v for v in re.findall(r"\$\{?(\w+)", texts) if v not in defined and not v.startswith("__")}
    say(not unset, f"{name}: every variable is defined", ", ".join(sorted(unset)))
    words = set().union(*(names_in(e.text) for e in expressions if not e.text.startswith("label_values(")))
    words |= {w for e in expressions if (m := LABEL_VALUES.match(e.text)) for w in names_in(m[1])}
    strange = words - known - FOREIGN
    say(not strange, f"{name}: every name is one that mqpush or the gateway gives",
        "not in `mqpush metrics`: " + ", ".join(sorted(strange)))


def our_board(path, quiet):
    """(name, expressions); the variables are the first of them."""
    board = json.load(open(path, encoding="utf-8"))
    name = os.path.basename(path)
    variables = board["templating"]["list"]
    expressions = []
    for v in variables:
        if v["type"] == "query":
            expressions.append(Expression(f"{name} ${v['name']}", "some", v["query"]["query"]))
            expressions[-1].multi = v["multi"]
    for p in board["panels"]:
        for t in p.get("targets", []):
            where = f"{name} {p['title']} {t['refId']}"
            legend = set(re.findall(r"\{\{\s*(\w+)\s*\}\}", t["legendFormat"]))
            if p["type"] == "table" and t["refId"] == "A":  # the others are merged into its rows
                legend = {c for f in p["transformations"] if f["id"] == "organize" for c in f["options"]["renameByName"]
                          if not c.startswith("Value")}
            expressions.append(Expression(where, quiet.pop(where, "some"), t["expr"], legend))
    check_layout(name, board)
    check_names(name, expressions, {v["name"] for v in variables})
    fixed = {v["name"]: v["query"] for v in variables if v["type"] == "textbox"}
    return name, expressions, fixed


# Running -------------------------------------------------------------------------------------------------------------

def run_file(expressions, fixed=()):
    """Everything of one file, its variables first: an expression uses what the one before it found."""
    variables, lacks = dict(fixed), {}
    for e in expressions:
        e.run(variables, lacks)
        if e.text.startswith("label_values("):
            name = e.where.rpartition("$")[2]
            values = e.result or []
            one = not e.multi or name in ("env", "cluster")
            pick = GROUP if GROUP in values else values[0] if values else ""
            variables[name] = pick if one else all_of(values)
            lacks[name] = () if values else e.lacks


def check_rules(quiet):
    groups = ask("rules")["groups"]
    rules = [r for g in groups for r in g["rules"]]
    say(len(rules) > 0, f"Prometheus has loaded our {len(rules)} rules")
    recorded = {r["name"] for r in rules if r["type"] == "recording"}
    for r in rules:
        where = f"rule {r['name']}"
        lacking = [] if where in quiet else sorted(n for n in names_in(r["query"]) if n not in recorded and not query(n))
        quiet.pop(where, None)
        unknown = sorted(names_in(r["query"]) - known - FOREIGN - recorded)
        say(r["health"] == "ok" and not lacking and not unknown, f"{where} is evaluated and reads what there is",
            r.get("lastError"), lacking and "no series of: " + ", ".join(lacking),
            unknown and "not in `mqpush metrics`: " + ", ".join(unknown))
    say(bool(query("mqpush:fresh")), "the agent counts as fresh while it pushes")
    # MqpushSlow is for skipped intervals, and on a busy machine there may be some: then it is right.
    fires = [r["name"] for r in rules if r["name"].startswith("Mqpush") and r["state"] != "inactive" and r["name"] != "MqpushSlow"]
    say(not fires, "no alert about the agent is raised while it works", ", ".join(fires))


def check_labels():
    """Every series under an official name has the official labels, and no other."""
    wanted = {name: set(labels.split(",")) for name, labels in (line.split() for line in open(
        os.path.join(ROOT, "tests/data/official_names.txt"), encoding="utf-8") if line.strip() and not line.startswith("#"))}
    series = ask("series", **{"match[]": '{__name__=~"rocketmq_.+"}', "start": time.time() - 60})
    wrong = set()
    for s in series:
        labels = wanted.get(s["__name__"])
        if labels and not labels - MAY_BE_EMPTY <= s.keys() - AROUND <= labels:
            wrong.add(f"{s['__name__']}: {', '.join(sorted(s.keys() - AROUND))}")
    say(series and not wrong, f"{len(series)} series under official names have the official labels and no others", *sorted(wrong))


def main():
    quiet = dict(read_tsv("quiet_expressions.txt", 2))
    files = [(expressions, ()) for expressions in official().values()]
    for path in sorted(glob.glob(os.path.join(ROOT, "conf/dashboards/*.json"))):
        _, expressions, fixed = our_board(path, quiet)
        files.append((expressions, fixed))
    end = time.monotonic() + options.patience
    while True:
        for expressions, fixed in files:
            run_file(expressions, fixed)
        everything = [e for expressions, _ in files for e in expressions]
        if not any(e.waits() for e in everything) or time.monotonic() > end:
            break
        time.sleep(2)
    for e in everything:
        e.report()
    check_rules(quiet)
    check_labels()
    say(not quiet, "quiet_expressions.txt names nothing that is gone", *quiet)
    results = sum(bool(e.result) for e in everything if e.expect != "none")
    print(f"# {len(everything)} expressions asked of Prometheus, {results} with a result")
    sys.exit(failed > 0)


main()
