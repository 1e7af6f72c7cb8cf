"""Every form of rows means the same: frames of every type, dicts of columns, structured arrays."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import monobloc
import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

NUMBERS = ["small", "whole", "flag", "amount"]


def table(n_rows: int = 40) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    return pd.DataFrame(
        {
            "small": rng.integers(-100, 100, n_rows).astype(float),
            "whole": rng.integers(-(2**40), 2**40, n_rows).astype(float),
            "flag": rng.integers(0, 2, n_rows).astype(float),
            "amount": np.where(rng.random(n_rows) < 0.2, np.nan, rng.normal(size=n_rows)),
            "region": rng.choice(["north", "süd", "east", ""], n_rows).astype(object),
        }
    )


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> monobloc.Engine:
    frame = table(300)
    model = make_pipeline(
        make_column_transformer(
            (SimpleImputer(), NUMBERS), (OneHotEncoder(handle_unknown="ignore"), ["region"])
        ),
        RandomForestRegressor(20, random_state=0),
    ).fit(frame, np.arange(300.0))
    path = tmp_path_factory.mktemp("inputs") / "inputs.bloc"
    monobloc.pack(model, path, reference=frame)
    return monobloc.load(path)


class Borrowed:
    """A frame that has nothing but what every frame has."""

    def __init__(self, frame: Any) -> None:
        self._frame = frame
        self.columns = list(frame.columns)

    def __len__(self) -> int:
        return len(self._frame)

    def __getitem__(self, label: Any) -> Any:
        return self._frame[label]


def typed() -> dict[str, Any]:
    """The same table in the types that pandas and polars have."""
    frame = table()
    whole = {name: frame[name].astype("int64") for name in ("small", "whole")}
    nullable = frame.assign(
        small=frame.small.astype("Int16"),
        whole=frame.whole.astype("Int64"),
        flag=frame.flag.astype("boolean"),
        amount=frame.amount.astype("Float64"),
        region=frame.region.astype("string[python]"),
    )
    arrow = {}
    if find_spec("pyarrow"):
        arrow["arrow"] = frame.assign(
            small=frame.small.astype("float64[pyarrow]"),
            region=frame.region.astype("string[pyarrow]"),
        )
    return arrow | {
        "object": frame.astype(object),
        "integers": frame.assign(**whole, flag=frame.flag.astype(bool)),
        "int8": frame.assign(small=frame.small.astype("int8")),
        "float32": frame.assign(small=frame.small.astype("float32")),
        "categories": frame.assign(
            region=frame.region.astype("category"), small=frame.small.astype("category")
        ),
        "strings": frame.astype({"region": "str"}),
        "nullable": nullable,
        "index": frame.set_index(pd.date_range("2020", periods=len(frame))),
        "polars": pl.from_pandas(frame),
        "polars categories": pl.from_pandas(frame).with_columns(
            pl.col("region").cast(pl.Categorical)
        ),
    }


@pytest.mark.parametrize("name", typed())
def test_frames_of_every_type(engine: monobloc.Engine, name: str) -> None:
    frame = typed()[name]
    expected = engine.predict(table()).tobytes()
    assert engine.predict(frame).tobytes() == expected
    assert engine.predict(Borrowed(frame)).tobytes() == expected
    for row in (0, 7):
        one = frame[row : row + 1]
        assert engine.predict(one).tobytes() == expected[row * 8 : row * 8 + 8]
        assert engine.predict(Borrowed(one)).tobytes() == expected[row * 8 : row * 8 + 8]


def holed() -> dict[str, pd.DataFrame]:
    """A table with missing values everywhere, in the types that pandas has for them."""
    frame = table(300)
    rng = np.random.default_rng(6)
    for name in frame:
        frame.loc[rng.random(len(frame)) < 0.3, name] = np.nan
    whole = frame.assign(small=frame.small.astype("Int16"), whole=frame.whole.astype("Int64"))
    objects = frame.astype(object)
    wide = np.full((len(frame), 2 * frame.shape[1]), None, dtype=object)
    wide[:, ::2] = objects.to_numpy()
    forms = {
        "object": objects,
        "strided": pd.DataFrame(dict(zip(frame, wide[:, ::2].T, strict=True)), dtype=object),
        "masked": whole.assign(
            flag=frame.flag.astype("boolean"), amount=frame.amount.astype("Float64")
        ),
        "string": frame.astype({"region": "str"}),
        "string[python]": frame.astype({"region": "string[python]"}),
        "category": frame.astype({"region": "category", "small": "category"}),
    }
    if find_spec("pyarrow"):
        forms["string[pyarrow]"] = frame.astype({"region": "string[pyarrow]"})
        forms["arrow"] = whole.astype(dict.fromkeys(("flag", "amount"), "float64[pyarrow]")).astype(
            {"small": "int16[pyarrow]", "whole": "int64[pyarrow]", "region": "string[pyarrow]"}
        )
        forms["chunks"] = pd.concat([forms["arrow"][:100], forms["arrow"][100:]])
    return forms


@pytest.mark.parametrize("name", holed())
def test_missing_values_of_every_type(engine: monobloc.Engine, name: str) -> None:
    frame = holed()[name]
    expected = [engine.predict(row)[0] for row in holed()["object"].to_dict("records")]
    for rows in (frame, Borrowed(frame), dict(frame)):
        assert engine.predict(rows).tolist() == expected
    assert engine.predict(frame[::-1]).tolist() == expected[::-1]
    assert engine.predict(frame[5:6]).tolist() == expected[5:6]
    assert engine.predict(frame[:0]).tolist() == []


def test_objects_that_are_no_text(engine: monobloc.Engine) -> None:
    frame = table().astype(object)
    frame.loc[3, "region"] = 7
    frame.loc[4, "small"] = "12"
    frame.loc[5, "whole"] = b"12"
    frame.loc[6, "region"] = "\ud800"
    status = ["ok", "ok", "ok", "flagged", "flagged", "ok", "flagged", *["ok"] * 33]
    assert engine.run(frame).verdicts.status.tolist() == status
    big = pd.concat([frame] * 200, ignore_index=True)
    assert engine.run(big).verdicts.status.tolist() == status * 200


def test_columns_of_a_frame_in_any_order(engine: monobloc.Engine) -> None:
    frame = table()
    expected = engine.predict(frame).tobytes()
    for other in (
        frame[frame.columns[::-1]],
        frame.assign(extra=1)[["extra", *frame.columns[::-1]]],
        frame.iloc[::-1].iloc[::-1],
    ):
        assert engine.predict(other).tobytes() == expected
        assert engine.predict(Borrowed(other)).tobytes() == expected
    twice = pd.concat([frame, frame[["small"]]], axis=1)
    with pytest.raises(monobloc.SchemaError, match='the column "small" twice'):
        engine.predict(twice)
    with pytest.raises(monobloc.SchemaError, match='lacks "small"'):
        engine.predict(frame.drop(columns="small"))


def test_dicts_of_columns(engine: monobloc.Engine) -> None:
    frame = table()
    expected = engine.predict(frame).tobytes()
    lists = {name: frame[name].tolist() for name in frame}
    arrays = {name: frame[name].to_numpy() for name in frame}
    polars = {name: pl.from_pandas(frame)[name] for name in frame}
    for columns in (lists, arrays, polars, dict(frame), {**lists, **{"region": arrays["region"]}}):
        assert engine.predict({**columns, "extra": 3}).tobytes() == expected
    assert engine.predict({name: [] for name in frame}).shape == (0,)
    with pytest.raises(monobloc.SchemaError, match='"whole" has 39 values, "small" has 40'):
        engine.predict({**lists, "whole": lists["whole"][1:]})
    with pytest.raises(monobloc.SchemaError, match='"flag" is a single value'):
        engine.predict({**lists, "flag": 1.0})
    with pytest.raises(monobloc.SchemaError, match='lacks "amount"'):
        engine.predict({name: values for name, values in lists.items() if name != "amount"})


def test_an_array_for_a_single_value_is_no_column(engine: monobloc.Engine) -> None:
    row = table().iloc[0].to_dict()
    expected = engine.predict(row).tobytes()
    assert engine.predict({**row, "small": np.array(row["small"])}).tobytes() == expected
    assert engine.predict({**row, "small": np.float32(row["small"])}).tobytes() == expected
    verdicts = engine.run([{**row, "small": [1, 2]}]).verdicts
    assert [finding.kind for finding in verdicts[0].findings] == ["wrong_type"]


def test_structured_arrays(engine: monobloc.Engine, tmp_path: Path) -> None:
    frame = table()
    expected = engine.predict(frame).tobytes()
    records = frame.to_records(index=False)
    assert engine.predict(np.asarray(records)).tobytes() == expected
    assert engine.predict(np.asarray(records)[["region", *NUMBERS]]).tobytes() == expected
    assert engine.predict(np.asarray(records)[3:4]).tobytes() == expected[24:32]
    with pytest.raises(monobloc.SchemaError, match='lacks "amount"'):
        engine.predict(np.asarray(records)[["small", "whole", "flag", "region"]])
