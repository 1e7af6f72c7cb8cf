"""Networks: their answers, loading, memory and time, beside plain tract and onnxruntime."""

from __future__ import annotations

import network_memory
import network_speed
import numpy as np
from network_cases import ROWS, Case, cases
from network_processes import Process, loaded, plain_tract
from record import Figure

CLOSENESS = 100
"""How far outputs may be from onnxruntime's, in millionths of the greatest."""


def measure() -> list[Figure]:
    """Every network's figures. Answers are checked before anything is timed."""
    found: list[Figure] = []
    for case in cases():
        print(f"{case.title} ...", flush=True)
        found.append(_closeness(case))
        if case.name == "mlp":
            _check_bits(case)
        found += network_memory.measure(case)
        found += network_speed.measure(case)
    return found


def _closeness(case: Case) -> Figure:
    """The farthest output from onnxruntime's, in every batch that is timed."""
    differences = []
    with loaded("monobloc", case) as ours, loaded("onnxruntime", case) as theirs:
        for batch in case.batches:
            inputs = case.inputs(batch)
            answers, expected = ours.outputs(inputs), theirs.outputs(inputs)
            farthest = np.abs(answers.astype(np.float64) - expected).max()
            differences.append(float(farthest / np.abs(expected).max()))
    farthest = max(differences) * 1e6
    assert farthest <= CLOSENESS, f"{case.title} has other answers than onnxruntime: {differences}"
    what = f"{case.title}: farthest output from onnxruntime's, in millionths of the greatest"
    return Figure(what, farthest, "", CLOSENESS)


def _check_bits(case: Case) -> None:
    """The bits are plain tract's, with its symbols kept, and a row's do not depend on its batch."""
    with loaded("monobloc", case) as ours, plain_tract(case, None) as tract:
        alone = np.concatenate([ours.outputs(case.inputs(1, row)) for row in range(ROWS)])
        for batch in (1, 2, 7, ROWS):
            _check_batch(case, batch, ours, tract, alone[:batch])


def _check_batch(case: Case, batch: int, ours: Process, tract: Process, alone: np.ndarray) -> None:
    inputs = case.inputs(batch)
    answers = ours.outputs(inputs).tobytes()
    assert answers == tract.outputs(inputs).tobytes(), f"other bits than tract's, {batch} rows"
    assert answers == alone.tobytes(), f"the bits of a row depend on its batch of {batch} rows"
