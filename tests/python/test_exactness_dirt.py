"""Every kind of dirt under the default rules, on real and synthetic data.

What the source accepts has the source's bytes; what it refuses is rejected with a reason, or
answered with the values that the verdict names.
"""

from __future__ import annotations

import datetime
from typing import Any

import monobloc
import numpy as np
import pandas as pd
import pytest
from dirt import told
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from test_exactness import accepted, answers, same_bytes, take
from test_exactness_real import DATA, FILES, read

ROWS = 700
MOMENT = datetime.datetime(2020, 1, 1)
NUMBERS = [
    None,
    np.nan,
    np.inf,
    -np.inf,
    "12500",
    " 7.5 ",
    "abc",
    "",
    "nan",
    [1],
    1e300,
    -1e9,
    True,
    b"12",
    b"x",
    (1, 2),
]
TEXTS = [
    None,
    np.nan,
    "never seen",
    "",
    "x" * 500,
    12500,
    3.5,
    True,
    {"a": 1},
    "İ",
    "\ud800",
    b"12500",
    (1, 2),
    MOMENT,
]


def synthetic() -> tuple[pd.DataFrame, np.ndarray]:
    random = np.random.default_rng(5)
    frame = pd.DataFrame(
        {f"n{i}": random.lognormal(i, 1, 2_000) for i in range(4)}
        | {"count": random.integers(0, 40, 2_000), "binary": random.integers(0, 2, 2_000)}
        | {f"t{i}": random.choice([*"abcdefg", "12500"], 2_000) for i in range(5)}
    )
    frame.loc[random.random(2_000) < 0.1, "n1"] = np.nan
    frame.loc[random.random(2_000) < 0.1, "t1"] = None
    return frame, (frame.n0 > frame.n0.median()).to_numpy().astype(int)


def pipeline(frame: pd.DataFrame) -> Pipeline:
    """Some columns go through imputers, some to steps that refuse; so with encoders."""
    strings = [name for name in frame if not pd.api.types.is_numeric_dtype(frame[name])]
    numbers = [name for name in frame if name not in strings]
    whole = {name for name in frame if not frame[name].isna().any()}
    strict = [name for i, name in enumerate(numbers) if name in whole and i % 3]
    kinds = [
        OneHotEncoder(handle_unknown="ignore"),
        OneHotEncoder(handle_unknown="error"),
        make_pipeline(
            SimpleImputer(strategy="most_frequent"),
            OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
        ),
        OrdinalEncoder(),
    ]
    return Pipeline(
        [
            (
                "columns",
                ColumnTransformer(
                    [
                        ("filled", SimpleImputer(), [n for n in numbers if n not in strict]),
                        ("scaled", StandardScaler(), strict[::2]),
                        ("plain", "passthrough", strict[1::2]),
                        *((f"text{i}", kind, strings[i::4]) for i, kind in enumerate(kinds)),
                    ]
                ),
            ),
            ("forest", RandomForestClassifier(20, random_state=0)),
        ]
    )


def dirty(frame: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    """One or two values of each row are dirt."""
    rows = frame.iloc[random.integers(len(frame), size=ROWS)].astype(object).reset_index(drop=True)
    for row in range(ROWS):
        for place in random.choice(len(frame.columns), size=random.integers(1, 3), replace=False):
            name = frame.columns[place]
            is_number = pd.api.types.is_numeric_dtype(frame[name])
            kinds = NUMBERS if is_number else TEXTS
            value = kinds[random.integers(len(kinds))]
            # A column of pandas' own text has one missing value only.
            has_none = is_number or frame[name].dtype == object
            rows.at[row, name] = np.nan if value is None and not has_none else value
    return rows


@pytest.fixture(scope="module", params=["synthetic", *FILES])
def packed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    if request.param != "synthetic" and not DATA.is_dir():
        pytest.skip(f"{DATA} is not there")
    frame, target = synthetic() if request.param == "synthetic" else read(request.param)
    frame, target = frame[:5_000], target[:5_000]
    model = pipeline(frame).fit(frame, target)
    path = tmp_path_factory.mktemp("dirt") / "model.bloc"
    monobloc.pack(model, path, reference=frame)
    return frame, model, monobloc.load(path)


def test_dirt(packed: Any) -> None:
    frame, model, engine = packed
    rows = dirty(frame, np.random.default_rng(1))
    good = accepted_rows(model, rows)
    same_bytes(
        engine.predict_proba(take(rows, np.flatnonzero(good))),
        answers(model, take(rows, np.flatnonzero(good))),
    )
    together = engine.run(rows)
    statuses = [
        told(engine, lambda row: answers(model, row), take(rows, [bad]))
        for bad in np.flatnonzero(~good)
    ]
    assert together.verdicts.status[~good].tolist() == statuses
    assert {"ok", "flagged"} >= set(together.verdicts.status[good])
    assert {"repaired", "rejected"} <= set(statuses) <= {"flagged", "repaired", "rejected"}
    assert good.sum() > ROWS // 10
    alone = np.concatenate(
        [engine.run(take(rows, [row])).outputs["probabilities"] for row in range(100)]
    )
    same_bytes(together.outputs["probabilities"][:100], alone)


def accepted_rows(model: Any, rows: pd.DataFrame) -> np.ndarray:
    """Which rows the source takes; scikit-learn raises a TypeError for some of the others."""
    found = np.zeros(len(rows), dtype=bool)
    for row in range(len(rows)):
        try:
            found[row] = accepted(model, take(rows, [row]))[0]
        except TypeError:
            continue
    return found


def test_clean_rows_are_in_order(packed: Any) -> None:
    frame, _, engine = packed
    engine = monobloc.load(engine.path)
    verdicts = engine.run(frame).verdicts
    share = 1 - verdicts.counts["ok"] / len(frame)
    limit = engine.sanity["max_out_of_distribution"]
    assert verdicts.counts["rejected"] == verdicts.counts["repaired"] == 0
    assert share <= limit / 2 or limit == pytest.approx(2 * share, abs=0.002)
    assert engine.health().status == "ok"
