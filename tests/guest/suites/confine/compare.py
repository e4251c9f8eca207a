#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""compare.py APPARMOR VKERNEL: two outputs of confine_run, line by line.

Prints each difference that the file `known` beside this program does not explain, then a count,
and fails if there is one.
"""
import collections
import fnmatch
import os
import sys
from pathlib import Path

SHOWN = 60


def read_known():
    for line in (Path(__file__).parent / "known").read_text().splitlines():
        rule, _, why = line.partition("#")
        words = rule.split()
        if words and words[0].startswith("@"):
            words = words[1:] if words[0] == "@" + os.environ["VK_KERNEL"] else []
        if words:
            yield " ".join(words[:-2]), words[-2], words[-1], why.strip()


def read_results(path):
    lines = [line.split(" -> ") for line in Path(path).read_text().splitlines()]
    return [(operation, result) for operation, result in lines]


def explained(known, operation, results):
    words = operation.split(" ", 1)[1]
    return next((rule for rule in known if fnmatch.fnmatchcase(words, rule[0])
                 and all(fnmatch.fnmatchcase(r.replace(" ", "_"), p)
                         for r, p in zip(results, rule[1:3]))), None)


def main():
    known = list(read_known())
    apparmor, vkernel = (read_results(path) for path in sys.argv[1:3])
    if [operation for operation, _ in apparmor] != [operation for operation, _ in vkernel]:
        sys.exit(f"not the same operations: {len(apparmor)} and {len(vkernel)}")
    bad, excused = 0, collections.Counter()
    for (operation, first), (_, second) in zip(apparmor, vkernel):
        if first == second:
            continue
        rule = explained(known, operation, (first, second))
        if rule:
            excused[rule[3]] += 1
            continue
        bad += 1
        if bad <= SHOWN:
            print(f"{operation}: apparmor {first}, vkernel {second}")
    refused = sum(not result.startswith("ok") for _, result in apparmor)
    print(f"{len(apparmor)} operations, {refused} failed under AppArmor, {bad} differ,"
          f" {excused.total()} differ as is known")
    for why, count in excused.items():
        print(f"  {count}: {why}")
    sys.exit(bad > 0)


if __name__ == "__main__":
    main()
