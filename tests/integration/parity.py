#!/usr/bin/env python3
"""parity.py ORACLE.json STATUS_DIR [TABLE...] - is what mqpush says of a frozen cluster what the official Java admin client says?

With TABLEs only these are compared: of a cluster whose clients are online, only what does not move.
ORACLE.json is the output of `lab.sh oracle`; STATUS_DIR holds `mqpush status WHAT -o json` of the same moment as WHAT.json; for the table "rates", which is compared only if it
is named, `mqpush once` to standard output as metrics.prom. Every number is compared, both ways; a row on one side only is a mismatch unless it is a known case in which the Java tools are wrong, and those are
listed with their reason. Prints "ok - ..." and "not ok - ..." lines; exit 1 if anything differs.
"""
import collections
import datetime
import json
import re
import sys

oracle = json.load(open(sys.argv[1], encoding="utf-8"))
status = {what: json.load(open(f"{sys.argv[2]}/{what}.json", encoding="utf-8"))["rows"]
          for what in ("queues", "backlogs", "groups", "topics", "brokers", "clients", "producers")}
version = oracle["version"]
# What moves by itself on a frozen cluster is also right as mqpush saw it just after the Java client.
brokers_later = {b["address"]: b for b in json.load(open(f"{sys.argv[2]}/brokers_later.json", encoding="utf-8"))["rows"]}
chosen = sys.argv[3:] or ["queues", "backlogs", "groups", "topics", "brokers", "latency"]

compared = collections.Counter()
wrong = collections.defaultdict(list)
known = collections.Counter()


def same(table, where, column, ours, theirs):
    compared[table] += 1
    if ours != theirs:
        wrong[table].append(f"{where} {column}: ours {ours}, Java client {theirs}")


def figure_is_there(where, what, ours, theirs):
    """A client of 4.3 says null of a rate that it has not sampled twice, and the Java tools read that as 0."""
    if theirs and not ours and version.startswith("V4_3") and what.endswith(("_rate", "_tps")):
        known["the client said null of a rate, which the Java client takes for 0"] += 1
    else:
        same("owners", where, f"{what} is there", ours, theirs)


def missing(table, where, side):
    compared[table] += 1
    wrong[table].append(f"{where}: only {side} has it")


SYSTEM_GROUPS = re.compile(r"^(TOOLS_CONSUMER|FILTERSRV_CONSUMER|SELF_TEST_C_GROUP|CID_ONS-HTTP-PROXY|CID_ONSAPI_\w+|__MONITOR_CONSUMER|"
                           r"SCHEDULE_CONSUMER|DEFAULT_CONSUMER|CID_RMQ_SYS_\w+|CID_DefaultHeartBeatSyncerTopic|CID_SYS_RMQ_TRANS)$")
configured_groups = {g for g in oracle["groups"] if not SYSTEM_GROUPS.match(g)}
configured_topics = {(t["topic"], t["broker"]) for t in oracle["topic_config"]}
committed, broadcast = {}, {}
for c in oracle["committed"]:
    (broadcast if c["broadcast"] else committed)[c["group"], c["topic"], c["broker"], c["queue"]] = c["offset"]
committed_pairs = {key[:3] for key in committed}
broadcast_pairs = {key[:3] for key in broadcast}
ends = {(t["topic"], t["broker"], t["queue"]): t for t in oracle["topics"]}


