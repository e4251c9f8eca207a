#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""generate.py SEED COUNT FOLDER: profiles at random, and what confine_run is to do under each.

A profile has rules on many small trees, a world each, of which only one is there at a time: so
many rule sets cost one compilation. The same seed gives the same files.
"""
import random
import sys
from pathlib import Path

WORLDS = 10
RULES = 7  # of a world, at most
OPERATIONS = 24  # of a world
OTHERS = 50  # that are about no file of a world
NAMES = ["a", "b", "c", "ab", "ba", "abc", "d", "f1", "f2", "a.b", "x-1"]
CAPABILITIES = """chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap
    linux_immutable net_bind_service net_admin net_raw ipc_lock sys_module sys_rawio sys_chroot
    sys_ptrace sys_pacct sys_admin sys_boot sys_nice sys_resource sys_time mknod lease setfcap
    syslog wake_alarm perfmon bpf""".split()
NETWORKS = ["inet", "inet stream", "inet dgram", "inet raw", "inet6", "inet6 dgram", "netlink",
            "netlink raw", "packet", "packet raw", "vsock", "unix dgram", "stream", "raw"]
SIGNALS = ["hup", "int", "term", "usr1", "usr2", "kill", "urg", "cont", "rtmin+0", "rtmin+30",
           "exists"]
LIMITS = {"nofile": [64, 1024], "core": ["0", "64K"], "nproc": [64, 100000],
          "as": ["1024M", "8192M"], "memlock": ["0", "64K", "1024M"], "nice": [-5, 5, 19]}


class World:
    """A tree: folders, files of two owners, and names that nothing has."""

    def __init__(self, pick, number):
        self.pick = pick
        self.root = f"/w{number}"
        self.dirs = [self.root]
        self.files = []
        self.lines = ["+clear", "+dir /t/mnt", "+dir /t/mnt2"]
        for _ in range(pick.randint(2, 5)):
            self.add(self.dirs, "dir", "755")
        for _ in range(pick.randint(5, 9)):
            self.add(self.files, "file", pick.choice(["755", "755", "755", "600", "4755"]))
        for _ in range(2):
            path = self.new()
            if path not in self.dirs + self.files:
                self.lines.append(f"+link {self.any()} {path}")
                self.files.append(path)

    def add(self, paths, kind, mode):
        path = self.new()
        if path in self.dirs + self.files or path.count("/") > 5:
            return
        paths.append(path)
        owner = self.pick.choice([0, 0, 0, 1000])
        self.lines.append(f"+{kind} {path} {mode} {owner}")

    def new(self):
        return f"{self.pick.choice(self.dirs)}/{self.pick.choice(NAMES)}"

    def any(self):
        return self.pick.choice(self.dirs[1:] + self.files * 3 or [self.root])

    def path(self):
        """Mostly something that is there."""
        return self.any() if self.pick.random() < 0.85 else self.new()

    def dir(self):
        return self.pick.choice(self.dirs)


def glob_component(pick, name):
    c = name[0]
    return pick.choice([
        "*", "?", "*", f"{c}*", f"*{name[-1]}", "[a-c]", "[^a]*", f"[{c}x]*", "??",
        f"{{{name},{pick.choice(NAMES)}}}", f"{c}{{,b,bc}}", "**", f"{c}**", f"[a-f]{{,?}}",
    ])


def pattern(pick, world):
    """Some path there, with parts of it replaced by globs."""
    path = world.path() if pick.random() < 0.8 else world.dir()
    parts = path.split("/")[2:]
    for i, part in enumerate(parts):
        if pick.random() < 0.4:
            parts[i] = glob_component(pick, part)
    if len(parts) > 1 and pick.random() < 0.25:
        parts = parts[:pick.randint(1, len(parts))] + ["**"]
    root = world.root if pick.random() < 0.95 else "/*"
    glob = "/".join([root] + parts)
    if path in world.dirs and pick.random() < 0.5:
        glob += "/"
    return glob


def permissions(pick, deny, likely=0.5):
    wanted = {p for p in "rwklm" if pick.random() < likely}
    if pick.random() < 0.15:
        wanted.discard("w")
        wanted.add("a")
    if pick.random() < likely - 0.1:
        wanted.add("x" if deny else "ix")
    return "".join(sorted(wanted)) or "r"


def file_rule(pick, world):
    deny = pick.random() < 0.25
    words = ["audit"] * (pick.random() < 0.15) + ["deny"] * deny
    words += ["owner"] * (pick.random() < 0.2)
    if pick.random() < 0.15:
        words += ["link"] + ["subset"] * (pick.random() < 0.4)
        words += [pattern(pick, world), "->", pattern(pick, world)]
    else:
        words += [pattern(pick, world), permissions(pick, deny)]
    return " ".join(words) + ","


def qualified(pick, rule):
    return pick.choice(["", "", "", "", "audit ", "deny ", "audit deny "]) + rule


def sample(pick, values, most):
    return pick.sample(values, pick.randint(1, most))


def peers(pick, name):
    return pick.choice(["", "", " peer=unconfined", f" peer={name}", f" peer={name[:2]}*",
                        " peer=sibling", " peer=*"])


def mount_rule(pick, worlds):
    where = f"{pick.choice(worlds).root}/{pick.choice(['', '*/', '**', '**/'])}"
    where = pick.choice([where, "/t/mnt/", "/t/*/", "/t/mnt{,2}/", "/t/**"])
    source = pattern(pick, pick.choice(worlds))
    return pick.choice([
        "mount,", "umount,", "remount,", "pivot_root,",
        f"mount fstype=tmpfs -> {where},",
        f"mount fstype=(tmpfs,proc) options=(rw) -> {where},",
        f"mount fstype=tmpfs options=(ro,nosuid) tmpfs -> {where},",
        f"mount options in (ro,nosuid,nodev) -> {where},",
        f"mount options=(rw,bind) {source} -> {where},",
        f"mount options in (rw,rbind,bind) -> {where},",
        f"mount options=(rw,move) /t/** -> {where},",
        f"mount options=(rw,shared) -> {where},",
        f"mount options in (rw,private,rprivate,slave,rslave) -> {where},",
        f"remount options=(ro,bind) {where},",
        f"remount options in (ro,noexec,nosuid,remount) {where},",
        f"umount {where},",
        "pivot_root oldroot=/t/mnt/*/ /t/mnt/,",
        "pivot_root /t/**,",
    ])


def other_rule(pick, name, worlds):
    kind = pick.randrange(6)
    if kind == 0:
        return qualified(pick, f"capability {' '.join(sample(pick, CAPABILITIES, 8))},")
    if kind == 1:
        return qualified(pick, f"network {pick.choice(NETWORKS)},")
    if kind == 2:
        access = pick.choice(["(send)", "(send,receive)", "(receive)", "", "(send)"])
        chosen = pick.choice(["", f" set=({','.join(sample(pick, SIGNALS, 5))})"])
        return qualified(pick, f"signal {access}{chosen}{peers(pick, name)},")
    if kind == 3:
        access = ",".join(sample(pick, ["trace", "read", "tracedby", "readby"], 4))
        return qualified(pick, f"ptrace ({access}){peers(pick, name)},")
    if kind == 4:
        return qualified(pick, mount_rule(pick, worlds))
    if kind == 5 and pick.random() < 0.7:
        return qualified(pick, f"capability {pick.choice(CAPABILITIES)},")
    limit = pick.choice(sorted(LIMITS))
    return f"set rlimit {limit} <= {pick.choice(LIMITS[limit])},"


def without_contradiction(rules):
    """The parser takes one limit of each kind."""
    seen = set()
    for rule in rules:
        key = rule.split("<=")[0]
        if not rule.startswith("set rlimit") or key not in seen:
            seen.add(key)
            yield rule


def profile(pick, name, worlds):
    flags = pick.choice(["", "", "", " flags=(attach_disconnected)", " flags=(mediate_deleted)",
                         " flags=(attach_disconnected,mediate_deleted)",
                         " flags=(chroot_relative)"])
    rules = ["/confine_ops mrix,", "network unix stream,", "/proc/*/fd/* r,"]
    rules += [other_rule(pick, name, worlds) for _ in range(pick.randint(0, 20))]
    for extra in ["capability,", "capability,", "network,", "signal,", "ptrace,", "mount,",
                  "umount,", "owner /proc/** r,", "/proc/** rw,", "/t/** rw,", "/ r,"]:
        if pick.random() < 0.2:
            rules.append(extra)
    for world in worlds:
        if pick.random() < 0.7:
            rules.append(f"{world.root}/{{,**}} {permissions(pick, False, 0.75)},")
        rules += [file_rule(pick, world) for _ in range(pick.randint(1, RULES))]
    body = "".join(f"  {rule}\n" for rule in without_contradiction(rules))
    return f"profile {name}{flags} {{\n{body}}}\n"


def flags(pick):
    return pick.choice(["r", "r", "r", "w", "rw", "a", "ra", "wt", "wc", "wcx", "ac", "rd", "p",
                        "rn", "wct"])


def file_operation(pick, world):
    p, q, f = world.path(), world.path(), flags(pick)
    new, folder = world.new(), world.dir()
    lock = pick.choice(["r", "rw", "w", "ra"])
    prot, kind = pick.choice(["r", "rx", "rx", "rw", "rwx"]), pick.choice(["private", "shared"])
    one = [f"open {f} {p}"] * 8 + [
        f"reopen {f} {p}", f"openat {f} {folder} {pick.choice(NAMES)}", f"handle r {p}",
        f"uring {f} {p}", f"receive {f} {p}", f"deleted {f} {p}", f"via-link {f} {p} {new}",
        f"via-symlink {f} {p} {new}", f"chroot-open r {folder} /{pick.choice(NAMES)}",
        f"chroot-detached r {folder} . {pick.choice(NAMES)}",
        f"flock {lock} {p} {pick.choice(['sh', 'ex'])}", f"lock {lock} {p} {pick.choice('rw')}",
        f"ftruncate {pick.choice(['w', 'rw', 'a'])} {p}", f"fchmod r {p}", f"fchown r {p} 1000",
        f"truncate {p}", f"truncate {p}", f"chmod {p}", f"chmod {p}", f"chown {p} 1000",
        f"lchown {p} 0", f"setxattr {p} trusted.vk", f"stat {p}", f"access r {p}", f"readlink {p}",
        f"readdir {folder}", f"utimes {p}", f"open wT {folder}",
        f"as 1000 open {f} {p}",
        f"mount-via-bind {f} {folder} /t/mnt /t/mnt/{pick.choice(NAMES)}",
        f"mount-via-bind {f} /t {folder} {folder}/mnt",
    ]
    two = [f"unlink {p}"] * 3 + [f"rmdir {folder}"] + [f"mkdir {new}"] * 3 + [
        f"mknod {new}", f"mkfifo {new}", f"mkdev {new}", f"bind-unix {new}",
        f"symlink {p} {new}", f"link-tmpfile {folder} {new}"] + [f"link {p} {new}"] * 5 + [
        f"link {p} {q}", f"rename {p} {new}", f"rename {p} {new}", f"rename {p} {q}",
        f"rename {p} {q}", f"rename-noreplace {p} {new}", f"exchange {p} {q}",
        f"exchange {p} {q}", f"rename {folder} {new}"]
    three = [f"exec {p}"] * 3 + [
        f"exec-fd {p}", f"exec-proc {p}", f"exec-deleted {p}", f"exec-script {new} {p}",
        f"mmap {pick.choice(['r', 'rw'])} {prot} {kind} {p}",
        f"mmap r rx private {p}", f"mprotect {pick.choice(['r', 'rw'])} {prot} {kind} {p}"]
    return pick.choice(pick.choices([one, two, three], [5, 3, 2])[0])


def other_operations():
    """Those of the list of all that are about no file of it."""
    text = (Path(__file__).parent / "operations.list").read_text().split("exec-memfd\n", 1)[1]
    return [line for line in text.splitlines() if line and "/t/yes" not in line]


def write_one(pick, name, folder, others):
    worlds = [World(pick, i) for i in range(WORLDS)]
    (folder / f"{name}.profile").write_text(profile(pick, name, worlds))
    lines = []
    for world in worlds:
        lines += world.lines
        lines += [file_operation(pick, world) for _ in range(OPERATIONS)]
        lines += [line.replace("/t/no/sub", world.dir())
                  for line in pick.sample(others, OTHERS // WORLDS)
                  if "/t/no" not in line.replace("/t/no/sub", "")]
    (folder / f"{name}.list").write_text("\n".join(lines) + "\n")


def main():
    seed, count, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    folder.mkdir(parents=True, exist_ok=True)
    others = other_operations()
    for i in range(count):
        pick = random.Random(f"{seed}/{i}")
        write_one(pick, f"random{i}", folder, others)


if __name__ == "__main__":
    main()
