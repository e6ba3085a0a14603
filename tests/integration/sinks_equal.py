#!/usr/bin/env python3
"""sinks_equal.py VERSION STATUS_DIR HISTORY.db - do the history and the Pushgateway hold what `status` said?

STATUS_DIR holds WHAT.json of `mqpush status WHAT -o json` and gateway.json of the gateway's /api/v1/metrics, all of one frozen cluster.
"""
import json
import sqlite3
import sys

version, folder, history = sys.argv[1:4]
# Columns that tell of the looking, not of the cluster.
LOOKING = {"duration_ms", "bytes", "requests", "in_rate", "out_rate"}
AGES = {"lag_seconds", "lag_seconds_low", "lag_seconds_high"}  # of what waits: they have grown since status, all by the same
AGES_DIFFER_S = 1
MOVING_TABLES = {"brokers", "scrapes"}
LATE = "RMQ_SYS_TRANS_"  # topics the broker makes itself a minute after its start: there or not yet
failed = 0


def say(good, claim, detail=()):
    global failed
    print(("ok - " if good else "not ok - ") + claim)
    for line in list(detail)[:20]:
        print("  " + line)
    failed += not good


def load(what):
    return json.load(open(f"{folder}/{what}.json", encoding="utf-8"))["rows"]


def history_equals():
    db = sqlite3.connect(f"file:{history}?mode=ro", uri=True)
    db.row_factory = sqlite3.Row
    newest = db.execute("SELECT max(time) FROM intervals").fetchone()[0]
    total = 0
    for table in ("groups", "backlogs", "topics", "queues", "clients", "producers", "brokers", "scrapes"):
        rows = [{k: r[k] for k in r.keys() if r[k] is not None and k != "time"} for r in
                db.execute(f"SELECT * FROM {table} WHERE time = ?", (newest,))]
        rows = [r for r in rows if not str(r.get("topic", "")).startswith(LATE)]
        ours = [r for r in load(table) if not str(r.get("topic", "")).startswith(LATE)]
        keys = [k for k, v in ours[0].items() if isinstance(v, str)] if ours else []

        def order(row):
            return [str(row.get(k, "")) for k in sorted(set(keys) | {"source", "broker", "consumer_group", "topic", "queue", "target"})]

        rows.sort(key=order)
        ours.sort(key=order)
        wrong, grown = [], []
        if len(rows) != len(ours):
            wrong.append(f"{len(rows)} rows in the history, {len(ours)} in status")
        for mine, theirs in zip(ours, rows):
            for column in mine.keys() | theirs.keys():
                if column in LOOKING or (table in MOVING_TABLES and not isinstance(mine.get(column), str)):
                    continue
                total += 1
                if column in AGES and mine.get(column) and theirs.get(column):
                    grown.append(theirs[column] - mine[column])
                elif mine.get(column) != theirs.get(column):
                    wrong.append(f"{order(mine)} {column}: status {mine.get(column)}, history {theirs.get(column)}")
        if grown and (min(grown) < 0 or max(grown) - min(grown) > AGES_DIFFER_S):
            wrong.append(f"ages have grown by {min(grown)} to {max(grown)} s")
        say(not wrong, f"{version} history: {table} equals status, {len(ours)} rows", wrong)
    print(f"# {version}: {total} values of the history compared with status")


def gateway_equals():
    groups = json.load(open(f"{folder}/gateway.json", encoding="utf-8"))["data"]
    group = max(groups, key=lambda g: float(g["push_time_seconds"]["metrics"][0]["value"]))
    samples = {}
    for name, family in group.items():
        if isinstance(family, dict) and "metrics" in family:
            for m in family["metrics"]:
                labels = dict(m.get("labels", {}))
                samples[name, tuple(sorted((k, v) for k, v in labels.items() if k not in ("job", "instance")))] = float(m["value"])
    total, wrong = 0, []

    def expect(name, value, **labels):
        nonlocal total
        total += 1
        got = samples.pop((name, tuple(sorted(labels.items()))), None)
        if got != value:
            wrong.append(f"{name}{labels}: status {value}, gateway {got}")

    members = {g["consumer_group"]: g for g in load("groups")}
    for b in load("backlogs"):
        own = {k: b[k] for k in ("source", "system", "cluster", "topic")} | {"group": b["consumer_group"]}
        if b["kind"] != "dlq" and "lag" in b:
            expect("mq_group_lag_messages", b["lag"], **own)
        g = members[b["consumer_group"]]
        if "diff" in b and b.get("complete") == 1 and (g["model"] != "broadcasting" or b["kind"] == "dlq"):
            name = {"retry": "rocketmq_group_retrydiff", "dlq": "rocketmq_group_dlqdiff"}.get(b["kind"], "rocketmq_group_diff")
            online = str(g["members"]) if "members" in g else ""
            expect(name, b["diff"], group=b["consumer_group"], topic=b["topic"], countOfOnlineConsumers=online,
                   msgModel="0" if g["model"] == "broadcasting" else "1")
    for t in load("topics"):
        if "max_offset" not in t or t["topic"].startswith(LATE):
            continue
        if t["kind"] == "dlq":
            expect("rocketmq_topic_dlq_offset", t["max_offset"], cluster=t["cluster"], broker=t["broker"], group=t["topic"][5:])
        else:
            name = "rocketmq_topic_retry_offset" if t["kind"] == "retry" else "rocketmq_producer_offset"
            expect(name, t["max_offset"], cluster=t["cluster"], broker=t["broker"], topic=t["topic"])
    for q in load("queues"):
        if "lag" in q:
            expect("mq_queue_lag_messages", q["lag"], source=q["source"], system=q["system"], cluster=q["cluster"],
                   group=q["consumer_group"], topic=q["topic"], broker=q["broker"], queue=q["queue"])
    ages = {(dict(l)["group"], dict(l)["topic"]): v for (n, l), v in samples.items() if n == "mq_group_lag_seconds"}
    shares = {(dict(l)["group"], dict(l)["topic"]): v for (n, l), v in samples.items()
              if n == "rocketmq_group_get_latency_by_storetime"}  # there is one broker
    for key, ms in shares.items():
        total += 1
        if key not in ages or abs(ages[key] * 1000 - ms) > 1:
            wrong.append(f"latency by store time of {key}: {ms} ms, mq_group_lag_seconds {ages.get(key)}")
    if not any(shares.values()):
        wrong.append("no group has a latency by store time")
    samples = {key: value for key, value in samples.items() if not dict(key[1]).get("topic", "").startswith(LATE)}
    for name in ("rocketmq_group_diff", "rocketmq_group_retrydiff", "rocketmq_group_dlqdiff", "mq_group_lag_messages", "mq_queue_lag_messages",
                 "rocketmq_producer_offset", "rocketmq_topic_retry_offset", "rocketmq_topic_dlq_offset"):
        wrong += [f"{n}{dict(l)}: only at the gateway" for n, l in samples if n == name]
    say(not wrong, f"{version} Pushgateway: {total} samples equal status", wrong)
    print(f"# {version}: {total} samples at the Pushgateway compared with status")


history_equals()
gateway_equals()
sys.exit(1 if failed else 0)