def judge_queues():
    """max, committed offset, min, lag of each queue of each group."""
    ours = {(q["consumer_group"], q["topic"], q["broker"], int(q["queue"])): q for q in status["queues"]}
    theirs = {}
    for c in oracle["consume"]:
        key = c["group"], c["topic"], c["broker"], c["queue"]
        if SYSTEM_GROUPS.match(c["group"]):
            continue
        if c["group"] not in configured_groups:
            known["group was deleted, its offsets were left behind: the Java client still reports a backlog"] += 1
        elif (c["topic"], c["broker"]) not in configured_topics:
            known["topic was deleted, its offsets were left behind: the Java client still reports a backlog"] += 1
        else:
            theirs[key] = c
    for key in sorted(ours.keys() | theirs.keys()):
        where = "{}/{} {}/{}".format(*key)
        q, c = ours.get(key), theirs.get(key)
        if q is None:
            missing("queues", where, "the Java client")
            continue
        end = ends.get(key[1:])
        if end is None:
            missing("queues", where, "mqpush")
            continue
        offset = committed.get(key, broadcast.get(key))
        if c is None:
            if key[:3] in broadcast_pairs:
                known["broadcast group: the Java client shows nothing, the broker's @broadcast offsets do"] += 1
            elif key[:3] not in committed_pairs and key[1].startswith("%RETRY%"):
                known["retry topic that was never polled: the Java client says 0, its messages wait all the same"] += 1
            elif key[:3] in committed_pairs:
                known["the group is online and no longer subscribed, or the queue is not readable: the Java client hides it"] += 1
            else:
                missing("queues", where, "mqpush")
        else:
            same("queues", where, "max_offset", q.get("max_offset"), c["broker_offset"])
            if offset is None:
                known["no offset was committed for the queue: the Java client says 0, mqpush leaves it absent"] += 1
            else:
                same("queues", where, "consumer_offset", q.get("consumer_offset"), c["consumer_offset"])
        same("queues", where, "min_offset", q.get("min_offset"), end["min"])
        same("queues", where, "max_offset", q.get("max_offset"), end["max"])
        same("queues", where, "consumer_offset", q.get("consumer_offset"), offset)
        start = max(end["min"], offset if offset is not None else end["min"])
        same("queues", where, "lag", q.get("lag"), max(0, end["max"] - start))


def judge_backlogs():
    """The sums over queues, and diff as the Java client computes it."""
    diffs, lags = collections.Counter(), collections.Counter()
    for c in oracle["consume"]:
        diffs[c["group"], c["topic"]] += c["broker_offset"] - c["consumer_offset"]
    for q in status["queues"]:
        lags[q["consumer_group"], q["topic"]] += q["lag"]
    for b in status["backlogs"]:
        key = b["consumer_group"], b["topic"]
        where = "{}/{}".format(*key)
        if b["kind"] == "dlq":
            depth = sum(t["max"] - t["min"] for t in oracle["topics"] if t["topic"] == key[1])
            same("backlogs", where, "diff of dead letters", b.get("diff"), depth)
            continue
        same("backlogs", where, "complete", b.get("complete"), 1)
        same("backlogs", where, "lag as the sum of its queues", b.get("lag"), lags[key])
        if key in diffs:
            same("backlogs", where, "diff", b.get("diff"), diffs[key])


members = collections.defaultdict(set)
models = {}
for connection in oracle["connections"]:
    members[connection["group"]].add((connection["client_id"], connection["client_addr"]))
    models[connection["group"]] = connection["model"].lower()
broadcasting = {g for g, model in models.items() if model == "broadcasting"} | {g for g, _, _ in broadcast_pairs}


def judge_groups():
    lag, retry = collections.Counter(), collections.Counter()
    for b in status["backlogs"]:
        if b["kind"] != "dlq" and "lag" in b:
            lag[b["consumer_group"]] += b["lag"]
            retry[b["consumer_group"]] += b["lag"] if b["kind"] == "retry" else 0
    ours = {g["consumer_group"]: g for g in status["groups"]}
    for name in sorted(ours.keys() | configured_groups):
        g = ours.get(name)
        if g is None or name not in configured_groups:
            missing("groups", name, "the Java client" if g is None else "mqpush")
            continue
        same("groups", name, "members", g.get("members"), len(members[name]))
        if "lag" in g:
            same("groups", name, "lag", g["lag"], lag[name])
        if "retry_lag" in g: # a broadcast group has no retries
            same("groups", name, "retry_lag", g["retry_lag"], retry[name])
        dlq = sum(t["max"] - t["min"] for t in oracle["topics"] if t["topic"] == "%DLQ%" + name)
        same("groups", name, "dlq", g.get("dlq", 0), dlq)


