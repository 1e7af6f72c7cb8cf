"""What a call of the C face takes: one prepared row of mixed columns, one row of doubles and a
batch, and how many allocations they make.

The program that makes the calls is `embedded.c`; the same calls on the same rows by the Rust face
are `time_bloc`'s, and both are asked in turns. Answers are compared with the source model's before.
LightGBM's own fast path for single rows is measured beside a model of its own, in one process.
Libraries are stripped, as they are installed, and looked at.
"""

from __future__ import annotations

import json
import statistics
import subprocess
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import monobloc
import numpy as np
import pandas as pd
from network_processes import built_example
from record import Figure
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder

ROOT = Path(__file__).resolve().parents[1]
RELEASE = ROOT / "target" / "release"
COLUMNS = 30
BATCH = 10_000


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    trained_rows: int
    trees: int
    leaves: int
    turns: int
    calls: int
    batches: int


SIZES = {
    "default": Size(4_000, 100, 63, turns=40, calls=2_000, batches=3),
    "small": Size(300, 5, 7, turns=2, calls=50, batches=1),
}


def measure(size: str) -> tuple[list[Figure], dict[str, str]]:
    """The figures, and what was not measured and why."""
    chosen = SIZES[size]
    with TemporaryDirectory() as name:
        folder = Path(name)
        program = compiled(folder)
        print(f"training and packing {chosen.trees} trees ...", flush=True)
        figures = prepared_row(folder / "mixed", program, chosen)
        figures += _numbers(folder / "numbers", program, chosen)
        figures += _sizes(folder)
        peers, left_out = _boosted(folder / "boosted", program, chosen)
        return figures + peers, left_out


def _sizes(folder: Path) -> list[Figure]:
    figures = []
    for profile, what, bar in [
        ("tabular", "without networks", 3.0),
        ("release", "with networks", None),
    ]:
        library = ROOT / "target" / profile / "libmonobloc_capi.so"
        stripped = folder / f"{profile}.so"
        strip = ["strip", "--strip-unneeded", "-o", str(stripped), str(library)]
        subprocess.run(strip, check=True)
        size = stripped.stat().st_size / 1e6
        figures.append(Figure(f"the shared library {what}, stripped", size, "MB", bar))
    return figures


def compiled(folder: Path) -> Path:
    program = folder / "embedded"
    command = [
        "gcc",
        "-std=gnu11",
        "-O2",
        f"-I{ROOT / 'include'}",
        str(ROOT / "benches/embedded.c"),
    ]
    command += [f"-L{RELEASE}", f"-Wl,-rpath,{RELEASE}", "-lmonobloc_capi", "-ldl", "-lm"]
    subprocess.run([*command, "-o", str(program)], check=True)
    return program


def kept(size: str) -> Path:
    """Where a record of another size than the default is written."""
    return ROOT / "target" / "bench" / "embedded" / size


