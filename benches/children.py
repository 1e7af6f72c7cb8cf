"""Forked children that end if they hang."""

from __future__ import annotations

import os
import signal
import traceback
from collections.abc import Callable

SECONDS = 60


def fork(work: Callable[[], object], seconds: int = SECONDS) -> int:
    """Runs `work` in a forked child that an alarm ends if it hangs; the child's process id."""
    pid = os.fork()
    if pid == 0:
        signal.alarm(seconds)
        try:
            work()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return pid
