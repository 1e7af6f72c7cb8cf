"""A model of your own table, from a CSV file to four workers that share one copy of it.

python examples/own_data/own_data.py FILE --target COLUMN [--drop COLUMN,COLUMN]
"""

from __future__ import annotations

import argparse
import csv
import difflib
import os
import shlex
import sys
import time
from pathlib import Path

sys.path.insert(1, str(Path(__file__).parents[1] / "credit"))

import numpy as np
import pandas as pd
import stages
import table_file
from columns import Column, Target, describe, numbers, target
from dirty_row import show_dirty_row
from forest import Table, fit, quality
from sklearn.model_selection import train_test_split
from stages import digest, heading
from table_file import DataError
from train import nodes

FEWEST_ROWS = 50
HELD_OUT = 0.2
LIVE_ROWS = 2_000
NAME = "model"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="a CSV file with a header, or gzip of one")
    parser.add_argument("--target", required=True, help="the column to predict")
    parser.add_argument("--drop", default="", help="columns to leave out, with commas between")
    parser.add_argument("--task", choices=["classification", "regression"])
    parser.add_argument("--out", type=Path, help="where the files go")
    arguments = parser.parse_args()
    stem = arguments.data.name.partition(".")[0]
    folder = arguments.out or Path(__file__).parent / "out" / stem
    dropped = next(csv.reader([arguments.drop], skipinitialspace=True), [])
    try:
        table = prepare(arguments.data, arguments.target, dropped, arguments.task)
        folder.mkdir(parents=True, exist_ok=True)
        expected = train_and_pack(table, folder)
    except DataError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    measured = stages.compare(folder)
    status = stages.conclude(measured, expected, folder, NAME)
    show_dirty_row(folder / f"{NAME}.bloc", table)
    say_what_is_next(folder, arguments.target)
    return status


def prepare(path: Path, name: str, dropped: list[str], task: str | None) -> Table:
    """Reads the file, shows what its columns are, and holds out rows."""
    heading(f"Columns of {path}")
    frame, delimiter = table_file.read(path)
    print(f"{len(frame):,} rows, {frame.shape[1]} columns, delimited by {delimiter!r}\n")
    check_names(frame, name, dropped)
    wanted = target(name, frame[name], task)
    usable = wanted.values.notna()
    if usable.sum() < FEWEST_ROWS:
        raise DataError(
            f"{path} has {usable.sum()} rows with a target; at least {FEWEST_ROWS} are needed to "
            "learn from some and hold out others"
        )
    frame, values = frame[usable], wanted.values[usable].infer_objects()
    features = frame.drop(columns=[name, *dropped])
    training, held_out = split(features, values, wanted)
    columns = [describe(column, training[column]) for column in features]
    show(columns, wanted, dropped, len(usable) - len(frame))
    kept = {kind: [c.name for c in columns if c.kind == kind] for kind in ("number", "category")}
    if not any(kept.values()):
        raise DataError(f"{path}: no column is left to predict {name!r} from")
    inputs = pd.DataFrame({column: numbers(features[column]) for column in kept["number"]})
    inputs = inputs.join(features[kept["category"]])
    return Table(
        wanted.task,
        kept["number"],
        kept["category"],
        inputs.loc[training.index],
        values[training.index],
        inputs.loc[held_out.index],
        values[held_out.index],
    )


def check_names(frame: pd.DataFrame, name: str, dropped: list[str]) -> None:
    for column in [name, *dropped]:
        if column not in frame:
            near = difflib.get_close_matches(column, frame.columns, 1, cutoff=0.5)
            names = ", ".join(frame.columns[:30]) + (", …" if frame.shape[1] > 30 else "")
            hint = f"; did you mean {near[0]!r}?" if near else "."
            raise DataError(f"no column is called {column!r}{hint} The columns are: {names}")
    if name in dropped:
        raise DataError(f"{name!r} can't be the target and left out")


def split(
    features: pd.DataFrame, values: pd.Series, wanted: Target
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows to train on and rows held out, with every class in both."""
    classes = values if wanted.task == "classification" else None
    return train_test_split(features, test_size=HELD_OUT, random_state=1, stratify=classes)


def show(columns: list[Column], wanted: Target, dropped: list[str], unusable: int) -> None:
    lines = [(column.name, column.kind, column.about) for column in columns]
    lines += [(name, "left out", "as you asked") for name in dropped]
    lines.append((wanted.name, "target", f"{wanted.task}; {wanted.about}"))
    width = max(len(name) for name, _, _ in lines)
    for name, kind, about in lines:
        print(f"{name.ljust(width)}  {kind.ljust(8)}  {about}")
    if unusable:
        print(f"\n{unusable:,} rows without a usable target are left out.")


def train_and_pack(table: Table, folder: Path) -> str:
    """Writes the model, its bloc and what the workers read; the digest of scikit-learn's answers.

    The rows held out are written as CSV too, as `monobloc predict` reads them.
    """
    heading(f"Training: {len(table.inputs):,} rows")
    start = time.perf_counter()
    try:
        model = fit(table)
    except ValueError as error:
        cause = str(error).splitlines()[0]
        raise DataError(f"scikit-learn can't train on these columns: {cause}") from error
    print(f"{nodes(model):,} nodes in {time.perf_counter() - start:.1f} s")
    print(f"On {len(table.held_out):,} rows held out: {quality(model, table)}")

    heading("Packing")
    live = table.held_out[:LIVE_ROWS]
    print(stages.pack(model, table.inputs, live, folder, NAME))
    known = table.held_out.assign(**{str(table.held_out_targets.name): table.held_out_targets})
    known.to_csv(folder / "held-out.csv", index=False)
    answers: np.ndarray = getattr(model, stages.method(model))(live)
    return digest(answers)


def say_what_is_next(folder: Path, name: str) -> None:
    heading("Next")
    here = Path(os.path.relpath(folder))
    command = Path(os.path.relpath(sys.prefix)) / "bin" / "monobloc"
    bloc, rows, answers = (here / file for file in (f"{NAME}.bloc", "held-out.csv", "answers.csv"))
    for words in (
        [command, "inspect", bloc],
        [command, "predict", bloc, rows, f"--id={name}", "--out", answers],
    ):
        print(shlex.join(map(str, words)))


if __name__ == "__main__":
    sys.exit(main())
