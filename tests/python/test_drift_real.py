"""Nothing is told of rows of real data that were held out; each injected fault is named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import monobloc
import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OrdinalEncoder
from test_exactness_real import DATA, read

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"{DATA} is not there")

BATCH = 1_000
ALL_OF_A_PART = 5_000
"""Rows that the live state looks at in full; of later ones it takes a sample."""
BY_BINS = {"mean_shift", "wasserstein", "live_mean", "live_standard_deviation"}
"""Measures that live counters know by the means of bins."""


@dataclass(frozen=True)
class Served:
    """An engine, and rows that its model did not see."""

    engine: monobloc.Engine
    rows: pd.DataFrame


def fully_grown(frame: pd.DataFrame, target: np.ndarray) -> Pipeline:
    strings = [name for name in frame if not pd.api.types.is_numeric_dtype(frame[name])]
    numbers = [name for name in frame if name not in strings]
    codes = OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2
    )
    columns = make_column_transformer((SimpleImputer(strategy="median"), numbers), (codes, strings))
    model = make_pipeline(columns, RandomForestClassifier(20, random_state=0, n_jobs=2))
    return model.fit(frame, target)


def packed(frame: pd.DataFrame, target: np.ndarray, path: Path, validated: bool) -> Any:
    """The engine of a forest that was fitted on these rows; a tenth validate it if asked."""
    unseen = np.random.default_rng(1).random(len(frame)) < (0.1 if validated else 0)
    model = fully_grown(frame[~unseen], target[~unseen])
    validation = {"validation": frame[unseen]} if validated else {}
    monobloc.pack(model, path, reference=frame[~unseen], **validation)
    return monobloc.load(path)


@pytest.fixture(scope="module", params=["validated", "not validated"])
def validated(request: pytest.FixtureRequest) -> bool:
    return request.param == "validated"


@pytest.fixture(scope="module", params=["card_default", "adult_income"])
def held_out(
    request: pytest.FixtureRequest, validated: bool, tmp_path_factory: pytest.TempPathFactory
) -> Served:
    """A fifth of the rows, drawn at random."""
    frame, target = read(request.param)
    fifth = np.random.default_rng(0).permutation(len(frame)) < len(frame) // 5
    path = tmp_path_factory.mktemp("held-out") / "model.bloc"
    return Served(packed(frame[~fifth], target[~fifth], path, validated), frame[fifth])


def serve(engine: monobloc.Engine, rows: pd.DataFrame) -> None:
    for start in range(0, len(rows), BATCH):
        engine.run(rows[start : start + BATCH])


def test_held_out_rows_alarm_nobody(held_out: Served, validated: bool) -> None:
    offline = held_out.engine.drift(held_out.rows)
    assert offline.drifted == []
    serve(held_out.engine, held_out.rows)
    live = held_out.engine.drift()
    assert live.drifted == []
    for report in (offline, live):
        assert len(report.columns) == held_out.rows.shape[1]
        assert not any(column.silence for column in report.columns)
        assert [bool(output.silence) for output in report.outputs] == [not validated] * 2
    assert offline.window["rows"] == len(held_out.rows)
    assert held_out.engine.snapshot()["window_rows"] == len(held_out.rows)
    assert held_out.engine.health().status == "ok"


Fault = Callable[[pd.DataFrame], dict[str, Any]]

FAULTS: dict[str, dict[str, Fault]] = {
    "card_default": {
        "AGE": lambda rows: {"AGE": rows["AGE"] * 12},
        "PAYMENTDELAY_1": lambda rows: {"PAYMENTDELAY_1": sentinel(rows["PAYMENTDELAY_1"])},
        "PAID_AMT1": lambda rows: {"PAID_AMT1": sentinel(rows["PAID_AMT1"])},
        "CREDIT_LIMIT": lambda rows: {"CREDIT_LIMIT": np.nan},
    },
    "adult_income": {
        "native-country": lambda rows: {
            "native-country": rows["native-country"].replace("United-States", "US")
        },
        "age": lambda rows: {"age": rows["age"] * 12},
        "hours-per-week": lambda rows: {"hours-per-week": sentinel(rows["hours-per-week"])},
        "fnlwgt": lambda rows: {"fnlwgt": np.nan},
    },
}
SAID = {
    "AGE": ["times", "another unit"],
    "PAYMENTDELAY_1": ["9999 in 10 % of rows", "a sentinel"],
    "PAID_AMT1": ["9510 to 10069 rose from 2 % to 12 %"],
    "CREDIT_LIMIT": ["missing rose from 0 % to 100 %"],
    "native-country": ["'US' rose", "'United-States' fell", "a renamed category"],
    "age": ["times", "another unit"],
    "hours-per-week": ["9999", "a sentinel"],
    "fnlwgt": ["missing rose from 0 % to 100 %"],
}
WITHIN_THE_RANGE = "PAID_AMT1"
"""Its 9999 moves less than PAID_AMT3 does in file order by itself."""
CASES = [(name, column) for name, faults in FAULTS.items() for column in faults]


def sentinel(values: pd.Series) -> pd.Series:
    """9999 in every tenth row."""
    return values.mask(np.arange(len(values)) % 10 == 0, 9999)


@dataclass(frozen=True)
class InOrder:
    """What was packed of the first rows of a file, and the last ones."""

    path: Path
    rows: pd.DataFrame

    def faulty(self, name: str, columns: list[str]) -> pd.DataFrame:
        changed = {
            column: value
            for fault in columns
            for column, value in FAULTS[name][fault](self.rows).items()
        }
        return self.rows.assign(**changed)


@pytest.fixture(scope="module")
def in_order(tmp_path_factory: pytest.TempPathFactory) -> dict[str, InOrder]:
    found = {}
    for name in FAULTS:
        frame, target = read(name)
        end = len(frame) * 7 // 10
        path = tmp_path_factory.mktemp("in-order") / "model.bloc"
        packed(frame[:end], target[:end], path, validated=True)
        found[name] = InOrder(path, frame[end:])
    return found


def both(path: Path, rows: pd.DataFrame) -> list[Any]:
    """The report of an engine that served the rows, and the one on them alone."""
    engine = monobloc.load(path)
    serve(engine, rows)
    return [engine.drift(), engine.drift(rows)]


@pytest.mark.parametrize(("name", "column"), CASES)
def test_each_fault_is_in_the_top_three_lines(
    name: str, column: str, in_order: dict[str, InOrder]
) -> None:
    served = in_order[name]
    for report in both(served.path, served.faulty(name, [column])):
        top = {line.name: line for line in report.columns[:3]}
        assert column in top, str(report)
        assert top[column].drifted
        printed = str(report).splitlines()[2:5]
        assert any(line.startswith(column) for line in printed)
    for words in SAID[column]:
        assert words in top[column].sentence


@pytest.mark.parametrize("name", FAULTS)
def test_all_faults_together_are_the_first_lines(name: str, in_order: dict[str, InOrder]) -> None:
    served = in_order[name]
    faults = [fault for fault in FAULTS[name] if fault != WITHIN_THE_RANGE]
    for report in both(served.path, served.faulty(name, faults)):
        assert {line.name for line in report.columns[: len(faults)]} == set(faults), str(report)
        assert set(faults) <= set(report.drifted)


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("is_faulty", [False, True])
def test_live_rows_and_rows_in_hand_say_the_same(
    name: str, is_faulty: bool, in_order: dict[str, InOrder]
) -> None:
    served = in_order[name]
    rows = served.faulty(name, list(FAULTS[name])) if is_faulty else served.rows
    live, offline = both(served.path, rows[:ALL_OF_A_PART])
    assert live.drifted == offline.drifted
    for of_live, of_offline in zip(
        live.columns + live.outputs, offline.columns + offline.outputs, strict=True
    ):
        assert same_measures(of_live, of_offline)
        assert of_live.silence == of_offline.silence


def same_measures(one: Any, other: Any) -> bool:
    if one.name != other.name:
        return False
    of_one, of_other = one.measures, other.measures
    return set(of_one) == set(of_other) and all(
        of_one[measure] == of_other[measure] for measure in set(of_one) - BY_BINS
    )


def test_drift_changes_neither_readiness_nor_the_file(in_order: dict[str, InOrder]) -> None:
    served = in_order["adult_income"]
    engine = monobloc.load(served.path)
    rows = served.faulty("adult_income", list(FAULTS["adult_income"]))
    expected = engine.predict_proba(rows)
    assert len(engine.drift().drifted) >= 4
    health = engine.health()
    assert health.status == "degraded"
    assert not health.file_changed
    assert np.asarray(engine.predict_proba(rows)).tobytes() == np.asarray(expected).tobytes()
