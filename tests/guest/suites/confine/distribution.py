#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""distribution.py FILE NAME FOLDER: a profile as Debian ships it, and operations on its paths.

A confinement is for life, so rules that change the profile become ix; and the program that does
the operations must be let run. Prints the name of the profile.
"""
import random
import re
import subprocess
import sys
from pathlib import Path

PARSER = ["apparmor_parser", "--config-file=/dev/null", "--base=/etc/apparmor.d", "--preprocess"]
PATHS = 60
RULE = re.compile(r"^\s*(?:audit\s+|deny\s+|allow\s+|owner\s+|file\s+)*"
                  r"(\"?[/@][^\s\"]*\"?)\s+(?:->\s*\S+\s*)?([a-zA-Z]+)\b")


def enforcing(flags):
    left = [flag for flag in re.split(r"[\s,]+", flags[1]) if flag != "complain"]
    return f"flags=({','.join(left)})" if left else ""


def adapt(text):
    text = re.sub(r"^(\s*(?:owner\s+|deny\s+|audit\s+)*\S+\s+[rwaklm]*)[PpCcUu][a-zA-Z]*x"
                  r"([rwaklm]*)(\s*->\s*[^,]*)?,", r"\1ix\2,", text, flags=re.M)
    return re.sub(r"flags=\(([^)]*)\)", enforcing, text)


def header(text):
    """The first profile's, where its body begins, and its name."""
    found = re.search(r"^(?:profile\s+(\S+)|(/\S+))[^\n]*\{[ \t]*$", text, re.M)
    return found.end(), found[1] or found[2]


def variables(text):
    values = {}
    for name, value in re.findall(r"^\s*(@\{\w+\})\s*\+?=\s*(.*)$", text, re.M):
        values.setdefault(name, []).extend(value.split())
    return values


def expand(pick, pattern, values, depth=0):
    if depth > 8:
        return pattern
    pattern, n = re.subn(r"@\{\w+\}", lambda m: pick.choice(values.get(m[0]) or ["x"]), pattern)
    return expand(pick, pattern, values, depth + 1) if n else pattern


def instance(pick, glob):
    """Some path that the glob matches, or nearly."""
    while "{" in glob:
        glob, n = re.subn(r"\{([^{}]*)\}", lambda m: pick.choice(m[1].split(",")), glob)
        if not n:
            return None
    glob = re.sub(r"\[\^[^\]]*\]", "z", glob)
    glob = re.sub(r"\[([^\]])[^\]]*\]", r"\1", glob)
    glob = glob.replace("**", pick.choice(["q", "q/r", "q/r.s"]))
    glob = glob.replace("*", pick.choice(["q", "1", "so.6"])).replace("?", "q")
    return re.sub("/+", "/", glob.replace("\\", ""))


def operations(pick, path, new):
    yield pick.choice([f"open {f} {path}" for f in ("r", "w", "rw", "a", "wct")])
    yield f"open r {path}"
    yield pick.choice([f"exec {path}", f"mmap r rx private {path}", f"lock r {path} r",
                       f"chmod {path}", f"truncate {path}", f"unlink {path}",
                       f"exec-script {path} /bin/sh"])
    yield pick.choice([f"link {path} {new}", f"rename {path} {new}", f"open wc {new}",
                       f"symlink {path} {new}", f"open rw {new}"])


def make_list(pick, paths):
    lines = ["+dir /t/mnt", "+dir /t/mnt2", "+dir /t/yes"]
    real = [p for p in paths if not p.startswith("/proc/")]
    folders = {p.rstrip("/") for p in real if p.endswith("/")} | {
        str(parent) for p in real for parent in Path(p).parents}
    lines += [f"+dir {p}" for p in sorted(folders) if p and p != "/"]
    files = sorted({p for p in real if not p.endswith("/")} - folders)
    lines += [f"+file {p} 755 {pick.choice([0, 0, 1000])}" for p in files]
    for path in paths:
        lines += operations(pick, path, pick.choice(real).rstrip("/") + pick.choice(["", "x"]))
    others = (Path(__file__).parent / "operations.list").read_text().split("exec-memfd\n", 1)[1]
    return lines + [line for line in others.splitlines() if "/t/no" not in line
                    and "/t/yes/" not in line]


def main():
    source, name, folder = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    pick = random.Random(name)
    # With what it includes, which is to be adapted, too.
    flat = subprocess.run([*PARSER, source], check=True, capture_output=True, text=True).stdout
    text = adapt(flat)
    body, profile = header(text)
    text = text[:body] + "\n  /confine_ops mrix,\n  network unix stream,\n" + text[body:]
    (folder / f"{name}.profile").write_text(text)
    values = variables(flat)
    globs = sorted({m[1].strip('"') for m in map(RULE.match, flat.splitlines()) if m})
    paths = set()
    for glob in pick.sample(globs, min(PATHS, len(globs))):
        path = instance(pick, expand(pick, glob, values))
        if path and len(path) < 200 and re.fullmatch(r"/[\w./+~:@%=-]*", path) \
                and path not in ("/", "/confine_ops") and not re.match(r"/proc/\d", path):
            paths.add(path)
    lines = make_list(pick, sorted(paths))
    (folder / f"{name}.list").write_text("\n".join(lines) + "\n")
    print(profile)


if __name__ == "__main__":
    main()
