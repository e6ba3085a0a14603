#!/usr/bin/env python3
"""families.py VERSION PAGE METRICS.json - does every metric name have a sample on the scene, and are they as dashboards need them?

PAGE is what the Pushgateway shows after one push; METRICS.json is `mqpush metrics -o json`. A name without a sample must stand, with
its reason, in tests/data/quiet_families.txt; each is printed. All rocketmq_brokeruntime_* of a broker must stand together with
identical labels: panels subtract and add them without `on()`. Prints "ok - ..." and "not ok - ..." lines; exit 1 if any failed.
"""
import collections
import fnmatch
import json
import os
import re
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
version, page, metrics = sys.argv[1:4]
names = [m["name"] for m in json.load(open(metrics, encoding="utf-8"))["rows"]]
samples = collections.defaultdict(list)
for line in open(page, encoding="utf-8"):
    found = re.match(r"([A-Za-z_:][\w:]*)(\{.*\})? (\S+)$", line)
    if found:
        samples[found[1]].append(found[2] or "")
failed = 0


def say(good, claim, *details):
    global failed
    failed += not good
    print(f"{'ok' if good else 'not ok'} - {claim}")
    for line in () if good else details:
        print(f"  {line}")


quiet = {}
for line in open(os.path.join(ROOT, "tests/data/quiet_families.txt"), encoding="utf-8"):
    if line.strip() and not line.startswith("#"):
        name, versions, reason = line.rstrip("\n").split("\t")
        if any(fnmatch.fnmatch(version, v) for v in versions.split()):
            quiet[name] = reason
silent = [n for n in names if not samples[n]]
say(not [n for n in silent if n not in quiet], f"{version}: {len(names) - len(silent)} of {len(names)} names have samples, the others a reason",
    *(f"{n} has none and no reason" for n in silent if n not in quiet))
for n in silent:
    print(f"# {version}: no sample of {n}: {quiet.get(n, '?')}")
say(not set(quiet) - set(names), f"{version}: every reason is about a name that exists", *(set(quiet) - set(names)))

runtime = [n for n in names if n.startswith("rocketmq_brokeruntime_")]
labels = sorted(samples[runtime[0]])
odd = [n for n in runtime if n not in quiet and sorted(samples[n]) != labels]
say(labels and not odd, f"{version}: all {len(runtime)} runtime names of a broker stand together with identical labels", *odd)
sys.exit(1 if failed else 0)
