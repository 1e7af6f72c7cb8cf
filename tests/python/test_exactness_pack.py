"""What `pack` takes, what it refuses, and what it lets into a file."""

from __future__ import annotations

import json
import os
import pickle
import warnings
from pathlib import Path
from typing import Any

import monobloc
import numpy as np
import pandas as pd
import polars
import pytest
from models import FLOATS, NUMBERS, STRINGS, columns_of, forest, loans, target
from monobloc._native import Packer
from monobloc.packing.golden import golden_rows
from monobloc.packing.reading import read_model
from monobloc.packing.reference import Reference
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder


def usual(**options: Any) -> tuple[Any, pd.DataFrame]:
    frame = loans(200, 1)
    return make_pipeline(columns_of(), forest(**options)).fit(frame, target(frame)), frame


def golden_of(model: Any, frame: pd.DataFrame, golden: Any = None) -> tuple[Any, Any, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reference = Reference.read(frame, list(frame.columns), None)
        reading = read_model(model, reference, Packer())
        inputs, answers = golden_rows(model, reference, reading, golden)
    return dict(zip(frame.columns, inputs, strict=True)), answers, reading


class TestGolden:
    def test_no_record_of_the_reference_enters(self) -> None:
        model, frame = usual()
        inputs, answers, _ = golden_of(model, frame)
        records = {tuple(map(str, row)) for row in frame.to_numpy()}
        made_up = [tuple(map(str, row)) for row in zip(*inputs.values(), strict=True)]
        assert len(made_up) == len(answers.outputs) > 300
        assert not records & set(made_up)

    def test_rare_categories_stay_out(self) -> None:
        frame = loans(200, 1)
        frame.loc[3, "region"] = "the only one"
        frame.loc[[5, 6], "purpose"] = "two"
        encoder = OneHotEncoder(handle_unknown="ignore", min_frequency=5)
        model = make_pipeline(encoder, forest()).fit(frame[STRINGS], target(frame))
        inputs, _, _ = golden_of(model, frame[STRINGS])
        assert "the only one" not in inputs["region"]
        assert "two" not in inputs["purpose"]
        assert "north" in inputs["region"]

    def test_missing_and_unknown_values_are_among_them(self) -> None:
        model, frame = usual()
        inputs, _, _ = golden_of(model, frame)
        assert any(value != value for value in inputs["income"])
        assert any(str(value).startswith("never seen") for value in inputs["region"])
        assert None in inputs["note"]

    def test_rows_lie_on_thresholds_and_beside(self) -> None:
        frame = loans(200, 1)[["ratio", "age", "balance"]]
        model = make_pipeline(SimpleImputer(), forest()).fit(frame, target(frame))
        inputs, _, reading = golden_of(model, frame)
        features, values = reading.model.split_features, reading.model.thresholds
        on = set(values[features == 2].astype(np.float32).tolist())
        beside = {float(np.nextafter(np.float32(v), np.float32(np.inf))) for v in on}
        assert len(on & set(inputs["balance"])) > 5
        assert len((beside - on) & set(inputs["balance"])) > 3

    def test_given_rows_replace_them(self) -> None:
        model, frame = usual()
        inputs, answers, _ = golden_of(model, frame, frame.iloc[5:9])
        assert inputs["age"] == frame["age"].iloc[5:9].tolist()
        assert answers.outputs.tobytes() == model.predict_proba(frame.iloc[5:9]).tobytes()

    def test_too_many_given_rows_are_refused(self, tmp_path: Path) -> None:
        model, frame = usual()
        many = pd.concat([frame] * 51)
        with pytest.raises(monobloc.InvalidArgumentError, match="10,200 rows"):
            monobloc.pack(model, tmp_path / "x.bloc", reference=frame, golden=many)

    @pytest.mark.parametrize(
        ("golden", "said"),
        [
            (np.zeros((2, 3), dtype=object), "golden has 3 columns"),
            (5, "golden has 0 dimensions"),
            ([[1], [1, 2]], "golden is no 2-D array"),
            (loans(5, 1)[NUMBERS], "golden lacks columns"),
            (loans(0, 1), "golden has no rows"),
        ],
    )
    def test_rows_that_cannot_be_read_are_refused_by_name(
        self, golden: Any, said: str, tmp_path: Path
    ) -> None:
        model, frame = usual()
        with pytest.raises(monobloc.InvalidArgumentError, match=said):
            monobloc.pack(model, tmp_path / "x.bloc", reference=frame, golden=golden)

    def test_given_rows_that_the_source_refuses_are_an_error(self, tmp_path: Path) -> None:
        model, frame = usual()
        bad = frame.assign(income=np.inf)
        with pytest.raises(monobloc.InvalidArgumentError, match="golden"):
            monobloc.pack(model, tmp_path / "x.bloc", reference=frame, golden=bad)
        assert not list(tmp_path.iterdir())


class TestOneJob:
    def test_the_model_is_not_touched(self, tmp_path: Path) -> None:
        model, frame = usual(n_jobs=2)
        before = pickle.dumps(model)
        monobloc.pack(model, tmp_path / "x.bloc", reference=frame)
        assert pickle.dumps(model) == before
        assert model[-1].n_jobs == 2

    def test_the_reference_is_not_touched(self, tmp_path: Path) -> None:
        model, frame = usual()
        before = frame.copy(deep=True)
        monobloc.pack(model, tmp_path / "x.bloc", reference=frame)
        pd.testing.assert_frame_equal(frame, before)


class TestReference:
    def test_same_input_same_bytes(self, tmp_path: Path) -> None:
        model, frame = usual()
        monobloc.pack(model, tmp_path / "a.bloc", reference=frame, name="n")
        monobloc.pack(model, tmp_path / "b.bloc", reference=frame, name="n")
        assert (tmp_path / "a.bloc").read_bytes() == (tmp_path / "b.bloc").read_bytes()

    def test_order_and_further_columns_do_not_matter(self, tmp_path: Path) -> None:
        model, frame = usual()
        other = frame.assign(further=1)[[*reversed(frame.columns), "further"]]
        a = monobloc.pack(model, tmp_path / "a.bloc", reference=frame, name="n")
        b = monobloc.pack(model, tmp_path / "b.bloc", reference=other, name="n")
        assert a.digest == b.digest

    @pytest.mark.parametrize(
        "reference",
        [None, "data.csv", [[1.0], [1.0, 2.0]], polars.LazyFrame({"age": [1.0]}), pd.Series([1.0])],
    )
    def test_what_is_no_reference(self, reference: Any, tmp_path: Path) -> None:
        model, _ = usual()
        with pytest.raises(monobloc.InvalidArgumentError, match="the reference"):
            monobloc.pack(model, tmp_path / "x.bloc", reference=reference)

    def test_a_missing_column_is_named(self, tmp_path: Path) -> None:
        model, frame = usual()
        with pytest.raises(monobloc.InvalidArgumentError, match="'income'"):
            monobloc.pack(model, tmp_path / "x.bloc", reference=frame.drop(columns="income"))

    def test_polars(self, tmp_path: Path) -> None:
        model, frame = usual()
        strings = {name: frame[name].where(frame[name].notna(), None) for name in STRINGS}
        given = polars.DataFrame(
            {name: strings.get(name, frame[name]).to_numpy() for name in frame}, strict=False
        )
        monobloc.pack(model, tmp_path / "x.bloc", reference=given)
        engine = monobloc.load(tmp_path / "x.bloc")
        assert engine.feature_names_in_.tolist() == list(frame.columns)

    def test_arrays_get_names(self, tmp_path: Path) -> None:
        rows = loans(100, 1)[["age", "ratio"]].to_numpy()
        model = forest().fit(rows, target(rows))
        monobloc.pack(model, tmp_path / "x.bloc", reference=rows)
        assert list(monobloc.load(tmp_path / "x.bloc").feature_names_in_) == ["x0", "x1"]

    @pytest.mark.parametrize(
        ("column", "said"),
        [
            (pd.Series(pd.date_range("2020", periods=60)), "datetime64"),
            (pd.Series(np.arange(60) * 1j), "complex128"),
            (pd.Series(np.arange(60), dtype=np.float16), "float16"),
            (pd.Series([1, "a", 2.5] * 20, dtype=object), "mixes values"),
            (pd.Series([b"a", b"b"] * 30, dtype=object), "bytes"),
            (pd.Series([2**63] * 60, dtype=np.uint64), r"2\*\*63"),
            (pd.Series([1, None] * 30, dtype="Int64"), "Int64"),
            (pd.Series(["a", None] * 30, dtype="string"), "string"),
            (pd.Series([2**60, 1] * 30, dtype=object), r"2\*\*53"),
        ],
        ids=lambda value: value if isinstance(value, str) else str(value.dtype),
    )
    def test_columns_that_cannot_be_fields(self, column: Any, said: str, tmp_path: Path) -> None:
        frame = loans(60, 1)[["age"]]
        model = forest().fit(frame.assign(odd=1.0), target(frame))
        with pytest.raises(monobloc.InvalidArgumentError, match=said) as caught:
            monobloc.pack(model, tmp_path / "x.bloc", reference=frame.assign(odd=column))
        assert "'odd'" in str(caught.value)

    def test_integer_categories_that_float64_cannot_tell_apart(self, tmp_path: Path) -> None:
        frame = pd.DataFrame({"id": [2**53 + 1, 2**53 + 2] * 30})
        model = make_pipeline(OneHotEncoder(), forest()).fit(frame, target(frame))
        with pytest.raises(monobloc.UnsupportedError, match=r"'id'.*2\*\*53"):
            monobloc.pack(model, tmp_path / "x.bloc", reference=frame)

    def test_a_column_that_mixes_strings_and_numbers_as_categories(self, tmp_path: Path) -> None:
        frame = loans(60, 1)[["purpose"]]
        encoder = OneHotEncoder(categories=[[1, 2]], handle_unknown="ignore")
        model = make_pipeline(encoder, forest()).fit(frame, target(frame))
        with pytest.raises(monobloc.UnsupportedError, match="'purpose'"):
            monobloc.pack(model, tmp_path / "x.bloc", reference=frame)


class TestSchema:
    def test_kinds(self) -> None:
        fields = Reference.read(loans(50, 1), None, None).fields
        assert {field.name: field.kind for field in fields} == {
            "income": "float",
            "balance": "float",
            "ratio": "float",
            "age": "integer",
            "children": "integer",
            "owner": "boolean",
            "region": "string",
            "purpose": "string",
            "note": "string",
        }
        assert [field.null for field in fields if field.name in STRINGS] == ["nan", "nan", "none"]

    def test_another_kind(self, tmp_path: Path) -> None:
        frame = loans(80, 1)[["age", "ratio"]]
        model = forest().fit(frame, target(frame))
        monobloc.pack(model, tmp_path / "x.bloc", reference=frame, schema={"age": "float"})
        engine = monobloc.load(tmp_path / "x.bloc")
        rows = frame.assign(age=frame["age"] + 0.5)
        assert engine.predict_proba(rows).tobytes() == model.predict_proba(rows).tobytes()

    @pytest.mark.parametrize(
        ("schema", "said"),
        [
            ({"agee": "float"}, "'agee'"),
            ({"age": "number"}, "'number'"),
            ({"age": "string"}, "string"),
            ({"ratio": "integer"}, "fractions"),
            ({"age": "boolean"}, "0 and 1"),
        ],
    )
    def test_kinds_that_do_not_fit(self, schema: Any, said: str, tmp_path: Path) -> None:
        frame = loans(80, 1)[["age", "ratio"]]
        model = forest().fit(frame, target(frame))
        with pytest.raises(monobloc.InvalidArgumentError, match=said):
            monobloc.pack(model, tmp_path / "x.bloc", reference=frame, schema=schema)


class TestArguments:
    @pytest.mark.parametrize("argument", ["metadata", "provenance"])
    @pytest.mark.parametrize("value", [{"a": 1}, {1: "a"}, ["a"]])
    def test_only_strings_are_kept(self, argument: str, value: Any, tmp_path: Path) -> None:
        model, frame = usual()
        with pytest.raises(monobloc.InvalidArgumentError, match=argument):
            monobloc.pack(model, tmp_path / "x.bloc", reference=frame, **{argument: value})

    def test_the_schema_is_a_mapping(self, tmp_path: Path) -> None:
        model, frame = usual()
        with pytest.raises(monobloc.InvalidArgumentError, match="schema must map"):
            monobloc.pack(model, tmp_path / "x.bloc", reference=frame, schema="age")  # type: ignore[arg-type]

    def test_a_path_that_is_no_utf8(self, tmp_path: Path) -> None:
        model, frame = usual()
        path = os.path.join(os.fsencode(tmp_path), b"n\xff.bloc")
        monobloc.pack(model, os.fsdecode(path), reference=frame)
        assert monobloc.load(os.fsdecode(path)).name == "n\N{REPLACEMENT CHARACTER}"

    def test_what_the_manifest_says(self, tmp_path: Path) -> None:
        model, frame = usual()
        monobloc.pack(
            model,
            tmp_path / "credit.bloc",
            reference=frame,
            version="7",
            metadata={"owner": "risk"},
            provenance={"dataset": "sha256:1"},
        )
        manifest = monobloc.load(tmp_path / "credit.bloc").manifest
        manifest = json.loads(manifest) if isinstance(manifest, str) else manifest
        assert (manifest["name"], manifest["version"]) == ("credit", "7")
        assert manifest["metadata"] == {"owner": "risk"}
        recorded = {
            "python",
            "numpy",
            "scikit-learn",
            "scipy",
            "joblib",
            "threadpoolctl",
            "dataset",
            "reference_digest",
            "reference_rows",
        }
        assert recorded == set(manifest["provenance"])

    def test_the_report(self, tmp_path: Path) -> None:
        model, frame = usual()
        report = monobloc.pack(model, tmp_path / "x.bloc", reference=frame)
        assert report.path == str(tmp_path / "x.bloc")
        assert report.size_bytes == (tmp_path / "x.bloc").stat().st_size
        assert report.digest.startswith("sha256:")
        assert report.exact
        assert report.max_abs_diff == 0.0
        assert report.digest in str(report)
        assert report.digest in report._repr_html_()


class TestModels:
    def test_a_regressor_on_fields_of_every_kind(self, tmp_path: Path) -> None:
        frame = loans(150, 1)
        columns = [*NUMBERS, "owner"]
        model = make_pipeline(SimpleImputer(), RandomForestRegressor(5, random_state=0))
        model.fit(frame[columns], np.sin(frame["age"]) * 1e9)
        monobloc.pack(model, tmp_path / "x.bloc", reference=frame[columns])
        engine = monobloc.load(tmp_path / "x.bloc")
        assert engine.predict(frame[columns]).tobytes() == model.predict(frame[columns]).tobytes()

    def test_a_reference_that_the_model_refuses(self, tmp_path: Path) -> None:
        frame = loans(60, 1)[FLOATS].fillna(0.0)
        model = forest().fit(frame, target(frame))
        with pytest.raises(monobloc.InvalidArgumentError, match="refuses the reference"):
            monobloc.pack(model, tmp_path / "x.bloc", reference=frame.assign(income=np.inf))

    def test_categories_that_all_are_rare(self, tmp_path: Path) -> None:
        frame = pd.DataFrame({"code": [f"c{i}" for i in range(40)] * 2})
        encoder = OrdinalEncoder()
        model = make_pipeline(encoder, RandomForestClassifier(5, random_state=0))
        model.fit(frame, target(frame))
        assert monobloc.pack(model, tmp_path / "x.bloc", reference=frame).golden_rows > 100
