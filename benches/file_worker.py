"""What a batch job of pandas and scikit-learn does: chunks of CSV in, chunks of answers out.

python benches/file_worker.py MODEL ROWS ANSWERS
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import joblib
import pandas as pd

CHUNK = 50_000


def main(model: Path, rows: Path, answers: Path) -> None:
    fitted = joblib.load(model)
    cores = len(os.sched_getaffinity(0))
    last = fitted[-1]
    with pd.read_csv(rows, chunksize=CHUNK) as chunks, answers.open("w") as out:
        for at, chunk in enumerate(chunks):
            if "n_jobs" in last.get_params():
                # On one thread a forest adds its trees in their order.
                last.set_params(n_jobs=1 if at == 0 else cores)
            probabilities = fitted.predict_proba(chunk)
            said = pd.DataFrame(
                {
                    "number": chunk["number"],
                    "label": fitted.classes_[probabilities.argmax(axis=1)],
                    **{
                        f"probability_{label}": probabilities[:, column]
                        for column, label in enumerate(fitted.classes_)
                    },
                }
            )
            said.to_csv(out, index=False, header=at == 0)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
