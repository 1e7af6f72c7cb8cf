"""A sentence encoder from its weights to four processes that share one copy of them.

python examples/embeddings/demo.py
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import encoder
import monobloc
import numpy as np
import weights
from serving import Measured, measure

SENTENCES = [
    "The invoice has not been paid yet.",
    "We are still waiting for the money we billed.",
    "A cat sleeps on the warm windowsill.",
    "The kitten is napping in the sun by the window.",
    "How do I reset my password?",
    "I can't log in any more, what should I do?",
]
PROCESSES = 4
CLOSENESS = 1e-4
"""How far a number may be from onnxruntime's, of the greatest."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="where the files go")
    folder = parser.parse_args().out or Path(__file__).parent / "out"
    folder.mkdir(parents=True, exist_ok=True)
    carried = weights.folder()
    model, bloc = folder / "minilm.onnx", folder / "minilm.bloc"

    print(f"Weights from {weights.PACKAGE}; exporting and packing ...", flush=True)
    encoder.write(weights.read_weights(carried), model)
    print(monobloc.pack(model, bloc, name="all-MiniLM-L6-v2"))

    def served(library: str, path: Path, count: int) -> Measured:
        print(f"serving with {library}, processes: {count} ...", flush=True)
        return measure(library, path, carried / "vocab.txt", SENTENCES, count)

    alone = served("monobloc", bloc, 1)
    four = served("monobloc", bloc, PROCESSES)
    rival = served("onnxruntime", model, PROCESSES)
    print("\n" + similarities(four.vectors[0]))
    print("\n" + table({"Monobloc, 1": alone, "Monobloc, 4": four, "onnxruntime, 4": rival}))
    print(
        f"\nFiles: ONNX {model.stat().st_size / 1e6:,.0f} MB, bloc {bloc.stat().st_size / 1e6:,.0f}"
        " MB, which has the weights as they are and as this machine's kernels want them.\n"
        "Memory of all: sum of PSS. Private each: RssAnon + RssShmem beyond the imports."
    )
    return check([*alone.vectors, *four.vectors], rival.vectors[0])


def check(found: list[np.ndarray], expected: np.ndarray) -> int:
    """1 where a process has other answers than onnxruntime's, or than another process."""
    difference = max(float(np.abs(each - expected).max()) for each in found)
    difference /= float(np.abs(expected).max())
    same = len({each.tobytes() for each in found}) == 1
    print(
        f"Farthest from onnxruntime's: {difference:.1e} of the greatest; "
        f"the same bytes from every process: {'yes' if same else 'NO'}."
    )
    return 0 if same and difference <= CLOSENESS else 1


def similarities(vectors: np.ndarray) -> str:
    """Each sentence's nearest other, by the cosine."""
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -1)
    width = max(map(len, SENTENCES))
    return "\n".join(
        f"{sentence:<{width}}  {cosines[row].max():.2f}  {SENTENCES[int(cosines[row].argmax())]}"
        for row, sentence in enumerate(SENTENCES)
    )


def table(measured: dict[str, Measured]) -> str:
    head = f"{'processes':<16}{'memory of all':>16}{'private, each':>16}{'load':>12}"
    lines = [
        f"{name:<16}{one.pss / 1e6:>13,.0f} MB{one.private / 1e6:>13,.1f} MB"
        f"{one.load * 1e3:>9,.0f} ms"
        for name, one in measured.items()
    ]
    return "\n".join([head, "-" * len(head), *lines])


if __name__ == "__main__":
    sys.exit(main())