class Asked:
    """A process that does what lines say."""

    def __init__(self, *command: str | Path) -> None:
        self._process = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._read()

    def ask(self, *words: object, between: str = " ") -> str:
        assert self._process.stdin is not None
        self._process.stdin.write(between.join(map(str, words)) + "\n")
        self._process.stdin.flush()
        return self._read()

    def times(self, *words: object) -> tuple[int, np.ndarray]:
        """Allocations, and the nanoseconds of each call."""
        allocations, *times = self.ask(*words).split()
        return int(allocations), np.array(times, dtype=float)

    def end(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        assert self._process.wait(60) == 0

    def _read(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the process ended"
        return line


class InRust(Asked):
    """The same by the Rust face."""

    def run(self, batch: int, first: int, count: int) -> np.ndarray:
        said = json.loads(self.ask("run", batch, first, count, between="\t"))
        return 1e9 * np.array(said["seconds"])


def _frame(rows: int) -> pd.DataFrame:
    """Numbers with missing ones, whole numbers, truth values, and texts with missing ones."""
    random = np.random.default_rng(0)
    columns: dict[str, Any] = {}
    for number in range(14):
        values = random.lognormal(3, 1, rows)
        values[random.random(rows) < 0.05 * (number % 3)] = np.nan
        columns[f"n{number}"] = values
    columns |= {f"i{number}": random.integers(0, 90, rows) for number in range(6)}
    columns |= {f"b{number}": random.random(rows) < 0.3 for number in range(4)}
    for number in range(6):
        texts = random.choice([f"category {level}" for level in range(12)], rows).astype(object)
        texts[random.random(rows) < 0.05 * (number % 2)] = None
        columns[f"t{number}"] = pd.Series(texts, dtype=object)
    return pd.DataFrame(columns)


def prepared_row(folder: Path, program: Path, size: Size) -> list[Figure]:
    folder.mkdir()
    frame = _frame(size.trained_rows)
    numbers = [name for name in frame if name.startswith("n")]
    texts = [name for name in frame if name.startswith("t")]
    rest = [name for name in frame if name not in numbers + texts]
    known = OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2
    )
    columns = make_column_transformer(
        (SimpleImputer(), numbers), ("passthrough", rest), (known, texts)
    )
    target = (frame["n0"] > 20) ^ (frame["i0"] > 45) ^ (frame["t0"] == "category 3")
    forest = RandomForestClassifier(size.trees, random_state=0, n_jobs=2)
    model = make_pipeline(columns, forest).fit(frame, target)
    report = monobloc.pack(model, folder / "model.bloc", reference=frame)
    assert report.exact
    engine: Any = monobloc.load(report.path, monitor=False)
    frame = frame[np.asarray(engine.run(frame).verdicts.status) == "ok"]
    _write_columns(frame, folder)
    asked = Asked(program, report.path, folder, 1)
    model.set_params(randomforestclassifier__n_jobs=1)
    _compare(asked, "row", folder, model.predict_proba(frame))
    asked.times("row", 0, len(frame))
    calls, sets, allocations = [], [], 0
    for turn in range(size.turns):
        first = turn * size.calls
        made, times = asked.times("row", first, size.calls)
        allocations += made
        calls.append(times)
        sets.append(asked.times("set", first, size.calls)[1])
    asked.end()
    times, setting = np.concatenate(calls), np.concatenate(sets)
    what = f"a prepared row of {COLUMNS} mixed columns, {size.trees} trees: "
    each = allocations / len(times)
    return [
        Figure(f"{what}median, values set", np.median(times) / 1e3, "µs", 6),
        Figure(f"{what}of which setting values", np.median(setting) / 1e3, "µs"),
        Figure(f"{what}99 of 100 within", np.percentile(times, 99) / 1e3, "µs"),
        Figure(f"{what}999 of 1,000 within", np.percentile(times, 99.9) / 1e3, "µs"),
        Figure(f"{what}allocations of a call", each, "", 0),
    ]


def _numbers(folder: Path, program: Path, size: Size) -> list[Figure]:
    folder.mkdir()
    values, target = _matrix(size.trained_rows)
    forest = RandomForestClassifier(size.trees, random_state=0, n_jobs=2).fit(values, target)
    report = monobloc.pack(forest, folder / "model.bloc", reference=values)
    assert report.exact
    rows = _within(values)
    _write_matrix(rows, folder)
    asked = Asked(program, report.path, folder, 1)
    rust = InRust(built_example("time_bloc"), report.path, folder, 1)
    rust.ask("load")
    forest.set_params(n_jobs=1)
    _compare(asked, "matrix", folder, forest.predict_proba(rows))
    what = f"one row of {COLUMNS} doubles, {size.trees} trees: "
    ours, theirs, allocations = _in_turns(asked, rust, 1, size.calls, size.turns)
    figures = [
        Figure(
            f"{what}median",
            np.median(ours) / 1e3,
            "µs",
            peer="in Rust",
            peer_measured=np.median(theirs) / 1e3,
        ),
        Figure(f"{what}more time than in Rust", _more(ours, theirs), "ns", 100),
        Figure(f"{what}allocations of a call", allocations / ours.size, "", 0),
    ]
    what = f"a batch of {BATCH:,} rows of {COLUMNS} doubles, {size.trees} trees, one thread: "
    ours, theirs, allocations = _in_turns(asked, rust, BATCH, size.batches, max(2, size.turns // 4))
    ratio = statistics.median((ours / theirs).ravel())
    figures += [
        Figure(f"{what}times what it takes in Rust", ratio, "", 1.01),
        Figure(f"{what}allocations of a call", allocations / ours.size, "", 0),
    ]
    asked.end()
    rust.end()
    several = Asked(program, report.path, folder, 2)
    several.times("matrix", BATCH, 0, 5)
    made, times = several.times("matrix", BATCH, 0, 3 * size.batches)
    several.end()
    what = f"a batch of {BATCH:,} rows of {COLUMNS} doubles, {size.trees} trees, two threads: "
    figures.append(Figure(f"{what}allocations of a call", made / len(times), "", 0))
    return figures


def _boosted(folder: Path, program: Path, size: Size) -> tuple[list[Figure], dict[str, str]]:
    """LightGBM's own way of answering single rows, in the same process."""
    what = "LightGBM's C interface"
    try:
        import lightgbm
    except ImportError:
        return [], {what: "the package lightgbm is not installed"}
    library = Path(lightgbm.__file__).parent / "lib" / "lib_lightgbm.so"
    if not library.exists():
        return [], {what: "its library is not in the package"}
    folder.mkdir()
    values, target = _matrix(max(size.trained_rows, 1_000))
    model = lightgbm.LGBMClassifier(
        n_estimators=10 * size.trees, num_leaves=size.leaves, n_jobs=2, verbose=-1
    ).fit(values, target)
    model.booster_.save_model(folder / "model.txt")
    report = monobloc.pack(model, folder / "model.bloc", reference=values)
    rows = _within(values)
    _write_matrix(rows, folder)
    asked = Asked(program, report.path, folder, 1)
    asked.ask("answer", "matrix", folder / "answers.bin")
    found = np.fromfile(folder / "answers.bin").reshape(len(rows), -1)
    np.testing.assert_allclose(found, model.predict_proba(rows), rtol=1e-12)
    fast = ("lightgbm", library, folder / "model.txt")
    asked.times("matrix", 1, 0, size.calls)
    asked.times(*fast, 0, size.calls)
    ours, theirs = [], []
    for turn in range(size.turns):
        ours.append(asked.times("matrix", 1, turn * size.calls, size.calls)[1])
        theirs.append(asked.times(*fast, turn * size.calls, size.calls)[1])
    asked.end()
    label = f"one row of {COLUMNS} doubles, LightGBM of {10 * size.trees:,} trees: median"
    peer = np.median(np.concatenate(theirs)) / 1e3
    one = Figure(label, np.median(np.concatenate(ours)) / 1e3, "µs", peer=what, peer_measured=peer)
    return [one], {}


def _in_turns(
    asked: Asked, rust: InRust, batch: int, calls: int, turns: int
) -> tuple[np.ndarray, np.ndarray, int]:
    """Nanoseconds of the same calls in C and in Rust, a row for each turn but the first."""
    ours, theirs, allocations = [], [], 0
    for turn in range(turns + 1):
        first = turn * calls
        made, times = asked.times("matrix", batch, first, calls)
        in_rust = rust.run(batch, first, calls)
        if turn > 0:
            allocations += made
            ours.append(times)
            theirs.append(in_rust)
    return np.array(ours), np.array(theirs), allocations


def _more(ours: np.ndarray, theirs: np.ndarray) -> float:
    """By how many nanoseconds calls take longer: the median of the turns' own differences."""
    return float(np.median(np.median(ours, axis=1) - np.median(theirs, axis=1)))


def _matrix(rows: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(rows)
    values = random.standard_normal((rows, COLUMNS))
    return values, values[:, 0] + values[:, 1] * values[:, 2] > 0.3 * random.standard_normal(rows)


def _within(values: np.ndarray) -> np.ndarray:
    """Other rows, in which nothing is to be found: a finding is a piece of memory."""
    rows, _ = _matrix(BATCH)
    return np.clip(rows, values.min(axis=0), values.max(axis=0))


def _compare(asked: Asked, entrance: str, folder: Path, expected: np.ndarray) -> None:
    path = folder / "answers.bin"
    asked.ask("answer", entrance, path)
    assert path.read_bytes() == expected.tobytes(), "C answers otherwise than scikit-learn"


def _write_matrix(rows: np.ndarray, folder: Path) -> None:
    (folder / "rows.bin").write_bytes(rows.tobytes())
    (folder / "facts.json").write_text(json.dumps({"columns": rows.shape[1], "dtype": "float64"}))


def _write_columns(frame: pd.DataFrame, folder: Path) -> None:
    kinds = {"n": "number", "i": "integer", "b": "boolean", "t": "text"}
    (folder / "columns.txt").write_text("".join(f"{kinds[name[0]]} {name}\n" for name in frame))
    for number, name in enumerate(frame):
        column = frame[name]
        if name.startswith("t"):
            values = b"".join(_text(value) for value in column)
        else:
            values = column.to_numpy(np.float64).tobytes()
        (folder / f"column_{number}.bin").write_bytes(values)


def _text(value: str | None) -> bytes:
    said = b"" if value is None else value.encode()
    return np.int64(-1 if value is None else len(said)).tobytes() + said
