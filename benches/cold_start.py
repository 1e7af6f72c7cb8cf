"""Loading and memory: a forest of more than 10 million nodes, in one and in four processes."""

from __future__ import annotations

import hashlib
import statistics

import compare
import forests
import numpy as np
from compare import WORKERS, Measured
from record import Figure

MB = 1e6
LOADS = 9


def measure() -> tuple[list[Figure], list[Measured], dict[str, int]]:
    """The figures, the comparison of the ways to load, and the sizes of the files."""
    large, tenth = forests.large_and_tenth()
    expected = np.load(large.folder / "expected.npy")[:1000].tobytes()
    digest = hashlib.sha256(expected).hexdigest()
    compared = [
        compare.fresh("joblib", large.folder),
        compare.fresh("joblib-mmap", large.folder),
        compare.forked("joblib-forked", large.folder),
        compare.fresh("monobloc", large.folder, rows_per_request=1),
        compare.forked("monobloc-forked", large.folder, rows_per_request=1),
    ]
    for one in compared:
        assert set(one.answers) == {digest}, f"{one.way} has other answers than scikit-learn"
    loads = _loads(large, tenth)
    files = {"joblib": large.joblib_bytes, "bloc": large.bloc_bytes, "nodes": large.nodes}
    return _figures(compared, loads, files), compared, files


def _loads(large: forests.Forest, tenth: forests.Forest) -> tuple[float, float]:
    """Median time to load each forest in a new process, its pages in the kernel's cache."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(LOADS):
        for forest, found in zip((large, tenth), times, strict=True):
            with compare.processes("monobloc", forest.folder, 1) as [process]:
                found.append(process.ask("load")["load"])
    return statistics.median(times[0]), statistics.median(times[1])


def _figures(
    compared: list[Measured], loads: tuple[float, float], files: dict[str, int]
) -> list[Figure]:
    joblib, _, joblib_forked, ours, ours_forked = compared
    fair_share = 1.05 * files["bloc"] + ours.imports_pss + WORKERS * 8 * MB
    return [
        Figure("load", loads[0] * 1e3, "ms", 50, "joblib", joblib.load * 1e3),
        Figure("load, against a forest a tenth its size", loads[0] / loads[1], "×", 2),
        Figure(
            "first answer, from the end of the imports",
            ours.first_prediction * 1e3,
            "ms",
            100,
            "joblib",
            joblib.first_prediction * 1e3,
        ),
        Figure(
            "private memory of a worker after 1 000 predictions, beyond the imports",
            max(ours.private) / MB,
            "MB",
            8,
            "joblib",
            max(joblib.private) / MB,
        ),
        Figure(
            "peak of private memory while loading, beyond the imports",
            ours.peak / MB,
            "MB",
            30,
            "joblib",
            joblib.peak / MB,
        ),
        Figure(
            "4 fresh workers, sum of PSS (bar: 1.05 blocs and 4 × (imports + 8 MB))",
            ours.pss / MB,
            "MB",
            fair_share / MB,
            "joblib",
            joblib.pss / MB,
        ),
        Figure(
            "4 fresh workers, against joblib's 4 forked after loading, parent not counted,"
            " sum of PSS",
            ours.pss / joblib_forked.pss,
            "×",
            0.25,
        ),
        Figure(
            "4 forked workers, sum of PSS",
            ours_forked.pss / MB,
            "MB",
            None,
            "joblib",
            joblib_forked.pss / MB,
        ),
        Figure("bloc, against the joblib file", files["bloc"] / files["joblib"], "×", 0.3),
    ]
