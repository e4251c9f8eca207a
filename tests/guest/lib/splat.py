"""What in a kernel log fails a run."""

import re

SPLAT = re.compile(
    r"BUG:|\bWARNING:|\bOops\b|general protection|KASAN|KCSAN|UBSAN|lockdep"
    r"|possible (circular|recursive) locking|suspicious RCU|[Uu]npatched return thunk"
    r"|Call Trace:|rcu.*(detected stall|kthread starved)|blocked for more than|hung_?task:|soft lockup"
    r"|hard LOCKUP|refcount_t:|Kernel panic|scheduling while atomic|sleeping function called"
    r"|list_(add|del) corruption|double fault|invalid opcode|page allocation failure"
    r"|kernel NULL pointer|unable to handle|ftrace bug|ftrace failed|Missing ENDBR"
    r"|bad usercopy|usercopy: Kernel memory|stack guard page|Bad page|leaked"
)

# Said by stock kernels in this machine with nothing of ours loaded.
KNOWN = re.compile(
    r"a^"
)

# A container that is over its limit of memory has the kernel say so at length.
OVER_LIMIT = re.compile(
    r"^[^\n]*invoked oom-killer:(?:(?!</TASK>).)*mem_cgroup_out_of_memory.*?</TASK>$", re.M | re.S
)


def excerpt(text, count=40):
    """The kernel log from its first splat on: where it was, and how it came there."""
    lines = OVER_LIMIT.sub("", text).splitlines()
    for number, line in enumerate(lines):
        if SPLAT.search(line) and not KNOWN.search(line):
            return lines[number:number + count]
    return []


def find(text):
    """The lines of a kernel log that fail the run."""
    lines = OVER_LIMIT.sub("", text).splitlines()
    return [line for line in lines if SPLAT.search(line) and not KNOWN.search(line)]
