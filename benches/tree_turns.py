"""The time of calls. Processes take turns, so that what disturbs one disturbs all."""

from __future__ import annotations

import statistics
from collections.abc import Callable

from tree_processes import TreeProcess, Unavailable

ROUNDS, FEWEST = 11, 3
TURN = 0.1
"""Seconds that a process runs before the next has its turn."""
LONGEST = 8.0
"""Seconds after which a process takes no further turn."""
MOST_CALLS = 2_000

Turns = list[list[float]]


def take_turns(
    started: dict[str, TreeProcess], batch: int, fails: Callable[[str, str], None]
) -> dict[str, Turns]:
    """Each process's seconds of calls, turn by turn; `fails` hears of one that can't go on."""
    counts: dict[str, int] = {}
    turns: dict[str, Turns] = {}
    spent: dict[str, float] = {}

    def run(name: str, first: int, count: int) -> list[float] | None:
        try:
            return started[name].ask("run", batch, first, count)["seconds"]
        except Unavailable as error:
            fails(name, str(error))
            counts.pop(name, None)
            turns.pop(name, None)
            return None

    for name in started:
        seconds = run(name, 0, 2)
        if seconds is not None:
            counts[name] = min(MOST_CALLS, 1 + int(TURN / min(seconds)))
            turns[name], spent[name] = [], 0.0
    for turn in range(ROUNDS):
        for name, count in list(counts.items()):
            if turn >= FEWEST and spent[name] > LONGEST:
                continue
            # The first call finds caches that hold what others left there.
            seconds = run(name, turn * count, count + 1 if count > 1 else 1)
            if seconds is not None:
                turns[name].append(seconds[1:] if count > 1 else seconds)
                spent[name] += sum(seconds)
    return turns


def median(turns: Turns) -> float:
    """Of all calls."""
    return statistics.median(call for turn in turns for call in turn)


def ratio(one: Turns, other: Turns) -> float:
    """How many times longer calls of `one` take, by the turns that both took."""
    pairs = zip(one, other, strict=False)
    return statistics.median(statistics.median(a) / statistics.median(b) for a, b in pairs)
