"""One bloc through every face: what C and C++ are answered by each entrance is what Python is,
bit for bit, and golden rows hold in all of them."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import models
import monobloc
import networks
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from conftest import Credit
from sklearn.compose import make_column_transformer
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = ROOT / "target" / "release"
NUMBERS = ["income", "balance", "ratio", "age", "children"]
ROWS = 60

pytestmark = pytest.mark.usefixtures("one_thread")


@dataclass(frozen=True)
class Made:
    """A bloc and rows for it."""

    bloc: Path
    rows: Any


Make = Callable[[Path], Made]


def _loans(columns: list[str] | None = None) -> tuple[pd.DataFrame, np.ndarray, pd.DataFrame]:
    """Training data, its classes, and rows that JSON and Arrow can say: nothing
    is infinite, and texts are missing as None."""
    training, live = models.loans(300, 1), models.loans(ROWS, 2, unseen=True)
    live = live.replace([np.inf, -np.inf], np.nan)
    for frame in (training, live):
        for text in ("region", "note"):
            frame[text] = frame[text].where(frame[text].notna(), None)
    if columns is not None:
        training, live = training[columns], live[columns]
    return training, models.target(training), live


def _packed(
    model: Any, columns: list[str] | None = None, target: Any = None, change: Any = None
) -> Make:
    def make(folder: Path) -> Made:
        training, classes, live = _loans(columns)
        if change is not None:
            training, live = change(training), change(live)
        fitted = model.fit(training, classes if target is None else target(classes))
        report = monobloc.pack(fitted, folder / "model.bloc", reference=training)
        return Made(report.path, live)

    return make


def _lightgbm(folder: Path) -> Made:
    lightgbm = pytest.importorskip("lightgbm")
    model = lightgbm.LGBMClassifier(n_estimators=10, n_jobs=1, min_child_samples=5, verbose=-1)
    return _packed(model, NUMBERS)(folder)


def _xgboost(folder: Path) -> Made:
    xgboost = pytest.importorskip("xgboost")
    return _packed(xgboost.XGBClassifier(n_estimators=10, n_jobs=1), NUMBERS)(folder)


def _catboost(folder: Path) -> Made:
    catboost = pytest.importorskip("catboost")
    options = {"allow_writing_files": False, "verbose": False, "thread_count": 1}
    return _packed(catboost.CatBoostClassifier(iterations=10, **options), NUMBERS)(folder)


def _network(folder: Path) -> Made:
    report = monobloc.pack(networks.mlp(), folder / "model.bloc")
    return Made(report.path, networks.inputs("mlp", 7))


def _network_behind_steps(folder: Path) -> Made:
    training, _, live = _loans(["income", "region"])
    training, live = training.fillna({"region": "none"}), live.fillna({"region": "none"})
    prepare = make_column_transformer(
        (SimpleImputer(add_indicator=True), ["income"]),
        (OneHotEncoder(handle_unknown="ignore"), ["region"]),
    ).fit(training)
    width = prepare.transform(training).shape[1]
    make = networks.Builder(9)
    hidden = make.node("Relu", make.node("MatMul", "features", make.weight(width, 64, scale=1e-3)))
    model = make.model(
        [("features", networks.FLOAT, ["batch", width])],
        {"y": make.node("MatMul", hidden, make.weight(64, 1))},
    )
    report = monobloc.pack(model, folder / "m.bloc", preprocess=prepare, reference=training)
    return Made(report.path, live)


def _two(classes: np.ndarray) -> np.ndarray:
    return np.array(["no", "yes"])[classes // 2]


def _amounts(classes: np.ndarray) -> np.ndarray:
    return np.sin(np.arange(len(classes))) * 10.0**classes


def _labels(classes: np.ndarray) -> np.ndarray:
    return np.column_stack([_two(classes), np.array(["a", "b", "c"])[classes]])


def _several(classes: np.ndarray) -> np.ndarray:
    return np.column_stack([_amounts(classes), classes * 2.0])


def _numbers(model: Any) -> Any:
    return make_pipeline(SimpleImputer(), StandardScaler(), model)


SMALL: dict[str, Any] = {"n_estimators": 7, "random_state": 3}
CASES: dict[str, Make] = {
    "catboost": _catboost,
    "forest of texts": _packed(make_pipeline(models.columns_of(), RandomForestClassifier(**SMALL))),
    "forest of two": _packed(_numbers(RandomForestClassifier(**SMALL)), NUMBERS, _two),
    "gradient boosting": _packed(_numbers(GradientBoostingClassifier(**SMALL)), NUMBERS),
    "hist gradient boosting": _packed(
        HistGradientBoostingClassifier(max_iter=9, random_state=3), NUMBERS
    ),
    "isolation forest": _packed(_numbers(IsolationForest(**SMALL)), NUMBERS),
    "lightgbm": _lightgbm,
    "logistic regression": _packed(
        make_pipeline(models.columns_of(), LogisticRegression(max_iter=500))
    ),
    "network": _network,
    "network behind steps": _network_behind_steps,
    "ridge": _packed(_numbers(Ridge()), NUMBERS, _amounts),
    "forest of labels": _packed(_numbers(RandomForestClassifier(**SMALL)), NUMBERS, _labels),
    "several targets": _packed(_numbers(Ridge()), NUMBERS, _several),
    "forest of amounts": _packed(_numbers(RandomForestRegressor(**SMALL)), NUMBERS, _amounts),
    "xgboost": _xgboost,
}


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The same source as C and as C++."""
    assert (LIBRARY / "libmonobloc_capi.so").exists(), (
        "run `make target/release/libmonobloc_capi.so`"
    )
    folder = tmp_path_factory.mktemp("faces")
    compilers = {
        "c": ["gcc", "-std=c99"],
        "cpp": ["g++", "-std=c++11", "-x", "c++"],
    }
    flags = ["-Wall", "-Wextra", "-Werror", "-pedantic", "-O1", f"-I{ROOT / 'include'}"]
    found = []
    for name, compiler in compilers.items():
        command = [*compiler, *flags, str(ROOT / "tests" / "c" / "faces.c"), f"-L{LIBRARY}"]
        command += [f"-Wl,-rpath,{LIBRARY}", "-lmonobloc_capi", "-o", str(folder / name)]
        subprocess.run(command, check=True, timeout=120)
        found.append(folder / name)
    return found


