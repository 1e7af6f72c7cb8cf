"""What a bloc says of the reference: distributions, where they come from, and rows in batches."""

from __future__ import annotations

import hashlib
import json
import re
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import monobloc
import numpy as np
import pandas as pd
import polars
import pyarrow as pa
import pyarrow.csv
import pyarrow.dataset
import pyarrow.parquet
import pytest
from conftest import Credit
from models import STRINGS, forest, loans, target
from monobloc._native import ReferenceBuilder
from monobloc.packing.batches import BATCH_ROWS, EvenSample
from sklearn.compose import make_column_transformer
from sklearn.ensemble import IsolationForest, RandomForestClassifier, RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor


def packed(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """reference.json and the manifest of a bloc."""
    with zipfile.ZipFile(path) as bloc:
        return json.loads(bloc.read("reference.json")), json.loads(bloc.read("manifest.json"))


def by_name(distributions: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {distribution["name"]: distribution for distribution in distributions}


def model(frame: pd.DataFrame) -> Any:
    """A forest over all columns of loans, fitted on this frame."""
    texts = [name for name in STRINGS if name in frame]
    numbers = [name for name in frame if name not in STRINGS]
    encoder = OneHotEncoder(handle_unknown="ignore")
    columns = make_column_transformer((encoder, texts), (SimpleImputer(), numbers))
    return make_pipeline(columns, forest()).fit(frame, target(frame))


class TestDistributions:
    """Against NumPy and pandas, on frames of every dtype."""

    COLUMNS: ClassVar[dict[str, Callable[[np.random.Generator, int], Any]]] = {
        "float64": lambda random, n: random.normal(size=n),
        "float32": lambda random, n: random.normal(size=n).astype(np.float32),
        "missing": lambda random, n: np.where(random.random(n) < 0.3, np.nan, random.random(n)),
        "none present": lambda _, n: np.full(n, np.nan),
        "infinite": lambda random, n: np.where(random.random(n) < 0.1, np.inf, random.random(n)),
        "huge": lambda random, n: random.choice([1e308, -1e308, 0.0], n),
        "constant": lambda _, n: np.full(n, 7.0),
        "levels": lambda random, n: random.integers(0, 4, n),
        "int8": lambda random, n: random.integers(-128, 127, n).astype(np.int8),
        "uint64": lambda random, n: random.integers(0, 2**62, n).astype(np.uint64),
        "bool": lambda random, n: random.random(n) < 0.2,
        "object bool": lambda random, n: random.choice(np.array([True, False, None]), n),
        "object int": lambda random, n: random.choice(np.array([1, 2, None], dtype=object), n),
        "texts": lambda random, n: pd.Series(random.choice(["a", "bé", ""], n), dtype="str"),
        "object texts": lambda random, n: random.choice(np.array(["a", None], dtype=object), n),
        "category": lambda random, n: pd.Categorical(random.choice(["x", "y"], n)),
        "numbers as category": lambda random, n: pd.Categorical(random.choice([3, 5], n)),
        "ids": lambda random, n: [f"id {value}" for value in random.permutation(n)],
    }

    @pytest.fixture(scope="class")
    @classmethod
    def found(cls, tmp_path_factory: pytest.TempPathFactory) -> tuple[pd.DataFrame, dict]:
        random, n = np.random.default_rng(1), 1200
        frame = pd.DataFrame({name: make(random, n) for name, make in cls.COLUMNS.items()})
        columns = make_column_transformer(("passthrough", ["float64"]))
        fitted = make_pipeline(columns, forest()).fit(frame, random.random(n) < 0.5)
        path = tmp_path_factory.mktemp("bloc") / "x.bloc"
        monobloc.pack(fitted, path, reference=frame)
        reference, manifest = packed(path)
        names = [field["name"] for field in manifest["schema"]["fields"]]
        assert [field["name"] for field in reference["fields"]] == names == list(frame)
        return frame, by_name(reference["fields"])

    @pytest.mark.parametrize("name", COLUMNS)
    def test_missing_values_and_rows(self, name: str, found: tuple) -> None:
        frame, fields = found
        assert fields[name]["rows"] == len(frame)
        assert fields[name]["missing"] == int(frame[name].isna().sum())

    @pytest.mark.parametrize("name", ["texts", "object texts", "category", "ids"])
    def test_categories(self, name: str, found: tuple) -> None:
        frame, fields = found
        counts = frame[name].value_counts()
        expected = {text: n for text, n in counts.items() if n >= 5}
        categories = fields[name]["values"]["categories"]
        assert dict(zip(categories["names"], categories["counts"], strict=True)) == expected
        assert categories["other"] == counts.sum() - sum(expected.values())
        assert categories["distinct"] == len(counts)

    @pytest.mark.parametrize(
        "name",
        [name for name in COLUMNS if name not in ("texts", "object texts", "category", "ids")],
    )
    def test_numbers(self, name: str, found: tuple) -> None:
        frame, fields = found
        values = frame[name].astype(object)
        values = values[values.notna()].to_numpy().astype(np.float64)
        finite = values[np.isfinite(values)]
        numbers = fields[name]["values"]["numbers"]
        assert numbers["not_finite"] == len(values) - len(finite)
        assert sum(numbers["counts"]) == len(finite)
        if not len(finite):
            return
        assert numbers["min"] == finite.min()
        assert numbers["edges"][-1] == finite.max()
        bins = np.searchsorted(numbers["edges"], finite)
        assert np.bincount(bins, minlength=len(numbers["edges"])).tolist() == numbers["counts"]
        if name != "huge":
            assert np.isclose(numbers["mean"], finite.mean(), rtol=1e-12)
            assert np.isclose(numbers["standard_deviation"], finite.std(), rtol=1e-9)
            means = [finite[bins == b].mean() for b in range(len(numbers["edges"]))]
            assert np.allclose(numbers["means"], means, rtol=1e-9)

    def test_an_array(self, tmp_path: Path) -> None:
        rows = np.random.default_rng(2).normal(size=(300, 3)).astype(np.float32)
        fitted = DecisionTreeRegressor(random_state=0).fit(rows, rows[:, 0])
        monobloc.pack(fitted, tmp_path / "x.bloc", reference=rows)
        fields = packed(tmp_path / "x.bloc")[0]["fields"]
        assert [field["name"] for field in fields] == ["x0", "x1", "x2"]
        assert [field["values"]["numbers"]["min"] for field in fields] == rows.min(axis=0).tolist()


class TestOutputs:
    def test_validation_rows(self, tmp_path: Path) -> None:
        frame, fresh = loans(400, 1), loans(150, 2)
        fitted = model(frame)
        report = monobloc.pack(fitted, tmp_path / "x.bloc", reference=frame, validation=fresh)
        outputs = packed(tmp_path / "x.bloc")[0]["outputs"]
        assert outputs["source"] == "validation"
        found = by_name(outputs["distributions"])
        labels = [str(label) for label in fitted.classes_]
        names = (
            [f"probability_{label}" for label in labels]
            if len(labels) > 2
            else [f"probability_{labels[1]}"]
        )
        assert list(found) == [*names, "label"]
        expected = fitted.predict_proba(fresh)[:, -1]
        numbers = found[names[-1]]["values"]["numbers"]
        assert found[names[-1]]["rows"] == 150 == report.validation_rows
        assert np.isclose(numbers["mean"], expected.mean(), rtol=1e-12)
        assert numbers["min"] == expected.min()
        counts = pd.Series(fitted.predict(fresh)).astype(str).value_counts()
        categories = found["label"]["values"]["categories"]
        assert categories["names"] == labels
        assert categories["counts"] == [int(counts.get(label, 0)) for label in labels]
        assert "on 150 validation rows" in str(report)

    def test_without_validation_rows_some_of_the_reference_are_asked(self, tmp_path: Path) -> None:
        rows = np.random.default_rng(3).normal(size=(25_000, 2))
        fitted = DecisionTreeRegressor(max_depth=4, random_state=0).fit(rows, rows[:, 0])
        report = monobloc.pack(fitted, tmp_path / "x.bloc", reference=rows)
        outputs = packed(tmp_path / "x.bloc")[0]["outputs"]
        assert outputs["source"] == "reference"
        assert [output["rows"] for output in outputs["distributions"]] == [10_000]
        assert (report.reference_rows, report.validation_rows) == (25_000, 0)
        assert "never an alarm" in str(report)
        assert "validation=" in report._repr_html_()
        shown = subprocess.run(
            [sys.executable, "-m", "monobloc", "inspect", str(tmp_path / "x.bloc")],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert "25000 rows, outputs on 10000 of them: shown, never judged" in shown

    @pytest.mark.parametrize(
        ("make", "names"),
        [
            (
                lambda x, y: RandomForestClassifier(3, random_state=0).fit(x, y),
                ["probability_a", "probability_b", "probability_c", "label"],
            ),
            (
                lambda x, y: DecisionTreeClassifier(random_state=0).fit(x, y == "a"),
                ["probability_True", "label"],
            ),
            (lambda x, _: DecisionTreeRegressor(random_state=0).fit(x, x[:, 0]), ["prediction"]),
            (
                lambda x, _: RandomForestRegressor(3, random_state=0).fit(x, x[:, :2]),
                ["prediction_0", "prediction_1"],
            ),
            (
                lambda x, _: IsolationForest(n_estimators=5, random_state=0).fit(x),
                ["score", "label"],
            ),
        ],
    )
    def test_names(self, make: Any, names: list[str], tmp_path: Path) -> None:
        random = np.random.default_rng(4)
        rows = random.normal(size=(200, 3))
        fitted = make(rows, random.choice(["a", "b", "c"], 200))
        monobloc.pack(fitted, tmp_path / "x.bloc", reference=rows, validation=rows[:50])
        found = by_name(packed(tmp_path / "x.bloc")[0]["outputs"]["distributions"])
        assert list(found) == names
        if "score" in found:
            scores = fitted.score_samples(rows[:50])
            assert np.isclose(found["score"]["values"]["numbers"]["mean"], scores.mean())
            labels = found["label"]["values"]["categories"]
            outliers = int((fitted.predict(rows[:50]) == -1).sum())
            assert (labels["names"], labels["counts"]) == (["-1", "1"], [outliers, 50 - outliers])

    def test_rows_that_the_model_refuses_are_left_out(self, tmp_path: Path) -> None:
        frame = pd.DataFrame({"a": np.arange(60.0), "b": list("xyz") * 20})
        columns = make_column_transformer((OneHotEncoder(), ["b"]), remainder="passthrough")
        fitted = make_pipeline(columns, forest()).fit(frame, frame["a"] > 30)
        fresh = frame.copy()
        fresh.loc[[3, 40, 41], "b"] = "unknown"
        path = tmp_path / "x.bloc"
        report = monobloc.pack(fitted, path, reference=frame, validation=fresh)
        assert (report.validation_rows, report.unanswered_rows) == (57, 3)
        assert "3 refused" in str(report)
        with pytest.raises(monobloc.InvalidArgumentError, match="refuses all rows of validation"):
            monobloc.pack(fitted, path, reference=frame, validation=fresh.loc[[3, 40]])

    def test_validation_must_be_like_the_reference(self, tmp_path: Path) -> None:
        frame = loans(100, 1)
        fitted, path = model(frame), tmp_path / "x.bloc"
        with pytest.raises(monobloc.InvalidArgumentError, match=r"validation lacks .*'age'"):
            monobloc.pack(fitted, path, reference=frame, validation=frame.drop(columns="age"))
        wrong = frame.assign(age="old")
        with pytest.raises(monobloc.InvalidArgumentError, match=r"validation holds .*'age'"):
            monobloc.pack(fitted, path, reference=frame, validation=wrong)
        assert not path.exists()


def parts(frame: Any, size: int = 37) -> Iterator[Any]:
    return (frame[start : start + size] for start in range(0, len(frame), size))


class TestBatches:
    @pytest.fixture(scope="class")
    @classmethod
    def frame(cls) -> pd.DataFrame:
        return loans(400, 1).astype(dict.fromkeys(STRINGS, "str"))

    @pytest.fixture(scope="class")
    @classmethod
    def whole(cls, frame: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
        path = tmp_path_factory.mktemp("whole") / "x.bloc"
        monobloc.pack(model(frame), path, reference=frame)
        return path

    @pytest.mark.parametrize("form", ["frames", "stream", "scanner", "tables", "polars"])
    def test_are_as_the_whole(
        self, form: str, frame: pd.DataFrame, whole: Path, tmp_path: Path
    ) -> None:
        table = pa.Table.from_pandas(frame, preserve_index=False)
        reference = {
            "frames": lambda: parts(frame),
            "stream": lambda: pa.RecordBatchReader.from_batches(
                table.schema, table.to_batches(max_chunksize=50)
            ),
            "scanner": lambda: pyarrow.dataset.dataset(table).scanner(batch_size=64),
            "tables": lambda: parts(table),
            "polars": lambda: (polars.from_pandas(part) for part in parts(frame)),
        }[form]()
        monobloc.pack(model(frame), tmp_path / "x.bloc", reference=reference)
        found, manifest = packed(tmp_path / "x.bloc")
        expected, expected_manifest = packed(whole)
        assert found["fields"] == expected["fields"]
        for key in ("reference_digest", "reference_rows"):
            assert manifest["provenance"][key] == expected_manifest["provenance"][key]
        if form != "polars":
            assert found == expected
            assert manifest["sanity"] == expected_manifest["sanity"]
            assert manifest["schema"] == expected_manifest["schema"]

    def test_arrays(self, tmp_path: Path) -> None:
        rows = np.random.default_rng(5).normal(size=(500, 4))
        fitted = DecisionTreeRegressor(random_state=0).fit(rows, rows[:, 0])
        one = monobloc.pack(fitted, tmp_path / "x.bloc", reference=rows)
        other = monobloc.pack(fitted, tmp_path / "x.bloc", reference=parts(rows))
        assert one == other

    @pytest.mark.parametrize("suffix", ["parquet", "feather", "arrow", "csv", "csv.gz"])
    def test_files(self, suffix: str, tmp_path: Path) -> None:
        rows = BATCH_ROWS + 500
        random = np.random.default_rng(6)
        frame = pd.DataFrame({"a": random.normal(size=rows), "n": np.arange(rows)})
        frame["t"] = random.choice(["x", "y"], rows)
        path = tmp_path / f"rows.{suffix}"
        match suffix:
            case "parquet":
                # pandas reads n as float64 where a row of it is missing, wherever that is.
                frame.loc[rows - 1, "n"] = np.nan
                frame.astype({"n": "Int64"}).to_parquet(path)
                back = pd.read_parquet(path).astype({"n": "float64"})
                table = pa.Table.from_pandas(frame.astype({"n": "Int64"}), preserve_index=False)
                pa.parquet.write_table(table.replace_schema_metadata(None), path)
                frame = back
            case "feather":
                frame.to_feather(path)
            case "arrow":
                table = pa.Table.from_pandas(frame)
                with pa.ipc.new_stream(path, table.schema) as stream:
                    stream.write_table(table)
            case _:
                frame.to_csv(path, index=False)
        tree = DecisionTreeClassifier(max_depth=3, random_state=0)
        columns = make_column_transformer((OneHotEncoder(), ["t"]), remainder=SimpleImputer())
        fitted = make_pipeline(columns, tree).fit(frame, frame["a"] > 0)
        monobloc.pack(fitted, tmp_path / "whole.bloc", reference=frame)
        report = monobloc.pack(fitted, tmp_path / "x.bloc", reference=path)
        assert report.reference_rows == rows
        found, manifest = packed(tmp_path / "x.bloc")
        expected, expected_manifest = packed(tmp_path / "whole.bloc")
        assert found["fields"] == expected["fields"]
        assert manifest["schema"] == expected_manifest["schema"]
        provenance, known = manifest["provenance"], expected_manifest["provenance"]
        assert provenance["reference_digest"] == known["reference_digest"]
        assert provenance["reference_source"] == str(path)
        assert "reference_source" not in known

    def test_validation_and_rules(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(EvenSample, "CAPACITY", 1000)
        random = np.random.default_rng(7)
        rows = random.normal(size=(20_000, 2))
        rows[15_000:, 1] = np.nan
        rows[:, 0].sort()
        fitted = make_pipeline(SimpleImputer(), DecisionTreeRegressor(max_depth=3, random_state=0))
        fitted.fit(rows, rows[:, 0])
        path = tmp_path / "x.bloc"
        report = monobloc.pack(
            fitted, path, reference=parts(rows, 999), validation=parts(rows[:3000], 100)
        )
        assert (report.reference_rows, report.validation_rows) == (20_000, 1000)
        sanity = packed(path)[1]["sanity"]["fields"]
        assert sanity["x1"]["missing_rate"] == 0.25
        # Of the first thousand rows of a sorted column the median would be far below.
        assert abs(sanity["x0"]["impute"]) < 0.15

    @pytest.mark.parametrize(
        ("second", "said"),
        [
            ({"age": ["old"] * 10}, "batch 2 of the reference holds string values in field 'age'"),
            (
                {"age": [1.5] * 10},
                "batch 2 of the reference holds float values of type float64.*'age'",
            ),
            ({"age": [np.nan] * 10}, "batch 2 of the reference has missing values in field 'age'"),
            ({"ok": [2] * 10}, "batch 2 of the reference holds integer values.*'ok'"),
            ({"level": pd.Categorical(["z"] * 10)}, "of other categories in field 'level'"),
        ],
    )
    def test_another_type_in_a_later_batch(
        self, second: dict[str, Any], said: str, tmp_path: Path
    ) -> None:
        frame = pd.DataFrame({"age": range(10), "ok": [True, False] * 5})
        frame["level"] = pd.Categorical(list("xy") * 5)
        columns = make_column_transformer(("passthrough", ["age"]))
        fitted = make_pipeline(columns, forest()).fit(frame, frame["ok"])
        batches = iter([frame, frame.assign(**second)])
        with pytest.raises(monobloc.InvalidArgumentError, match=said):
            monobloc.pack(fitted, tmp_path / "x.bloc", reference=batches)

    def test_what_missing_values_are_may_show_later(self, tmp_path: Path) -> None:
        frame = pd.DataFrame({"t": np.array(["x", "y", "x", None] * 10, dtype=object)})
        first = pd.DataFrame({"t": np.array(["x", "y"] * 10, dtype=object)})
        whole = pd.concat([first, frame], ignore_index=True)
        fitted = make_pipeline(OneHotEncoder(), forest()).fit(whole, whole["t"] == "x")
        monobloc.pack(fitted, tmp_path / "x.bloc", reference=iter([first, frame]))
        monobloc.pack(fitted, tmp_path / "y.bloc", reference=whole)
        assert packed(tmp_path / "x.bloc")[1]["schema"] == packed(tmp_path / "y.bloc")[1]["schema"]

    @pytest.mark.parametrize(
        ("reference", "said"),
        [
            ("rows.xlsx", "expected rows, or the path of a file that ends in one of .parquet"),
            ("nowhere.csv", "which is no file"),
            (iter([]), "the reference has no rows"),
        ],
    )
    def test_what_is_none(self, reference: Any, said: str, tmp_path: Path) -> None:
        frame = loans(60, 1)
        with pytest.raises(monobloc.InvalidArgumentError, match=said):
            monobloc.pack(model(frame), tmp_path / "x.bloc", reference=reference)

    def test_an_even_sample_does_not_depend_on_batches(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(EvenSample, "CAPACITY", 500)
        numbers = np.arange(20_000)
        samples = []
        for size in (20_000, 777, 13):
            sample = EvenSample()
            for part in parts(numbers, size):
                sample.add([part])
            samples.append(sample.columns()[0])
        assert len(samples[0]) == 500
        assert (np.diff(samples[0]) > 0).all()
        assert abs(samples[0].mean() - 10_000) < 1_500
        assert all((sample == samples[0]).all() for sample in samples)

    MEMORY = """
import sys
import monobloc, numpy as np, pandas as pd
from sklearn.tree import DecisionTreeRegressor

def frames(rows):
    random = np.random.default_rng(0)
    for _ in range(0, rows, 50_000):
        yield pd.DataFrame(random.normal(size=(50_000, 10)), columns=list("abcdefghij"))

def peak():
    status = open("/proc/self/status").read()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024

first = next(frames(50_000))
tree = DecisionTreeRegressor(max_depth=3).fit(first, first["a"])
monobloc.pack(tree, sys.argv[1], reference=frames(500_000))
before = peak()
report = monobloc.pack(tree, sys.argv[1], reference=frames(3_000_000))
print(report.reference_rows, peak() - before)
"""

    @pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
    def test_memory_is_bounded(self, tmp_path: Path) -> None:
        run = [sys.executable, "-c", self.MEMORY, str(tmp_path / "x.bloc")]
        found = subprocess.run(run, capture_output=True, text=True, check=True).stdout.split()
        rows, grown = map(int, found)
        # The rows take 240 MB.
        assert rows == 3_000_000
        assert grown < 60_000_000, f"{grown:,} bytes more for six times the rows"


class TestProvenance:
    def test_the_digest_is_as_format_md_defines_it(self, tmp_path: Path) -> None:
        frame = pd.DataFrame({"é": [1.0, np.nan], "t": pd.Series(["ab", None], dtype="str")})
        builder = ReferenceBuilder(
            json.dumps(
                {
                    "fields": [
                        {"name": "é", "kind": "float", "dtype": "float64", "null": "nan"},
                        {"name": "t", "kind": "string", "dtype": "str", "null": "nan"},
                    ]
                }
            )
        )
        builder.add(frame)
        columns = {
            "é": b"\1" + struct.pack("<d", 1.0) + b"\0",
            "t": b"\3" + struct.pack("<Q", 2) + b"ab" + b"\0",
        }
        digest = hashlib.sha256()
        for name, values in columns.items():
            text = name.encode()
            digest.update(struct.pack("<Q", len(text)) + text)
            digest.update(hashlib.sha256(values).hexdigest().encode())
        assert builder.digest == f"sha256:{digest.hexdigest()}"
        assert builder.rows == 2
        builder.finish()
        with pytest.raises(monobloc.InvalidArgumentError, match="has made its reference"):
            builder.add(frame)

    def test_it_says_where_the_rows_are_from(self, tmp_path: Path) -> None:
        frame = loans(100, 1)
        path = tmp_path / "x.bloc"
        said = {"reference_source": "lake://loans/2026", "reference_rows": "many"}
        monobloc.pack(model(frame), path, reference=frame, provenance=said)
        provenance = packed(path)[1]["provenance"]
        assert provenance["reference_source"] == "lake://loans/2026"
        assert provenance["reference_rows"] == "100"
        other = frame.copy()
        other.loc[50, "age"] += 1
        digest = provenance["reference_digest"]
        monobloc.pack(model(frame), path, reference=other)
        assert packed(path)[1]["provenance"]["reference_digest"] != digest


class TestSize:
    def test_of_200_columns(self, tmp_path: Path) -> None:
        random = np.random.default_rng(8)
        frame = pd.DataFrame(
            random.normal(size=(20_000, 150)), columns=map("n{}".format, range(150))
        )
        texts = [f"category {number}" for number in range(300)]
        for number in range(50):
            frame[f"t{number}"] = random.choice(texts, len(frame))
        columns = make_column_transformer(("passthrough", ["n0"]))
        fitted = make_pipeline(columns, DecisionTreeRegressor(max_depth=3)).fit(frame, frame["n0"])
        report = monobloc.pack(fitted, tmp_path / "x.bloc", reference=frame)
        with zipfile.ZipFile(tmp_path / "x.bloc") as bloc:
            assert bloc.getinfo("reference.json").file_size == report.reference_bytes
        assert report.reference_bytes < 1_000_000, f"{report.reference_bytes:,}"


class TestOldBlocs:
    def test_an_older_layout_counts_as_none(self, credit: Credit, tmp_path: Path) -> None:
        with zipfile.ZipFile(credit.bloc) as bloc:
            members = {name: bloc.read(name) for name in bloc.namelist()}
        manifest = json.loads(members["manifest.json"])
        member = next(m for m in manifest["members"] if m["name"] == "reference.json")
        assert (member["version"], member["critical"]) == (2, False)
        new, changes = re.subn(
            rb'("name": "reference.json",\s+"version": )2', rb"\g<1>1", credit.bloc.read_bytes()
        )
        assert changes == 1
        path = tmp_path / "old.bloc"
        path.write_bytes(rezipped(new, members["manifest.json"]))
        engine = monobloc.load(path)
        assert engine.digest != monobloc.load(credit.bloc).digest
        run = [sys.executable, "-m", "monobloc", "inspect", "--json", str(path)]
        shown = subprocess.run(run, capture_output=True, check=True).stdout
        assert json.loads(shown)["reference"] is None


def rezipped(changed: bytes, manifest: bytes) -> bytes:
    """The file with the CRC-32 of its changed manifest."""
    start = changed.index(b"{")
    crc = struct.pack("<I", zlib.crc32(changed[start : start + len(manifest)]))
    return changed.replace(struct.pack("<I", zlib.crc32(manifest)), crc)
