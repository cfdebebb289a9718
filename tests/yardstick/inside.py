"""Runs one module of Python's own test suite and writes a JSON line for each test as it ends.

Standard library only, for this file is run by the distribution's Python, as a guest and on the host:

    python3 inside.py RESULTS test.test_os [--after RESULTS]

The order of tests is that of the loader, so a second run can go on behind the test that ended the first.
"""

import json
import os
import sys
import unittest

SHOWN = 2000  # characters of a traceback


class Journal(unittest.TestResult):
    """Outcomes as lines of a file: a test's start first, so that a killed run says what it was at."""

    def __init__(self, path):
        super().__init__()
        self.fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        self.outcome, self.detail = "pass", ""

    def note(self, **line):
        os.write(self.fd, json.dumps(line).encode() + b"\n")

    def startTest(self, test):  # noqa: N802
        super().startTest(test)
        self.outcome, self.detail = "pass", ""
        self.pid = os.getpid()
        self.note(start=test.id())

    def stopTest(self, test):  # noqa: N802
        super().stopTest(test)
        if os.getpid() == self.pid:  # a child that a test forked may come here by mistake
            self.note(test=test.id(), outcome=self.outcome, detail=self.detail[-SHOWN:])

    def bad(self, outcome, test, err):
        self.outcome, self.detail = outcome, self._exc_info_to_string(err, test)
        if not isinstance(test, unittest.TestCase) or not hasattr(test, "_testMethodName"):
            self.note(test=test.id(), outcome=outcome, detail=self.detail[-SHOWN:])

    def addError(self, test, err):  # noqa: N802
        super().addError(test, err)
        self.bad("error", test, err)

    def addFailure(self, test, err):  # noqa: N802
        super().addFailure(test, err)
        self.bad("fail", test, err)

    def addSubTest(self, test, subtest, err):  # noqa: N802
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.outcome, self.detail = "fail", self._exc_info_to_string(err, test)

    def addSkip(self, test, reason):  # noqa: N802
        super().addSkip(test, reason)
        self.outcome, self.detail = "skip", reason

    def addExpectedFailure(self, test, err):  # noqa: N802
        super().addExpectedFailure(test, err)
        self.outcome = "pass"

    def addUnexpectedSuccess(self, test):  # noqa: N802
        super().addUnexpectedSuccess(test)
        self.outcome = "fail"


def flat(suite):
    """The tests of a suite, in order."""
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from flat(item)
        else:
            yield item


def finished(path):
    """The tests that a run before this one came to."""
    with open(path, encoding="utf-8") as lines:
        found = [json.loads(line) for line in lines if line.endswith("}\n")]
    return {line.get("start") or line.get("test") for line in found}


def main():
    out, module = sys.argv[1:3]
    from test import support

    support.use_resources = []  # no network, no gigabytes
    support.verbose = False
    suite = unittest.defaultTestLoader.loadTestsFromName(module)
    done = finished(out) if os.path.exists(out) else set()
    journal = Journal(out)
    unittest.TestSuite([test for test in flat(suite) if test.id() not in done]).run(journal)
    journal.note(end=module)
    sys.stdout.flush()
    os._exit(0)  # a thread that a failed test left behind must not keep the run


if __name__ == "__main__":
    main()