def judge_clients():
    """Who is online: clients with their version and language, members and model of each group."""
    theirs = collections.Counter((c["group"], c["client_id"], c["client_addr"].rsplit(":", 1)[0], c["language"],
                                  c["version_desc"].lstrip("V").replace("_", ".")) for c in oracle["connections"]
                                 if c["group"] in configured_groups)
    ours = collections.Counter((c["consumer_group"], c["client"], c["ip"], c["language"], c["version"]) for c in status["clients"])
    for key in sorted(theirs.keys() | ours.keys()):
        same("clients", " ".join(key), "rows", min(ours[key], 1), min(theirs[key], 1))
    for g in status["groups"]:
        name = g["consumer_group"]
        same("clients", name, "members", g.get("members"), len(members[name]))
        if name in models:
            same("clients", name, "model", g["model"], models[name])


def judge_owners():
    """The owner of every queue as its client says, queues of each client, figures of each client and topic."""
    theirs = {(o["group"], o["topic"], o["broker"], o["queue"]): o["client_id"] for o in oracle["running"]
              if not o["dropped"] and models[o["group"]] != "broadcasting"}
    rows = {(q["consumer_group"], q["topic"], q["broker"], int(q["queue"])): q for q in status["queues"]}
    for key in sorted(rows.keys() | theirs.keys()):
        if key in rows:
            same("owners", "{}/{} {}/{}".format(*key), "client", rows[key]["client"], theirs.get(key, ""))
        elif key[:3] in committed_pairs:
            missing("owners", "{}/{} {}/{}".format(*key), "the Java client")
    counts = collections.Counter((o["group"], o["client_id"]) for o in oracle["running"] if not o["dropped"])
    lags = collections.Counter()
    for key, owner in theirs.items():
        lags[key[0], owner] += rows[key]["lag"] if key in rows else 0
    unknown = {(o["group"], o["client_id"]) for o in oracle["running"] if o["commit_offset"] < 0}
    for o in oracle["running"]:
        if models[o["group"]] == "broadcasting":
            lags[o["group"], o["client_id"]] += max(0, ends[o["topic"], o["broker"], o["queue"]]["max"] - o["commit_offset"])
    for c in status["clients"]:
        key = c["consumer_group"], c["client"]
        same("owners", " ".join(key), "queues", c.get("queues"), counts[key])
        if models[key[0]] == "broadcasting" and key in unknown:
            pass    # it has consumed nothing of a queue yet
        elif "lag" in c or all(k in rows for k, owner in theirs.items() if (k[0], owner) == key):
            same("owners", " ".join(key), "lag", c.get("lag"), lags[key])
        for column in ("ok_rate", "failed_rate", "pull_rate"):
            figure_is_there(" ".join(key), column, column in c, True)
    judge_figures()


def judge_figures():
    """The six names of the exporter for each client and topic: failures as the client counts them, the others move and are there."""
    page = collections.defaultdict(dict)
    sample = re.compile(r'^rocketmq_client_(\w+)\{clientAddr="([^"]*)",clientId="([^"]*)",group="([^"]*)",topic="([^"]*)"\} (\S+)$')
    for line in open(f"{sys.argv[2]}/page.prom", encoding="utf-8"):
        found = sample.match(line)
        if found:
            page[found[4], found[3], found[5]][found[1]] = float(found[6])
    theirs = {(t["group"], t["client_id"], t["topic"]): t["failed"] for t in oracle["running_topics"]}
    for key in sorted(page.keys() | theirs.keys()):
        for name in ("consume_fail_msg_count", "consume_fail_msg_tps", "consume_ok_msg_tps", "consume_rt", "consumer_pull_rt",
                     "consumer_pull_tps"):
            figure_is_there(" ".join(key), name, name in page[key], key in theirs)
        same("owners", " ".join(key), "failed", page[key].get("consume_fail_msg_count"), theirs.get(key))