@pytest.mark.parametrize("name", ["credit", *CASES])
def test_answers_are_the_same(
    name: str, programs: list[Path], credit: Credit, tmp_path: Path
) -> None:
    made = Made(credit.bloc, credit.frame[:ROWS]) if name == "credit" else CASES[name](tmp_path)
    engine: Any = monobloc.load(made.bloc)
    _holds_by_command(made.bloc)
    given = tmp_path / "given"
    given.mkdir()
    expected = dict(_expected(engine, made.rows, given))
    assert len(expected) >= 3
    for program in programs:
        folder = tmp_path / program.name
        shutil.copytree(given, folder)
        subprocess.run([program, made.bloc, folder], check=True, timeout=120)
        found = {path.name.removesuffix(".bin") for path in folder.glob("*.*.bin")}
        assert found == set(expected)
        for what, answer in expected.items():
            said = (folder / f"{what}.bin").read_bytes()
            if what.endswith(".verdicts"):
                assert json.loads(said) == answer, what
            else:
                assert said == answer, what


def _holds_by_command(bloc: Path) -> None:
    command = [ROOT / "target" / "release" / "monobloc", "verify", bloc]
    subprocess.run(command, check=True, capture_output=True, timeout=120)


def _expected(engine: Any, rows: Any, given: Path) -> Iterator[tuple[str, Any]]:
    """What Python is answered by each entrance, whose input is written for the programs."""
    targets = _targets(engine) if engine._estimator_type != "regressor" else []
    labels = [f"{at} {label}\n" for at, known in enumerate(targets) for label in known.tolist()]
    yield "engine.labels", "".join(labels).encode()
    if isinstance(rows, dict):
        _write_tensors(rows, given)
        yield from _of_network("tensors", engine.run(rows))
        return
    table = pa.Table.from_pandas(rows, preserve_index=False)
    body = json.dumps(table.to_pylist()).encode()
    entrances: dict[str, Any] = {"columns": table, "json": body}
    _write_columns(table, given)
    (given / "body.json").write_bytes(body)
    dtypes = [dtype for dtype in rows.dtypes if not pd.api.types.is_bool_dtype(dtype)]
    if len(dtypes) == rows.shape[1] and all(map(pd.api.types.is_numeric_dtype, dtypes)):
        entrances["matrix"] = rows.to_numpy(np.float64)
        (given / "matrix.bin").write_bytes(entrances["matrix"].tobytes())
    if "probabilities" not in (outputs := engine.run(rows).outputs) and "y" in outputs:
        for entrance, form in entrances.items():
            yield from _of_network(entrance, engine.run(form))
        return
    yield "run_json.response", engine.run_json(body)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    in_arrow = sink.getvalue().to_pybytes()
    (given / "rows.arrow").write_bytes(in_arrow)
    yield "run_arrow.response", engine.run_arrow(in_arrow)
    whole = dict(_of_rows("columns", engine, rows, table))
    alone = [what for what in whole if what.partition(".")[2] not in ("features", "verdicts")]
    yield from ((what.replace("columns", "row"), whole[what]) for what in alone)
    for entrance, form in entrances.items():
        found = dict(_of_rows(entrance, engine, rows, form))
        yield from found.items()
        if entrance == "matrix":
            directly = ("outputs", "statuses", "verdicts")
            yield from ((f"run_matrix.{what}", found[f"matrix.{what}"]) for what in directly)
        assert found[f"{entrance}.outputs"] == _bytes(_outputs(engine.run(rows)))


