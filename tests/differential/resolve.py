#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What Docker's format means for x86-64, worked out apart from the product: lines for spec_read()."""
import errno
import json
import sys

ACTIONS = {"ALLOW": 0x7FFF0000, "LOG": 0x7FFC0000, "TRACE": 0x7FF00000, "ERRNO": 0x00050000,
           "TRAP": 0x00030000, "KILL": 0, "KILL_THREAD": 0, "KILL_PROCESS": 0x80000000}
OPERATORS = ["NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"]


def action(owner, name_key, number_key, word_key):
    name = owner[name_key].removeprefix("SCMP_ACT_")
    value = ACTIONS[name]
    if name in ("ERRNO", "TRACE"):
        number = owner.get(number_key)
        if owner.get(word_key):
            number = getattr(errno, owner[word_key])
        value |= errno.EPERM if number is None else number
    return value


def applies(rule, kernel, caps):
    def met(condition, test):
        found = []
        if condition.get("arches"):
            found.append("amd64" in condition["arches"])
        if condition.get("caps"):
            found.append(test(c in caps for c in condition["caps"]))
        if condition.get("minKernel"):
            found.append(kernel >= tuple(map(int, condition["minKernel"].split("."))))
        return found
    return not any(met(rule.get("excludes") or {}, any)) and all(met(rule.get("includes") or {}, all))


def has_i386(profile):
    arches = list(profile.get("architectures") or [])
    for entry in profile.get("archMap") or []:
        if entry["architecture"] == "SCMP_ARCH_X86_64":
            arches += entry.get("subArchitectures") or []
    return "SCMP_ARCH_X86" in arches


def main():
    path, kernel, caps = sys.argv[1], tuple(map(int, sys.argv[2].split("."))), sys.argv[3:]
    with open(path, encoding="utf-8") as f:
        profile = json.load(f)
    print(f"default {action(profile, 'defaultAction', 'defaultErrnoRet', 'defaultErrno'):x}")
    print(f"i386 {int(has_i386(profile))}")
    for rule in profile.get("syscalls") or []:
        if not applies(rule, kernel, caps):
            continue
        for name in rule.get("names") or [rule["name"]]:
            print(f"rule {action(rule, 'action', 'errnoRet', 'errno'):x} {name}")
            for a in rule.get("args") or []:
                op = OPERATORS.index(a["op"].removeprefix("SCMP_CMP_")) + 1
                print("arg", a["index"], op, a["value"], a.get("valueTwo", 0))


main()