LATE = re.compile(r"^RMQ_SYS_TRANS_")  # made by the broker itself a minute after its start: there or not yet


def judge_topics():
    sums = {}
    for t in oracle["topics"]:
        s = sums.setdefault((t["topic"], t["broker"]), [0, 0, 0])
        s[0] += 1
        s[1] += t["min"]
        s[2] += t["max"]
    ours = {(t["topic"], t["broker"]): t for t in status["topics"]}
    for key in sorted(ours.keys() | sums.keys()):
        where = "{} at {}".format(*key)
        if key not in ours or key not in sums:
            if LATE.match(key[0]):
                continue
            if key[0] in ("TBW102", "BenchmarkTest") or key not in sums and key in configured_topics:
                known["a topic of the broker's own that the name server does not list"] += 1
                continue
            missing("topics", where, "mqpush" if key in ours else "the Java client")
            continue
        t = ours[key]
        for column, value in zip(("queues", "min_offset", "max_offset"), sums[key]):
            same("topics", where, column, t.get(column), value)
        same("topics", where, "stored", t.get("stored"), sums[key][2] - sums[key][1])


# Runtime values that move although nobody sends or consumes.
MOVING = re.compile(r"Tps$|^runtime$|Timestamp|TimeStamp|DiskRatio|Capacity$|^putMessageDistributeTime|^putLatency|Behind$|timer|HeadWait|"
                    r"remainHowMany|pageCacheLock|getMessageEntireTimeMax|ThreadPoolQueueSize|^EndTransaction.*Size|putMessageEntireTimeMax|"
                    r"^(put|get)Message.*Total|commitLogMaxOffset|dispatchBehindBytes|msg(Put|Get)Total.*|putMessageAverageSize|putMessageTimesTotal")
NAMES = {"EndTransactionQueueSize": "end_transaction_queue_size", "startAcceptSendRequestTimeStamp": "start_accept_send_request_time_stamp",
         "putLatency99": "put_latency_99", "putLatency999": "put_latency_999"}
NOT_NUMBERS = {"brokerVersion", "brokerVersionDesc", "runtime"}


def column_of(key):
    return NAMES.get(key) or re.sub(r"(?<!^)(?=[A-Z])", "_", key).lower()


def judge_brokers():
    """Every key of the runtime table: there under its name; equal where it cannot have moved meanwhile."""
    ours = {b["address"]: b for b in status["brokers"]}
    for r in oracle["runtime"]:
        key, value, b = r["key"], r["value"], ours.get(r["address"])
        if b is None:
            missing("brokers", r["address"], "the Java client")
            continue
        if key in NOT_NUMBERS or key.startswith(("scheduleMessageOffset_", "commitLogDiskRatio_")):
            continue
        column = column_of(key).replace("get_transfered", "get_transferred")
        views = [b, brokers_later.get(r["address"], {})]
        if key.endswith("Tps") and not key.startswith("timer"):
            fields = value.split(" ")
            for i, window in enumerate(("10", "60", "600")):
                there = len(fields) > i and fields[i] != ""
                ours_there = any(f"{column}_{window}" in view for view in views)
                same("brokers", key, f"{column}_{window} is there", ours_there, there or ours_there)
        elif key == "putMessageDistributeTime":
            same("brokers", key, "is there", value == "null" or
                 any(c.startswith("put_message_distribute_time_") for view in views for c in view), True)
        elif key == "commitLogDirCapacity":
            same("brokers", key, "is there", "commit_log_dir_capacity_total" in b and "commit_log_dir_capacity_free" in b, True)
        elif MOVING.search(key):
            same("brokers", key, "is there", column in b, True)
        elif value in ("true", "false"):
            same("brokers", key, column, b.get(column), int(value == "true"))
        else:
            same("brokers", key, column, None if b.get(column) is None else float(b[column]), float(value))


