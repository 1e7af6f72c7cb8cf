"""The Engine as its users hold it: scikit-learn's manners, kinds of input, errors."""

from __future__ import annotations

import ctypes
import logging
import math
import pickle
import subprocess
from pathlib import Path
from typing import Any

import monobloc
import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse
from conftest import Credit
from sklearn.datasets import make_regression
from sklearn.ensemble import RandomForestRegressor
from sklearn.metrics import get_scorer


@pytest.fixture(scope="module")
def engine(credit: Credit) -> monobloc.ClassifierEngine:
    return monobloc.load(credit.bloc)


@pytest.fixture(scope="module")
def regressor(tmp_path_factory: pytest.TempPathFactory) -> tuple[RandomForestRegressor, Path]:
    features, target = make_regression(200, 4, random_state=0)
    model = RandomForestRegressor(10, random_state=0).fit(features, target)
    path = tmp_path_factory.mktemp("regressor") / "regressor.bloc"
    monobloc.pack(model, path, reference=features)
    return model, path


def test_every_kind_of_input_means_the_same(
    engine: monobloc.ClassifierEngine, credit: Credit
) -> None:
    frame = credit.frame
    expected = credit.expected
    shuffled = frame[frame.columns[::-1]].assign(extra=1)
    objects = frame.to_numpy(dtype=object)
    by_name = [frame, shuffled, pl.from_pandas(frame), frame.to_dict("records")]
    for rows in [*by_name, objects]:
        assert engine.predict_proba(rows).tobytes() == expected.tobytes()
    for row, answer in zip(credit.rows[:50], expected, strict=False):
        assert engine.predict_proba(row).tobytes() == answer.tobytes()


def test_numeric_arrays_of_every_layout(regressor: tuple[RandomForestRegressor, Path]) -> None:
    model, path = regressor
    engine = monobloc.load(path)
    rows = np.random.default_rng(1).integers(-3, 3, (64, 4))
    expected = model.set_params(n_jobs=1).predict(rows).tobytes()
    for dtype in ("f8", "f4", "f2", "i8", "i4", "i2", "i1", ">f8", ">i4"):
        typed = rows.astype(dtype)
        padded = np.zeros((128, 9), dtype)
        padded[::2, ::-2][:, 1:] = typed[:, ::1]
        for array in (typed, np.asfortranarray(typed), padded[::2, ::-2][:, 1:], typed[::-1][::-1]):
            assert engine.predict(array).tobytes() == expected
    flags = np.random.default_rng(1).integers(0, 2, (8, 4)).astype(bool)
    assert engine.predict(flags).tobytes() == model.predict(flags).tobytes()


def test_fields_of_packed_records(regressor: tuple[RandomForestRegressor, Path]) -> None:
    model, path = regressor
    engine = monobloc.load(path)
    rows = np.random.default_rng(1).normal(size=(8, 4))
    expected = model.set_params(n_jobs=1).predict(rows).tobytes()
    packed = np.zeros(8, dtype=[("tag", "u1"), *((f"x{i}", "f8") for i in range(4))])
    for i in range(4):
        packed[f"x{i}"] = rows[:, i]
    array = np.ndarray((8, 4), "f8", buffer=packed.tobytes(), offset=1, strides=(33, 8))
    columns = {f"x{i}": pd.Series(packed[f"x{i}"], copy=False) for i in range(4)}
    for unaligned in (array, pd.DataFrame(columns, copy=False)):
        assert engine.predict(unaligned).tobytes() == expected


@pytest.mark.parametrize(
    "labels", [range(4), pd.MultiIndex.from_product([["a", "b"], ["x", "y"]]), [1.5, 0, 7, 2]]
)
def test_columns_whose_labels_are_no_strings(
    regressor: tuple[RandomForestRegressor, Path], labels: Any, tmp_path: Path
) -> None:
    model, _ = regressor
    rows = np.random.default_rng(1).normal(size=(8, 4))
    frame = pd.DataFrame(rows, columns=labels)
    path = tmp_path / "x.bloc"
    monobloc.pack(model, path, reference=frame)
    expected = model.set_params(n_jobs=1).predict(rows).tobytes()
    assert monobloc.load(path).predict(frame[frame.columns[::-1]]).tobytes() == expected


