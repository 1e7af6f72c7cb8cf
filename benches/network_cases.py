"""The networks that are measured and their inputs, packed once and kept under target/bench."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import forests
import network_models
import numpy as np
from monobloc import _native
from network_worker import write_inputs

KEPT = forests.KEPT / "networks"
ROWS = 32
Inputs = dict[str, np.ndarray]


@dataclass(frozen=True)
class Case:
    """A network and rows for it."""

    name: str
    title: str
    rows: Inputs = field(repr=False)
    sizes: dict[str, int] = field(default_factory=dict)
    """Of its symbols but the batch."""
    symbolic: bool = True
    """Whether tract as it comes takes it with its symbols kept."""
    batches: tuple[int, ...] = (1, 8, 32)
    """That are timed."""

    @property
    def folder(self) -> Path:
        return KEPT / self.name

    @property
    def model(self) -> Path:
        return self.folder / "model.onnx"

    @property
    def bloc(self) -> Path:
        return self.folder / "model.bloc"

    @property
    def weights(self) -> int:
        """Bytes of the weights."""
        return self.model.with_name("model.onnx.data").stat().st_size

    def inputs(self, batch: int, first: int = 0) -> Path:
        """A folder with rows from `first` on."""
        folder = self.folder / f"inputs-{batch}-from-{first}"
        part = {name: rows[first : first + batch] for name, rows in self.rows.items()}
        write_inputs(part, folder)
        return folder


def cases() -> list[Case]:
    """All of them, packed."""
    rng = np.random.default_rng(1)

    def normal(*shape: int) -> Inputs:
        return {"x": rng.standard_normal((ROWS, *shape), dtype=np.float32)}

    found = [
        Case("mlp", "MLP of 822 MB", normal(512)),
        # tract as it comes takes longer than half a minute for 32 pictures.
        Case("resnet50", "ResNet-50", normal(3, 224, 224), batches=(1, 8)),
        Case("conv1d", "1-D convolutions", normal(8, 256)),
        Case("transformer", "transformer encoder", _sentences(rng, 128), {"sequence": 128}),
        Case("lstm", "LSTM", normal(32, 64), {"time": 32}, symbolic=False),
    ]
    for case in found:
        _prepare(case, network_models.MODELS[case.name])
    return found


def _sentences(rng: np.random.Generator, longest: int) -> Inputs:
    """Token numbers, padded to the same length."""
    lengths = rng.integers(longest // 2, longest, ROWS)
    mask = (np.arange(longest) < lengths[:, None]).astype(np.int64)
    return {"input_ids": rng.integers(1, 30_000, (ROWS, longest)) * mask, "attention_mask": mask}


def _prepare(case: Case, make: Callable[[], object]) -> None:
    """Packs again when the library is newer than the bloc."""
    import monobloc

    if not case.model.exists():
        case.folder.mkdir(parents=True, exist_ok=True)
        network_models.write(make(), case.model)
    library = Path(_native.__file__).stat().st_mtime
    if not case.bloc.exists() or case.bloc.stat().st_mtime < library:
        print(f"packing {case.title} ...", flush=True)
        monobloc.pack(case.model, case.bloc)
