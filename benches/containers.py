"""What becomes of Monobloc in a container: in a quota, in many threads, processes and forks.

Each figure's answers are compared with scikit-learn's.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import container_models
import footprints
import hand_over
import preloaded
import saturation
import stability
from record import Figure

TREES, DEPTH = 100, 10


def measure() -> tuple[list[Figure], dict[str, str]]:
    """The figures, and what was not measured and why."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        forest = container_models.forest(
            folder / "forest", TREES, DEPTH, rows=saturation.BATCH, converted=True
        )
        figures, left_out = saturation.in_quotas(forest)
        figures.append(saturation.threads_against_processes(forest))
        figures += hand_over.measure(folder)
        figures += preloaded.measure(folder)
        figures += footprints.measure(folder / "footprints")
        figures += stability.measure(container_models.mixed(folder / "mixed"))
    return figures, left_out