def test_empty_input_gives_empty_output(engine: monobloc.ClassifierEngine, credit: Credit) -> None:
    assert engine.predict_proba(credit.frame.iloc[:0]).shape == (0, 2)
    assert engine.predict(credit.frame.iloc[:0]).shape == (0,)
    assert engine.predict_proba([]).shape == (0, 2)


def test_outputs_have_the_sources_types(engine: monobloc.ClassifierEngine, credit: Credit) -> None:
    model = credit.model
    labels = engine.predict(credit.frame)
    assert labels.dtype == model.predict(credit.frame).dtype
    assert (labels == model.predict(credit.frame)).all()
    assert engine.classes_.dtype == model.classes_.dtype
    assert list(engine.feature_names_in_) == list(model.feature_names_in_)
    assert engine.n_features_in_ == model.n_features_in_
    assert list(engine.get_feature_names_out()) == list(model[:-1].get_feature_names_out())
    assert engine.transform(credit.frame).shape[1] == len(engine.get_feature_names_out())


def test_scikit_learn_takes_it_for_a_classifier(
    engine: monobloc.ClassifierEngine, credit: Credit
) -> None:
    truth = credit.model.classes_[np.arange(len(credit.frame)) % 2]
    for name in ("roc_auc", "accuracy", "neg_log_loss"):
        scorer = get_scorer(name)
        assert scorer(engine, credit.frame, truth) == scorer(credit.model, credit.frame, truth)


def test_a_regressor_has_no_probabilities(regressor: tuple[RandomForestRegressor, Path]) -> None:
    model, path = regressor
    engine = monobloc.load(path)
    assert not hasattr(engine, "predict_proba")
    assert not hasattr(engine, "classes_")
    rows, truth = make_regression(50, 4, random_state=1)
    assert get_scorer("r2")(engine, rows, truth) == get_scorer("r2")(model, rows, truth)
    assert set(engine.run(rows).outputs) == {"prediction"}


def test_pickling_keeps_path_and_digest(
    credit: Credit, engine: monobloc.ClassifierEngine, tmp_path: Path
) -> None:
    again = pickle.loads(pickle.dumps(engine))
    assert again.digest == engine.digest
    assert type(again) is type(engine)
    assert len(pickle.dumps(engine)) < 1_000
    path = tmp_path / "model.bloc"
    path.write_bytes(credit.bloc.read_bytes())
    pickled = pickle.dumps(monobloc.load(path))
    other = tmp_path / "other.bloc"
    rows = np.zeros((20, 1))
    model = RandomForestRegressor(2, random_state=0).fit(rows, np.arange(20))
    monobloc.pack(model, other, reference=rows)
    other.replace(path)
    with pytest.raises(monobloc.DigestMismatchError):
        pickle.loads(pickled)