DELAY_MAX_MS = 10 ** 11  # above, 303's delayTime is the broker's clock: the committed offset has no message
CLOCKS_MS = 2000         # ours is that of the look's label, theirs that of the answer's arrival


def oldest_waiting():
    """(group, topic): when its oldest waiting message was stored, ms; None where the Java client does not tell."""
    spans = {(s["group"], s["topic"], s["broker"], s["queue"]): s for s in oracle["spans"]}
    oldest = {}
    for q in status["queues"]:
        key = q["consumer_group"], q["topic"], q["broker"], int(q["queue"])
        if not q.get("lag") or key[:3] in broadcast_pairs:
            continue
        s = spans.get(key)
        counts_from_min = "consumer_offset" not in q or q["consumer_offset"] < q["min_offset"]
        if s is None or (s["delay"] > DELAY_MAX_MS) != counts_from_min:
            stored = None
        else:
            stored = s["asked_at"] - (s["delay"] - 1 - s["min_stored"] if counts_from_min else s["delay"])
        pair = key[:2]
        oldest[pair] = stored if pair not in oldest else None if None in (stored, oldest[pair]) else min(stored, oldest[pair])
    return oldest


def within(where, what, ours_ms, low_ms, high_ms):
    compared["latency"] += 1
    if not low_ms <= ours_ms <= high_ms:
        wrong["latency"].append(f"{where} {what}: ours {ours_ms:.0f}, must lie in {low_ms:.0f} to {high_ms:.0f}")


def judge_latency():
    """When the oldest waiting message was stored. Exact where the broker told us, within its bounds where our samples did."""
    at = json.load(open(f"{sys.argv[2]}/backlogs.json", encoding="utf-8"))["at"]
    at_ms = datetime.datetime.fromisoformat(at.replace("Z", "+00:00")).timestamp() * 1000
    oldest = oldest_waiting()
    ages = collections.defaultdict(list)
    for b in status["backlogs"]:
        key = b["consumer_group"], b["topic"]
        where = "{}/{}".format(*key)
        if b["kind"] == "dlq" or "lag" not in b:
            continue
        ages[key[0]].append(b.get("lag_seconds"))
        if b["lag"] == 0:
            same("latency", where, "lag_seconds", (b.get("lag_seconds"), b.get("lag_seconds_source")), (0, "idle"))
        elif oldest.get(key) is None:
            known["the Java client does not tell how long messages have waited: a broadcast group"] += 1
        else:
            sources[b.get("lag_seconds_source")] += 1
            truth = at_ms - oldest[key]
            within(where, "age at least", truth, b.get("lag_seconds_low", 0) * 1000 - CLOCKS_MS, float("inf"))
            within(where, "age at most", truth, 0, b.get("lag_seconds_high", float("inf")) * 1000 + CLOCKS_MS)
            if b.get("lag_seconds_source") == "broker":
                within(where, "lag_seconds", b["lag_seconds"] * 1000, truth - CLOCKS_MS, truth + CLOCKS_MS)
                errors_ms.append(abs(b["lag_seconds"] * 1000 - truth))
    for g in status["groups"]:
        known_ages = ages[g["consumer_group"]]
        if "lag_seconds" in g or known_ages and None not in known_ages and "lag" in g:
            oldest_ms = max(known_ages) * 1000  # of another look, when each table was asked for alone
            within(g["consumer_group"], "lag_seconds of the group", g.get("lag_seconds", -1) * 1000, max(0, oldest_ms - CLOCKS_MS),
                   oldest_ms + CLOCKS_MS if oldest_ms > 0 else 0)


sources, errors_ms = collections.Counter(), []


