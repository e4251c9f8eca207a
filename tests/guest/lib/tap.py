"""Counts a TAP stream: a skip is a failure, and so is a test that was planned and never ran."""

import re

PLAN = re.compile(r"^1\.\.(\d+)")
RESULT = re.compile(r"^(not )?ok\b(.*)")
SKIP = re.compile(r"# skip\b", re.IGNORECASE)


class Tally:
    def __init__(self):
        self.planned = 0
        self.passed = 0
        self.failed = 0
        self.failures = []

    def fail(self, text, count=1):
        self.failed += count
        self.failures.append(text)

    def line(self, text):
        """Takes a line of the stream."""
        plan = PLAN.match(text)
        result = RESULT.match(text)
        if plan:
            self.planned += int(plan.group(1))
        elif result and (result.group(1) or SKIP.search(result.group(2))):
            self.fail(text)
        elif result:
            self.passed += 1

    def close(self):
        """Ends the stream."""
        missing = self.planned - self.passed - self.failed
        if missing > 0:
            self.fail(f"not ok - planned and never ran: {missing}", missing)
