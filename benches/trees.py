"""Tree ensembles: their answers, packing and time, beside what users would pick instead."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from pathlib import Path
from zipfile import ZipFile

import tree_answers
import tree_processes
import tree_turns
from memory import Peak, private
from record import Figure, Record
from tree_models import LIVE_ROWS, TITLES, Facts
from tree_processes import OURS, OURS_AVX2, OURS_RUST, TreeProcess, Unavailable, Way
from tree_record import Timing
from tree_turns import Turns

BARS = {"lightgbm": (3, 15), "xgboost": (3, 18), "forest": (30, 5), "deep-forest": (80, 250)}
"""Nanoseconds per row and tree in large batches, microseconds for one row."""
SCALING = 1.8
"""How many times faster two threads must be in large batches."""
THREADS = (1, 2)
MB = 1e6


@dataclass
class Found:
    """What a run of all models found."""

    figures: list[Figure] = field(default_factory=list)
    timings: list[Timing] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    """What was not measured, and why."""
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """Whether Monobloc ran every model, and holds the bars."""
        ran = {timing.model for timing in self.timings if timing.way == OURS}
        return ran == set(TITLES) and all(figure.holds for figure in self.figures)

    @property
    def record(self) -> Record:
        record = Record.new([])
        record.versions |= self.versions
        record.figures, record.left_out = self.figures, self.left_out
        return record


class _Model:
    """One model while it is measured."""

    def __init__(self, folder: Path, found: Found, without: set[str]) -> None:
        self.folder, self.found = folder, found
        self.facts = Facts.read(folder)
        ways = tree_processes.ways(self.facts)
        self.ways = {way.label: way for way in ways if way.engine not in without}
        self.farthest: dict[str, float] = {}
        self.turns: dict[tuple[int, int], dict[str, Turns]] = {}
        for way in ways:
            if way.engine in without:
                self.leave_out(way.label, "left out on request")

    def leave_out(self, label: str, reason: str) -> None:
        print(f"  {label} is not available: {reason}", flush=True)
        self.found.left_out[f"{self.facts.title}: {label}"] = reason
        self.ways.pop(label, None)

    def prepare(self) -> None:
        """Packs, and converts what is not kept from a run before."""
        for way in [way for way in self.ways.values() if way.engine and way.cpu is None]:
            try:
                with contextlib.ExitStack() as stack:
                    self._make(way, tree_processes.start(stack, way, self.folder, 1))
            except Unavailable as error:
                for other in [each for each in self.ways.values() if each.is_ours == way.is_ours]:
                    if way.is_ours or other == way:
                        self.leave_out(other.label, str(error))

    def _make(self, way: Way, process: TreeProcess) -> None:
        about = process.ask("about")
        self.found.versions |= about["versions"]
        if about["refusal"] is not None:
            raise Unavailable(about["refusal"])
        if way.is_ours:
            self._pack(process)
        elif about["kept"] is not None and not (self.folder / about["kept"]).exists():
            print(f"  converting for {way.label} ...", flush=True)
            process.ask("make")

    def _pack(self, process: TreeProcess) -> None:
        process.ask("open")
        before = private(process.pid)
        with Peak(process.pid) as peak:
            seconds = process.ask("make")["seconds"]
        with ZipFile(self.folder / "model.bloc") as bloc:
            packed = bloc.getinfo("forest.bin").file_size
        title = f"{self.facts.title}, {self.facts.nodes:,} nodes"
        theirs = (self.folder / self.facts.file).stat().st_size
        self.found.figures += [
            Figure(f"{title}: pack", seconds, "s"),
            Figure(
                f"{title}: peak of private memory while packing, beyond the trained model",
                (peak.bytes - before) / MB,
                "MB",
            ),
            Figure(
                f"{title}: forest.bin",
                packed / MB,
                "MB",
                None,
                f"{self.facts.library}'s file",
                theirs / MB,
            ),
        ]

    def time(self, threads: int) -> None:
        """Checks the answers of all ways, then times those that are right."""
        with contextlib.ExitStack() as stack:
            started = {}
            for way in list(self.ways.values()):
                try:
                    process = tree_processes.start(stack, way, self.folder, threads)
                    process.ask("load")
                    self._check(way, process, threads)
                    started[way.label] = process
                except Unavailable as error:
                    self.leave_out(way.label, str(error))
            for batch in tree_answers.BATCHES:
                takers = {
                    label: process
                    for label, process in started.items()
                    if label in self.ways and batch in (self.ways[label].batches or (batch,))
                }
                self.turns[threads, batch] = tree_turns.take_turns(takers, batch, self.leave_out)
                self._say(threads, batch)

    def _check(self, way: Way, process: TreeProcess, threads: int) -> None:
        if not way.is_ours:
            if threads == 1:
                self.farthest[way.label] = tree_answers.farthest(process, self.folder)
            return
        ulps, self.farthest[way.label] = tree_answers.check(process, self.folder)
        if self.facts.is_boosted:
            tree_answers.check_raw(process, self.folder)
        if self.facts.is_boosted and way.label == OURS and threads == 1:
            what = f"{self.facts.title}: farthest probability from the library's, in ulps"
            self.found.figures.append(Figure(what, ulps, "", tree_answers.ULPS))

    def _say(self, threads: int, batch: int) -> None:
        medians = {
            label: tree_turns.median(all_) for label, all_ in self.turns[threads, batch].items()
        }
        said = ", ".join(f"{label} {seconds * 1e6:,.1f}" for label, seconds in medians.items())
        print(f"  {threads} thread(s), batch of {batch:,}, µs: {said}", flush=True)

    def conclude(self) -> None:
        """What the times say."""
        for (threads, batch), turns in self.turns.items():
            fastest = self._fastest_peer(threads, batch)
            for label, found in turns.items():
                seconds = tree_turns.median(found)
                to_peer = tree_turns.ratio(found, turns[fastest]) if fastest else float("nan")
                self.found.timings.append(
                    Timing(
                        self.facts.model,
                        threads,
                        batch,
                        label,
                        seconds * 1e6,
                        seconds / batch / self.facts.trees * 1e9,
                        to_peer,
                        self.farthest.get(label, 0.0),
                        sum(map(len, found)),
                    )
                )
        for batch, bar in zip((LIVE_ROWS, 1), BARS[self.facts.model], strict=True):
            self.found.figures += self._against_peers(batch, bar)
        try:
            self.found.figures += self._scaling()
        except Unavailable as error:
            self.found.left_out[f"{self.facts.title}: scaling"] = str(error)

    def _fastest_peer(self, threads: int, batch: int) -> str | None:
        turns = self.turns[threads, batch]
        peers = [way.label for way in tree_processes.WAYS if not way.is_ours and way.label in turns]
        return min(peers, key=lambda label: tree_turns.median(turns[label]), default=None)

    def _against_peers(self, batch: int, bar: float) -> list[Figure]:
        """On one thread; the bar is for the Python face with all that the processor has."""
        turns, peer = self.turns[1, batch], self._fastest_peer(1, batch)
        one = batch == 1
        scale = 1e6 if one else 1e9 / batch / self.facts.trees
        what = "one row, p50" if one else f"per row and tree, in batches of {batch:,}"
        theirs = None if peer is None else tree_turns.median(turns[peer]) * scale
        return [
            Figure(
                f"{self.facts.title}, {self.facts.trees:,} trees, {label}: {what}",
                tree_turns.median(turns[label]) * scale,
                "µs" if one else "ns",
                bar if label == OURS else None,
                peer,
                theirs,
            )
            for label in (OURS, OURS_RUST, OURS_AVX2)
            if label in turns
        ]

    def _scaling(self) -> list[Figure]:
        """Two threads beside one, which the other times are not."""
        if OURS not in self.ways:
            return []
        with contextlib.ExitStack() as stack:
            started = {}
            for threads in THREADS:
                process = tree_processes.start(stack, self.ways[OURS], self.folder, threads)
                process.ask("load")
                started[str(threads)] = process
            turns = tree_turns.take_turns(started, LIVE_ROWS, self.leave_out)
        if len(turns) < len(THREADS):
            return []
        what = f"{self.facts.title}: time of two threads against one, in batches of {LIVE_ROWS:,}"
        return [Figure(what, tree_turns.ratio(turns["2"], turns["1"]), "×", 1 / SCALING)]


def measure(size: str, without: set[str]) -> Found:
    """Every model's figures. Answers are checked before anything is timed."""
    tree_processes.need_peers()
    found = Found()
    for name in TITLES:
        model = _Model(tree_processes.trained(name, size), found, without)
        facts = model.facts
        print(f"{facts.title}: {facts.trees:,} trees, {facts.nodes:,} nodes", flush=True)
        model.prepare()
        for threads in THREADS:
            model.time(threads)
        model.conclude()
    return found