def judge_producers():
    theirs = {(p["broker"], p["group"]): p["clients"] for p in oracle["producers"] if p["group"] != "CLIENT_INNER_PRODUCER"}
    ours = {(p["broker"], p["producer_group"]): p.get("clients") for p in status["producers"]}
    for key in sorted(theirs.keys() | ours.keys()):
        same("producers", "{} {}".format(*key), "clients", ours.get(key), theirs.get(key))


RATES = {"TOPIC_PUT_NUMS": ("rocketmq_producer_tps", "tps"), "TOPIC_PUT_SIZE": ("rocketmq_producer_message_size", "tps"),
         "GROUP_GET_NUMS": ("rocketmq_consumer_tps", "tps"), "GROUP_GET_SIZE": ("rocketmq_consumer_message_size", "tps"),
         "SNDBCK_PUT_NUMS": ("rocketmq_send_back_nums", "sum"), "BROKER_PUT_NUMS": ("rocketmq_broker_tps", "tps"),
         "BROKER_GET_NUMS": ("rocketmq_broker_qps", "tps")}


def samples(path):
    """(name, labels) -> value of a file of metrics in the text format; of several intervals the last one."""
    found = {}
    for line in open(path, encoding="utf-8"):
        match = re.match(r"(\w+)\{(.*)\} (\S+)$", line)
        if match:
            labels = {k: re.sub(r"\\(.)", r"\1", v) for k, v in re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', match[2])}
            found[match[1], frozenset(labels.items())] = float(match[3])
    return found


def judge_rates():
    """Counters of the last minute, more than that after everything has come to rest. One the broker does not have is a 0."""
    theirs = {}
    for r in oracle["rates"]:
        metric, field = RATES[r["name"]]
        theirs[metric, r["broker"], r["key"]] = float(r[field])
    rated = {metric for metric, _ in RATES.values()}
    clusters = {b["broker"]: b["cluster"] for b in oracle["brokers"]}
    ours = {}
    for (metric, labels), value in samples(f"{sys.argv[2]}/metrics.prom").items():
        if metric in rated:
            of = dict(labels)
            key = clusters[of["broker"]] if "topic" not in of else of["topic"] + ("@" + of["group"] if "group" in of else "")
            ours[metric, of["broker"], key] = value
    for key in sorted(ours.keys() | theirs.keys()):
        topic, _, group = key[2].partition("@")
        is_shown = not topic.startswith(("%RETRY%", "%DLQ%")) and (topic, key[1]) in configured_topics | {(clusters[key[1]], key[1])} and \
            (not group or group in configured_groups and group not in broadcasting)
        if key in ours or is_shown:
            same("rates", "{} at {} of {}".format(*key), "value", ours.get(key), theirs.get(key, 0.0))


JUDGES = {"queues": judge_queues, "backlogs": judge_backlogs, "groups": judge_groups, "clients": judge_clients, "topics": judge_topics,
          "owners": judge_owners, "brokers": judge_brokers, "producers": judge_producers, "latency": judge_latency, "rates": judge_rates}
for table in chosen:
    JUDGES[table]()
    if wrong[table] or compared[table] == 0:
        print(f"not ok - {version} {table}: {len(wrong[table])} of {compared[table]} values differ from the Java client's")
        for line in wrong[table][:25]:
            print("  " + line)
    else:
        print(f"ok - {version} {table}: {compared[table]} values equal the Java client's")
for line in oracle["errors"]:
    print(f"  the Java client could not ask: {line}")
for reason, times in sorted(known.items()):
    print(f"# {version}: {times} times the Java tools are wrong and mqpush is not: {reason}")
if sources:
    print(f"# {version}: backlogs dated by {dict(sources)}; the broker's are off by at most {max(errors_ms, default=0):.0f} ms")
print(f"# {version}: {sum(compared.values())} values compared ({', '.join(chosen)}), {sum(map(len, wrong.values()))} differ")
sys.exit(1 if any(wrong.values()) else 0)
