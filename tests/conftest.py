"""What holds for every test."""

from __future__ import annotations

import signal

# A job of a shell without job control, or under nohup, ignores these, and so would every program that a test starts.
for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
