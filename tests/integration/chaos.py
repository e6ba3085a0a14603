#!/usr/bin/env python3
"""chaos.py MQPUSH FAKE_CLUSTER DIRECTORY - an agent with five sinks through a random schedule of trouble; then: is each row there once?

SEED=n repeats a schedule (its moments are the machine's own), CHAOS_EVENTS=n is how many events it has. Every process is started here
and ended by its id. What the cluster said follows from one number, its step (fake_cluster.c), so what was collected is not taken from
any sink's word.
"""
import collections
import itertools
import json
import os
import random
import re
import select
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request

from read_back import collected, compare, redis_says

mqpush, fake_cluster, folder = sys.argv[1:4]
# In CI one schedule, so that what turns red is the change and not the dice; by hand another each time.
seed = int(os.environ.get("SEED") or (406390147 if os.environ.get("CI") == "true" else random.SystemRandom().randrange(1 << 31)))
events_wanted = int(os.environ.get("CHAOS_EVENTS") or 200)
TOPICS, QUEUES = 20, 3
TABLES = "agent backlogs brokers clients groups producers queues scrapes topics".split()
SETTLE_S = 60  # the longest that what waits may take once everything is well again
dice = random.Random(seed)
failed = 0


def say(good, claim, detail=()):
    global failed
    print(("ok - " if good else "not ok - ") + claim, flush=True)
    for line in [] if good else list(detail)[:12]:
        print("  " + line)
    failed += not good


def figure(text):
    print("# " + text, flush=True)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def until(what, seconds):
    end = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


class Program:
    """One process at a time, with the same command; its output goes to NAME.log."""

    def __init__(self, name, *command, cwd=None):
        self.command, self.cwd, self.log, self.process = command, cwd, open(f"{folder}/{name}.log", "ab"), None

    def start(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, cwd=self.cwd)

    def tell(self, number):
        self.process.send_signal(number)

    def end(self, number=signal.SIGKILL):
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(number)
            self.process.wait(30)
            self.process = None


class Proxy(threading.Thread):
    """Between the agent and Redis; cuts every connection at once, or after so many more bytes of the agent."""

    def __init__(self, target):
        super().__init__(daemon=True)
        self.target, self.pairs, self.left, self.is_cut = target, {}, None, False
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.cuts = 0

    def cut(self, after=0):
        self.left = after
        self.is_cut = after == 0

    def close_all(self):
        for s in list(self.pairs):
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # a reset
            s.close()
        self.cuts += bool(self.pairs)
        self.pairs.clear()
        self.left, self.is_cut = None, False

    def accept(self):
        near = self.listener.accept()[0]
        try:
            far = socket.create_connection(("127.0.0.1", self.target), 1)
        except OSError:
            near.close()
            return
        self.pairs[near], self.pairs[far] = (far, True), (near, False)

    def pass_on(self, s):
        other, is_agent = self.pairs[s]
        try:
            data = s.recv(65536)
            if data and is_agent and self.left is not None:
                data, self.left = data[:self.left], self.left - len(data)
            other.settimeout(3)  # a stopped server takes nothing; the agent may then wait as it likes
            other.sendall(data)
            if data and (self.left is None or self.left > 0):
                return
        except OSError:
            data = b""
        if self.left is not None and self.left <= 0:
            self.close_all()
            return
        for end in (s, other):
            self.pairs.pop(end, None)
            end.close()

    def run(self):
        while True:
            if self.is_cut:
                self.close_all()
            for s in select.select([self.listener, *self.pairs], [], [], 0.02)[0]:
                if s is self.listener:
                    self.accept()
                elif s in self.pairs:
                    self.pass_on(s)


# ---- the parts -------------------------------------------------------------------------------------------------------