def test_a_pickle_does_not_depend_on_the_working_directory(
    credit: Credit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(credit.folder)
    engine = monobloc.load(credit.bloc.name)
    monkeypatch.chdir(tmp_path)
    assert pickle.loads(pickle.dumps(engine)).digest == engine.digest


def test_a_rejected_row_is_an_error_for_predict_and_a_verdict_for_run(
    credit: Credit, tmp_path: Path
) -> None:
    number = credit.frame.select_dtypes("number").columns[0]
    rules = {number: {"on_type": "reject", "on_infinite": "reject"}}
    monobloc.edit_sanity(credit.bloc, tmp_path / "strict.bloc", rules)
    engine = monobloc.load(tmp_path / "strict.bloc")
    frame = credit.frame.head(20).astype({number: object}).reset_index(drop=True)
    frame.loc[[3, 11], number] = ["a word", math.inf]
    for call in (engine.predict, engine.predict_proba, engine.transform):
        with pytest.raises(monobloc.RowsRejected, match=r"row 3, .*; row 11, ") as caught:
            call(frame)
        assert (caught.value.field, caught.value.row) == (number, 3)
        assert isinstance(caught.value, ValueError)
    prediction = engine.run(frame)
    assert prediction.verdicts.rejected == [3, 11]
    statuses = [verdict.status for verdict in prediction.verdicts]
    assert [row for row, status in enumerate(statuses) if status == "rejected"] == [3, 11]
    assert prediction.verdicts[3].findings[0].field == number
    assert "a word" in prediction.verdicts[3].findings[0].reason
    assert not prediction.verdicts[4].findings
    probabilities, labels = prediction.outputs["probabilities"], prediction.outputs["label"]
    assert np.isnan(probabilities[[3, 11]]).all()
    assert labels[3] is None
    good = [row for row in range(len(frame)) if row not in (3, 11)]
    expected = engine.predict_proba(frame.loc[good])
    assert probabilities[good].tobytes() == expected.tobytes()


def test_rows_count_from_the_whole_input(credit: Credit, tmp_path: Path) -> None:
    number = credit.frame.select_dtypes("number").columns[0]
    monobloc.edit_sanity(credit.bloc, tmp_path / "m.bloc", {number: {"on_infinite": "reject"}})
    engine = monobloc.load(tmp_path / "m.bloc")
    frame = pd.concat([credit.frame] * 70, ignore_index=True).astype({number: float})
    frame.loc[69_999, number] = math.inf
    with pytest.raises(monobloc.RowsRejected, match="row 69999"):
        engine.predict_proba(frame)
    assert engine.run(frame).verdicts.rejected == [69_999]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (3, "int"),
        ("text", "str"),
        ([1, 2], "no dicts"),
        (np.zeros(3), "shape"),
        (np.zeros((2, 3)), "3 columns"),
        (np.zeros((2, 3), "M8[s]"), "columns"),
        ({"age": [3]}, "lacks"),
        (scipy.sparse.csr_matrix((2, 3)), "csr_matrix"),
        (pl.LazyFrame({"age": [3]}), "LazyFrame"),
        (pd.Series([3.0]), "Series"),
    ],
)
def test_what_is_no_input_is_named(
    engine: monobloc.ClassifierEngine, rows: object, words: str
) -> None:
    with pytest.raises(monobloc.SchemaError, match=words) as caught:
        engine.predict_proba(rows)
    assert caught.value.row is None


def test_every_exception_has_code_and_number() -> None:
    kinds = [
        kind
        for kind in vars(monobloc).values()
        if isinstance(kind, type) and issubclass(kind, monobloc.MonoblocError)
    ]
    kinds.remove(monobloc.MonoblocError)
    assert len({kind.number for kind in kinds}) == len({kind.code for kind in kinds}) == len(kinds)
    assert issubclass(monobloc.NotFoundError, FileNotFoundError)
    assert issubclass(monobloc.PermissionDeniedError, PermissionError)
    assert issubclass(monobloc.SchemaError, ValueError)


def test_loading_is_logged(credit: Credit, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="monobloc"):
        engine = monobloc.load(credit.bloc)
    assert engine.digest in caplog.text


def test_arguments_are_checked(credit: Credit) -> None:
    with pytest.raises(monobloc.InvalidArgumentError, match="verify"):
        monobloc.load(credit.bloc, verify="half")  # type: ignore[arg-type]
    for threads in (0, -1):
        with pytest.raises(monobloc.InvalidArgumentError, match="threads"):
            monobloc.load(credit.bloc, threads=threads)


def test_a_host_with_flush_to_zero_gets_the_same_answers(tmp_path: Path) -> None:
    source = tmp_path / "mode.c"
    source.write_text(
        "#include <xmmintrin.h>\n"
        "unsigned get(void) { return _mm_getcsr(); }\n"
        "void set(unsigned mode) { _mm_setcsr(mode); }\n"
    )
    library = tmp_path / "mode.so"
    subprocess.run(["gcc", "-O1", "-shared", "-fPIC", "-o", library, source], check=True)
    mode = ctypes.CDLL(str(library))
    tiny = np.linspace(-4e-40, 4e-40, 401)[:, None]
    model = RandomForestRegressor(5, random_state=0).fit(tiny, np.arange(401.0))
    path = tmp_path / "tiny.bloc"
    monobloc.pack(model, path, reference=tiny)
    expected = model.set_params(n_jobs=1).predict(tiny).tobytes()
    engine = monobloc.load(path, threads=2)
    many = np.repeat(tiny, 4, axis=0)
    before = mode.get()
    try:
        mode.set(before | 0x8040)
        answers = engine.predict(tiny).tobytes()
        batch = engine.predict(many)[::4].tobytes()
        kept = mode.get() & 0x8040
    finally:
        mode.set(before)
    assert answers == batch == expected
    assert kept == 0x8040
