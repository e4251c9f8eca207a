"""What in a kernel log fails a run."""

import re

SPLAT = re.compile(
    r"BUG:|\bWARNING:|\bOops\b|general protection|KASAN|KCSAN|UBSAN|lockdep"
    r"|possible (circular|recursive) locking|suspicious RCU|[Uu]npatched return thunk"
    r"|Call Trace:|rcu.*(stall|self-detected)|blocked for more than|hung_?task:|soft lockup"
    r"|hard LOCKUP|refcount_t:|Kernel panic|scheduling while atomic|sleeping function called"
    r"|list_(add|del) corruption|double fault|invalid opcode|page allocation failure"
    r"|kernel NULL pointer|unable to handle|ftrace bug|ftrace failed|Missing ENDBR"
    r"|bad usercopy|usercopy: Kernel memory|stack guard page|Bad page|leaked"
)

# Said by stock kernels in this machine with nothing of ours loaded.
KNOWN = re.compile(
    r"a^"
)


def excerpt(text, count=40):
    """The kernel log from its first splat on: where it was, and how it came there."""
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if SPLAT.search(line) and not KNOWN.search(line):
            return lines[number:number + count]
    return []


def find(text):
    """The lines of a kernel log that fail the run."""
    return [line for line in text.splitlines() if SPLAT.search(line) and not KNOWN.search(line)]