def _targets(engine: Any) -> list[np.ndarray]:
    """The labels of each target."""
    classes = engine.classes_ if hasattr(engine, "classes_") else np.array([-1, 1])
    return classes if isinstance(classes, list) else [classes]


def _of_rows(entrance: str, engine: Any, rows: Any, form: Any) -> Iterator[tuple[str, Any]]:
    prediction = engine.run(form)
    outputs = _outputs(prediction)
    yield f"{entrance}.outputs", _bytes(outputs)
    yield from _verdicts(entrance, prediction)
    accepted = np.ones(len(outputs), dtype=bool)
    accepted[prediction.verdicts.rejected] = False
    if engine._estimator_type != "regressor":
        targets = _targets(engine)
        numbers = np.full((len(outputs), len(targets)), np.nan)
        labels = engine.predict(rows[accepted]).reshape(-1, len(targets))
        for number, known in enumerate(map(np.ndarray.tolist, targets)):
            numbers[accepted, number] = [known.index(label) for label in labels[:, number]]
        yield f"{entrance}.class", _bytes(numbers)
        yield f"{entrance}.with_class", _bytes(np.column_stack([outputs, numbers]))
    scores = engine.raw_score(rows[accepted])
    raw = np.full((len(outputs), *scores.shape[1:]), np.nan)
    raw[accepted] = scores
    yield f"{entrance}.raw", _bytes(raw)
    try:
        features = engine.transform(form)
    except monobloc.RowsRejected:
        return
    yield f"{entrance}.features", _bytes(features)


def _of_network(entrance: str, prediction: Any) -> Iterator[tuple[str, Any]]:
    yield from _verdicts(entrance, prediction)
    for name, values in prediction.outputs.items():
        assert values.dtype == np.float32
        yield f"{entrance}.{name}", values.tobytes()


def _verdicts(entrance: str, prediction: Any) -> Iterator[tuple[str, Any]]:
    numbers = ["ok", "flagged", "repaired", "rejected"]
    said = [numbers.index(status) for status in np.asarray(prediction.verdicts.status).tolist()]
    yield f"{entrance}.statuses", bytes(said)
    yield f"{entrance}.verdicts", json.loads(prediction.verdicts.to_json())


def _outputs(prediction: Any) -> np.ndarray:
    for name in ("probabilities", "scores", "score", "prediction", "predictions"):
        if name in prediction.outputs:
            found = prediction.outputs[name]
            return np.hstack(found) if isinstance(found, list) else np.asarray(found, dtype=float)
    raise AssertionError(sorted(prediction.outputs))


def _bytes(values: Any) -> bytes:
    return np.ascontiguousarray(values, dtype=np.float64).tobytes()


def _write_tensors(tensors: dict[str, np.ndarray], folder: Path) -> None:
    lines = []
    for number, (name, array) in enumerate(tensors.items()):
        lines.append(" ".join([array.dtype.name, str(array.ndim), *map(str, array.shape), name]))
        (folder / f"tensor_{number}.bin").write_bytes(array.tobytes())
    (folder / "tensors.txt").write_text("\n".join(lines))


def _write_columns(table: pa.Table, folder: Path) -> None:
    lines = [str(table.num_rows)]
    for number, name in enumerate(table.column_names):
        column = table[name].combine_chunks()
        if (
            pa.types.is_string(column.type)
            or pa.types.is_large_string(column.type)
            or pa.types.is_null(column.type)
        ):
            kind, values = "text", b"".join(_text(value) for value in column.to_pylist())
        else:
            known = np.asarray(column.fill_null(False if pa.types.is_boolean(column.type) else 0))
            kind, values = known.dtype.name, known.tobytes()
            if column.null_count:
                bits = np.packbits(np.asarray(column.is_valid()), bitorder="little")
                (folder / f"validity_{number}.bin").write_bytes(bits.tobytes())
        lines.append(f"{kind} {name}")
        (folder / f"column_{number}.bin").write_bytes(values)
    (folder / "columns.txt").write_text("\n".join(lines))


def _text(value: str | None) -> bytes:
    said = b"" if value is None else value.encode()
    return np.int64(-1 if value is None else len(said)).tobytes() + said
