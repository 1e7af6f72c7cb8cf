"""How the processes that benches measure are told what to do."""

from __future__ import annotations

import json
import sys


def serve(worker: object) -> None:
    """Does what each line on standard input says, and prints a line of JSON for it.

    A line is a method's name and its arguments, apart by tabs. The first line printed is empty, and
    says that the worker is there.
    """
    print("{}", flush=True)
    for line in sys.stdin:
        command, *arguments = line.rstrip("\n").split("\t")
        print(json.dumps(getattr(worker, command)(*arguments)), flush=True)