redis_port, gateway_port = free_port(), free_port()
os.makedirs(f"{folder}/redis")
cluster = Program("cluster", fake_cluster, str(TOPICS), str(QUEUES))
redis = Program("redis", "redis-server", "--port", str(redis_port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "yes",
                "--appendfsync", "always", cwd=f"{folder}/redis")
gateway = Program("gateway", "prometheus-pushgateway", f"--web.listen-address=127.0.0.1:{gateway_port}", "--persistence.file=")
agent = Program("agent", mqpush, "run", "-c", f"{folder}/mqpush.conf")
programs = [agent, gateway, redis, cluster]
proxy = Proxy(redis_port)
statsd = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
statsd.bind(("127.0.0.1", 0))


def redis_is_up():
    try:
        return redis_says(redis_port, "PING") == "PONG"
    except OSError:
        return False


def page():
    try:
        return urllib.request.urlopen(f"http://127.0.0.1:{gateway_port}/metrics", timeout=5).read().decode()
    except OSError:
        return ""


def write_configuration():
    open(f"{folder}/mqpush.conf", "w", encoding="utf-8").write(f"""
[agent]
interval = 1s
stop_timeout = 3s
state_dir = {folder}/state
[source rocketmq prod]
namesrv = {cluster_address}
[sink redis]
url = redis://127.0.0.1:{proxy.port}
maxlen = 0
timeout = 2s
[sink sqlite]
path = {folder}/history.db
[sink file]
path = {folder}/rows.jsonl
[sink pushgateway]
url = http://127.0.0.1:{gateway_port}
timeout = 1s
[sink statsd]
address = 127.0.0.1:{statsd.getsockname()[1]}
""")


# ---- the trouble -----------------------------------------------------------------------------------------------------

pending = []  # (when, what): ends of trouble that lasts
ends = rotations = 0
ended_in = set()  # steps of the looks that were the last of a process: these may be nowhere
saved = set()  # times of intervals that were on disk when a process ended: these must be everywhere


def later(seconds, what):
    pending.append((time.monotonic() + seconds, what))


def pause(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for entry in [p for p in pending if p[0] <= time.monotonic()]:
            pending.remove(entry)
            entry[1]()
        time.sleep(0.02)


def note_what_must_be_there():
    ended_in.add(int(open(f"{folder}/cluster.log", encoding="utf-8").read().split()[-1]))
    for name in ("state.db", "state.db-wal"):  # a copy: reading would recover, and the next process shall do that
        if os.path.exists(f"{folder}/state/{name}"):
            shutil.copy(f"{folder}/state/{name}", f"{folder}/copy-{name}")
        elif os.path.exists(f"{folder}/copy-{name}"):
            os.remove(f"{folder}/copy-{name}")
    db = sqlite3.connect(f"{folder}/copy-state.db")
    saved.update(r[0] // 1000 for r in db.execute("SELECT time_ms FROM batches"))
    db.close()


def end_agent(number):
    global ends
    agent.end(number)
    ends += 1
    note_what_must_be_there()
    if dice.random() < 0.3:
        pause(dice.random() * 2)
    agent.start()


def kill_redis():
    if redis.process is not None:
        redis.end()
        later(dice.random() * 1.5, redis.start)


def stop_redis():
    if redis.process is not None:
        stopped = redis.process
        stopped.send_signal(signal.SIGSTOP)
        later(0.2 + dice.random() * 2.5, lambda: stopped.poll() is None and stopped.send_signal(signal.SIGCONT))


def kill_gateway():
    if gateway.process is not None:
        gateway.end()
        later(dice.random() * 2, gateway.start)


def lock_history():
    """Somebody else writes into the history file for a while."""
    db = sqlite3.connect(f"{folder}/history.db", isolation_level=None, timeout=0.5)
    try:
        db.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError:
        db.close()
        return
    later(0.2 + dice.random() * 2, db.close)


def rotate():
    global rotations
    try:
        os.rename(f"{folder}/rows.jsonl", f"{folder}/rows-{time.time_ns()}.jsonl")
        rotations += 1
    except FileNotFoundError:  # nothing was written since
        pass


TROUBLE = {
    "agent killed": (22, lambda: end_agent(signal.SIGKILL)),
    "agent restarted": (10, lambda: end_agent(signal.SIGTERM)),
    "reload": (7, lambda: agent.tell(signal.SIGHUP)),
    "look now": (10, lambda: agent.tell(signal.SIGUSR1)),
    "Redis killed": (10, kill_redis),
    "Redis stopped": (8, stop_redis),
    "connection cut": (12, proxy.cut),
    "connection cut midway": (12, lambda: proxy.cut(dice.randrange(1, 40000))),
    "gateway killed": (4, kill_gateway),
    "history locked": (5, lock_history),
    "file rotated": (3, rotate),
}


def make_trouble():
    happened = collections.Counter()
    started = time.monotonic()
    for _ in range(events_wanted):
        name = dice.choices(list(TROUBLE), [weight for weight, _ in TROUBLE.values()])[0]
        TROUBLE[name][1]()
        happened[name] += 1
        pause(dice.choice((0.02, 0.3, 0.6, 1.1)))
    each = ", ".join(f"{n} {name}" for name, n in happened.most_common())
    figure(f"{sum(happened.values())} events in {time.monotonic() - started:.0f} s: {each}; {proxy.cuts} open connections cut")


def is_current():
    """Sinks get intervals in their order, so who has the newest has taken all."""
    now = time.time()
    try:
        last = redis_says(redis_port, "XREVRANGE", "mqpush:scrapes", "+", "-", "COUNT", "1")[0][1][1]
        db = sqlite3.connect(f"file:{folder}/history.db?mode=ro", uri=True, timeout=5)
        stored = db.execute("SELECT max(time) FROM intervals").fetchone()[0]
        db.close()
        return int(last) > now - 3 and stored > now - 3
    except (OSError, IndexError, sqlite3.OperationalError):
        return False


def come_to_rest():
    proxy.left = None
    pause(4)  # the longest trouble has ended
    say(until(is_current, SETTLE_S), "once all is well Redis and the history catch up")
    time.sleep(1.5)
    agent.end(signal.SIGTERM)
    db = sqlite3.connect(f"{folder}/state/state.db")
    left = db.execute("SELECT count(*) FROM batches").fetchone()[0]
    db.close()
    say(left == 0, "nothing is left in the spool", [f"{left} intervals are"])


# ---- what is there ---------------------------------------------------------------------------------------------------

history = None


def keys_of(table):
    names = [r[1] for r in history.execute(f"PRAGMA table_info({table}_names)")]
    return [n for n in names if n not in ("id", "first_time", "gone_time")]


def from_redis(table):
    for _, fields in redis_says(redis_port, "XRANGE", f"mqpush:{table}", "-", "+"):
        yield dict(zip(fields[::2], fields[1::2]))


def from_history(table):
    for row in history.execute(f"SELECT * FROM {table}"):
        yield {k: row[k] for k in row.keys() if row[k] is not None}


def from_files():
    """Rows by table, and how many intervals stand in a second file: written, not noted, and the file rotated when the agent was ended."""
    by_time, again, different, twice = {}, 0, [], []
    for name in sorted(n for n in os.listdir(folder) if n.endswith(".jsonl")):  # oldest first: rows-1, rows-2, rows.jsonl
        rows, here = map(json.loads, open(f"{folder}/{name}", encoding="utf-8")), set()
        for moment, block in itertools.groupby(rows, lambda row: row["time"]):
            block = list(block)
            again += moment in by_time
            twice += [f"{moment} in {name}"] if moment in here else []
            here.add(moment)
            first = by_time.get(moment, [])  # half of it, if the file was rotated and the agent killed meanwhile
            if block[:len(first)] != first:
                different.append(f"{moment} in {name}")
            by_time[moment] = block
    say(not twice, "no interval is in one file twice", twice)
    say(not different, "an interval that stands in two files says the same in both", different)
    rows = collections.defaultdict(list)
    for row in (r for interval in by_time.values() for r in interval):
        rows[row.pop("table")].append(row)
    return rows, again


def end_of(topic, queue, step):
    return 1000 + 100 * queue + step * (1 + topic % 7)


def lag_of(topic, queue, step):
    return (31 * topic + 17 * queue + 13 * step) % 500


def expected(step):
    """topic -> end; (group, queue) -> end, committed; group -> lag: what the cluster said at this step."""
    ends = {"clock": step}
    queues, lags = {}, {}
    for t in range(TOPICS):
        ends[f"t{t:04}"] = sum(end_of(t, q, step) for q in range(QUEUES))
        lags[f"g{t:04}"] = sum(lag_of(t, q, step) for q in range(QUEUES))
        for q in range(QUEUES):
            queues[f"g{t:04}", str(q)] = end_of(t, q, step), end_of(t, q, step) - lag_of(t, q, step)
    return ends, queues, lags


def truth(files, whole):
    """Every complete interval is one step of the cluster, whole and unmixed. Returns time -> step."""
    by_time = collections.defaultdict(lambda: ({}, {}, {}, {}))
    for r in files["topics"]:
        by_time[r["time"]][0][r["topic"]] = r.get("max_offset")
    for r in files["queues"]:
        by_time[r["time"]][1][r["consumer_group"], r["queue"]] = r.get("max_offset"), r.get("consumer_offset")
    for table, at in (("backlogs", 2), ("groups", 3)):
        for r in files[table]:
            by_time[r["time"]][at][r["consumer_group"]] = r.get("lag")
    steps, wrong, numbers = {}, [], 0
    for moment in sorted(whole):
        ends, queues, backlogs, groups = by_time[moment]
        steps[moment] = ends.get("clock")
        if steps[moment] is None:
            wrong.append(f"{moment}: no step")
            continue
        wanted = expected(steps[moment])
        for name, have, want in zip(("topics", "queues", "backlogs", "groups"), (ends, queues, backlogs, groups), (*wanted, wanted[2])):
            numbers += len(want)
            if have != want:
                different = [k for k in have.keys() | want.keys() if have.get(k) != want.get(k)]
                wrong.append(f"{moment} step {steps[moment]} {name}: {len(different)} differ, {different[0]}: "
                             f"{have.get(different[0])}, the cluster said {want.get(different[0])}")
    say(not wrong, "each interval holds what the cluster said at one moment, all of it", wrong)
    figure(f"{numbers} rows of {len(steps)} intervals recomputed from what the cluster said")
    return steps


def no_hole(times, steps):
    order = sorted(steps)
    repeated = [f"{a}: step {steps[a]}, {b}: step {steps[b]}" for a, b in zip(order, order[1:])
                if None not in (steps[a], steps[b]) and steps[b] <= steps[a]]
    say(not repeated, "no moment of the cluster is there twice, and none before an earlier one", repeated)
    known = [s for s in steps.values() if s is not None]
    lost = set(range(1, max(known) + 1)) - set(known)
    say(len(times) > len(steps) or lost <= ended_in, f"of {max(known)} looks {len(lost)} are nowhere, and each was cut by the end of its process",
        [f"{sorted(lost - ended_in)}"])
    say(saved <= set(times), f"{len(saved)} intervals were in the spool when the agent was ended, and are there", map(str, sorted(saved - set(times))))
    gaps = [tuple(r) for r in history.execute("SELECT start_time, end_time FROM gaps")]
    holes = [(a, b) for a, b in zip(times, times[1:]) if b - a > 1]
    silent = [f"{a}..{b}" for a, b in holes if not any(start <= b and end >= a for start, end in gaps)]
    say(not silent, f"each of {len(holes)} holes between intervals is recorded as a gap", silent)
    contrary = [f"{start}..{end} {t}" for start, end in gaps for t in times if start < t < end]
    say(not contrary, "no gap is recorded over an interval that is there", contrary)


def verify():
    global history
    history = sqlite3.connect(f"file:{folder}/history.db?mode=ro", uri=True)
    history.row_factory = sqlite3.Row
    intervals = {r["time"]: r["complete"] for r in history.execute("SELECT time, complete FROM intervals")}
    files, again = from_files()
    rows, values, wrong, doubles = 0, 0, [], []
    for table in TABLES:
        keys, holders = keys_of(table), {}
        for name, held in (("file", files[table]), ("Redis", from_redis(table)), ("history", from_history(table))):
            holders[name], twice = collected(held, keys, table)
            doubles += [f"{name}: {d}" for d in twice]
        counted, compared, different = compare(table, holders)
        rows, values, wrong = rows + counted, values + compared, wrong + different
    say(not doubles, "no row is anywhere twice", [f"{len(doubles)} are"] + doubles)
    say(not wrong, "Redis, history and file hold the same rows with the same values", [f"{len(wrong)} differences"] + wrong)
    incomplete = sum(not complete for complete in intervals.values())
    figure(f"{len(intervals)} intervals, {rows} rows in each of three sinks, {values} values compared; {incomplete} incomplete")
    figure(f"{again} intervals stand in two files, after {ends} ends of the agent and {rotations} rotations")
    steps = truth(files, [t for t, complete in intervals.items() if complete])
    no_hole(sorted(intervals), steps)
    given_up = sum(float(r.get(column, 0)) for r in files["agent"] if r["part"] in ("redis", "sqlite", "file")
                   for column in ("dropped_total", "rejected_total"))
    say(given_up == 0, "no interval is counted as dropped or rejected")
    newest(max(intervals), files)


def newest(moment, files):
    at_gateway = {}
    for labels, value in re.findall(r"^mq_group_lag_messages\{(.*)\} (\S+)$", page(), re.M):
        at_gateway[re.search(r'group="(g\d+)"', labels)[1]] = float(value)
    wanted = {r["consumer_group"]: r["lag"] for r in files["backlogs"] if r["time"] == moment}
    say(at_gateway == wanted, f"the gateway holds the newest interval, {len(wanted)} groups", [f"{at_gateway} {wanted}"])
    for table in ("groups", "backlogs", "topics", "queues", "clients", "brokers"):
        told = json.loads(subprocess.run([mqpush, "status", table, "-d", f"{folder}/history.db", "-o", "json"], stdout=subprocess.PIPE, check=True,
                                         stdin=subprocess.DEVNULL).stdout)["rows"]
        keys = keys_of(table)
        ours, _ = collected(({**r, "time": moment} for r in told), keys, table)
        theirs, _ = collected((r for r in files[table] if r["time"] == moment), keys, table)
        counted, _, wrong = compare(table, {"status": ours, "the newest interval": theirs})
        say(not wrong and counted > 0, f"status {table} says it too, {counted} rows", wrong)


figure(f"SEED={seed} CHAOS_EVENTS={events_wanted}")
for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, lambda *_: sys.exit(130))
try:
    cluster.start()
    log = f"{folder}/cluster.log"
    until(lambda: os.path.getsize(log) > 0, 5)
    cluster_address = open(log, encoding="utf-8").readline().strip()
    write_configuration()
    proxy.start()
    for program in (redis, gateway):
        program.start()
    say(until(redis_is_up, 10) and until(page, 10), "Redis and the gateway are there")
    agent.start()
    pause(2)
    make_trouble()
    come_to_rest()
    verify()
finally:
    for program in programs:
        program.end()
sys.exit(1 if failed else 0)
