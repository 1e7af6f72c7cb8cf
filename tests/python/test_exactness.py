"""Packed models against their sources, byte by byte, over the options of every step."""

from __future__ import annotations

import warnings
from typing import Any

import monobloc
import numpy as np
import pytest
from dirt import told
from models import Case, cases
from sklearn.pipeline import Pipeline

CASES = cases()


def take(rows: Any, positions: Any) -> Any:
    return rows.iloc[positions] if hasattr(rows, "iloc") else rows[positions]


def answers(model: Any, rows: Any) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.predict_proba(rows) if hasattr(model, "predict_proba") else model.predict(rows)


def accepted(model: Any, rows: Any) -> np.ndarray:
    """Which rows the source takes, found by halving."""
    found = np.zeros(len(rows), dtype=bool)
    parts = [np.arange(len(rows))]
    while parts:
        part = parts.pop()
        try:
            answers(model, take(rows, part))
        except ValueError:
            parts += np.array_split(part, 2) if len(part) > 1 else []
        else:
            found[part] = True
    return found


def features(model: Any, rows: Any) -> np.ndarray:
    """The source's feature matrix, dense."""
    while isinstance(model, Pipeline):
        if len(model.steps) > 1:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                rows = model[:-1].transform(rows)
        model = model.steps[-1][1]
    return rows.toarray() if hasattr(rows, "toarray") else np.asarray(rows)


def same_bytes(got: Any, expected: Any) -> None:
    got, expected = np.asarray(got), np.asarray(expected)
    assert got.shape == expected.shape
    assert got.dtype == expected.dtype
    if got.dtype == object:
        assert got.tolist() == expected.tolist()
        return
    nan = (got != got) & (expected != expected)
    different = (got.view(f"V{got.itemsize}") != expected.view(f"V{got.itemsize}")) & ~nan
    assert not different.any(), (
        f"{different.sum()} values differ, as in {np.argwhere(different)[:3]}"
    )


@pytest.fixture(scope="module", params=CASES, ids=lambda case: case.name)
def packed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    case: Case = request.param
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = case.make()
        path = tmp_path_factory.mktemp("blocs") / "model.bloc"
        report = monobloc.pack(fitted.model, path, reference=fitted.training)
    assert report.exact
    assert report.max_abs_diff == 0
    assert report.golden_rows > 100
    return fitted, monobloc.load(path), accepted(fitted.model, fitted.held_out)


def test_outputs_have_the_sources_bytes(packed: Any) -> None:
    fitted, engine, good = packed
    rows = take(fitted.held_out, np.flatnonzero(good))
    expected = answers(fitted.model, rows)
    model = fitted.model
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        same_bytes(engine.predict(rows), model.predict(rows))
    if hasattr(model, "predict_proba"):
        same_bytes(engine.predict_proba(rows), expected)
        same_bytes(engine.classes_, model.classes_)
    else:
        assert not hasattr(engine, "predict_proba")


def test_features_have_the_sources_bytes(packed: Any) -> None:
    fitted, engine, good = packed
    rows = take(fitted.held_out, np.flatnonzero(good))
    expected = features(fitted.model, rows)
    got = np.asarray(engine.transform(rows))
    if expected.dtype.kind in "biuO":
        expected = expected.astype(got.dtype)
    same_bytes(got, expected)
    assert len(engine.get_feature_names_out()) == got.shape[1]


def test_a_row_does_not_depend_on_its_batch(packed: Any) -> None:
    fitted, engine, good = packed
    positions = np.flatnonzero(good)
    rows = take(fitted.held_out, positions)
    answer = getattr(engine, "predict_proba", engine.predict)
    together = np.asarray(answer(rows))
    order = np.random.default_rng(0).permutation(len(positions))
    same_bytes(answer(take(rows, order)), together[order])
    singly = [np.asarray(answer(take(rows, [i]))) for i in range(len(positions))]
    same_bytes(np.concatenate(singly), together)
    sevens = [np.asarray(answer(take(rows, slice(i, i + 7)))) for i in range(0, len(positions), 7)]
    same_bytes(np.concatenate(sevens), together)


def test_accepted_rows_are_only_flagged(packed: Any) -> None:
    fitted, engine, good = packed
    statuses = set(engine.run(take(fitted.held_out, np.flatnonzero(good))).verdicts.status)
    assert statuses <= {"ok", "flagged"}


def test_refused_rows_are_repaired_or_rejected(packed: Any) -> None:
    fitted, engine, good = packed
    for bad in np.flatnonzero(~good):
        told(engine, lambda row: answers(fitted.model, row), take(fitted.held_out, [bad]))
