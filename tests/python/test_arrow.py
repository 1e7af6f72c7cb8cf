"""Arrow in and out: tables of any producer, IPC bodies, and predictions as tables."""

from __future__ import annotations

import datetime
import decimal
import io
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import monobloc
import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

pa = pytest.importorskip("pyarrow")

NUMBERS = ["small", "whole", "flag"]
N_ROWS = 300


def columns() -> dict[str, list[Any]]:
    rng = np.random.default_rng(7)
    holes = rng.random((4, N_ROWS)) < 0.2
    values = {
        "small": rng.integers(0, 100, N_ROWS).tolist(),
        "whole": rng.integers(-(2**40), 2**40, N_ROWS).tolist(),
        "flag": rng.integers(0, 2, N_ROWS).tolist(),
        "region": rng.choice(["north", "süd", "a region of many bytes", ""], N_ROWS).tolist(),
    }
    return {
        name: [None if hole else value for value, hole in zip(column, row, strict=True)]
        for (name, column), row in zip(values.items(), holes, strict=True)
    }


def table(**types: Any) -> Any:
    return pa.table({name: pa.array(column, types.get(name)) for name, column in columns().items()})


def rows() -> list[dict[str, Any]]:
    return table().to_pylist()


def packed(folder: Path, model: Any, target: Any) -> Any:
    frame = pd.DataFrame(rows())
    frame = frame.astype(dict.fromkeys(NUMBERS, float)).astype({"region": object})
    prepare = make_column_transformer(
        (SimpleImputer(), NUMBERS),
        (OneHotEncoder(handle_unknown="ignore"), ["region"]),
    )
    monobloc.pack(
        make_pipeline(prepare, model).fit(frame, target), folder / "arrow.bloc", reference=frame
    )
    return monobloc.load(folder / "arrow.bloc", max_body_bytes=1 << 20)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Any:
    labels = np.random.default_rng(8).choice(["no", "perhaps", "yes"], N_ROWS)
    return packed(
        tmp_path_factory.mktemp("arrow"), RandomForestClassifier(20, random_state=0), labels
    )


@pytest.fixture(scope="module")
def regressor(tmp_path_factory: pytest.TempPathFactory) -> Any:
    model = RandomForestRegressor(20, random_state=0)
    return packed(tmp_path_factory.mktemp("arrow"), model, np.arange(float(N_ROWS)))


def body(given: Any, *, file: bool = False) -> bytes:
    sink = io.BytesIO()
    with (pa.ipc.new_file if file else pa.ipc.new_stream)(sink, given.schema) as writer:
        writer.write(given)
    return sink.getvalue()


def read(given: bytes) -> Any:
    return pa.ipc.open_stream(given).read_all()


class Exported:
    """What has Arrow's interface and nothing else."""

    def __init__(self, table: Any) -> None:
        self._table = table

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self._table.__arrow_c_stream__(requested_schema)


class ExportedArray:
    def __init__(self, batch: Any) -> None:
        self._batch = batch

    def __arrow_c_array__(self, requested_schema: Any = None) -> Any:
        return self._batch.__arrow_c_array__(requested_schema)


def runs(values: list[Any], kind: Any) -> Any:
    ends = pa.array(range(1, len(values) + 1), pa.int32())
    return pa.RunEndEncodedArray.from_arrays(ends, pa.array(values, kind))


def forms() -> dict[str, Any]:
    plain = table()
    frame = pl.from_arrow(plain)
    halves = pa.concat_tables([plain[:77], plain[77:78], plain[78:78], plain[78:]])
    listed = columns()
    return {
        "table": plain,
        "batch": plain.to_batches()[0],
        "reader": plain.to_reader(),
        "chunks": halves,
        "large": table(region=pa.large_utf8(), small=pa.uint8(), whole=pa.int64(), flag=pa.int8()),
        "view": table(region=pa.string_view(), small=pa.int16(), flag=pa.uint16()),
        "floats": table(small=pa.float32(), whole=pa.float64(), flag=pa.float16()),
        "wide": table(small=pa.uint32(), whole=pa.int64(), flag=pa.uint64()),
        "boolean": plain.set_column(2, "flag", plain["flag"].cast(pa.bool_())),
        "decimals": table(small=pa.decimal128(20, 3), whole=pa.decimal256(60, 20)),
        "dictionary": table(region=pa.dictionary(pa.int8(), pa.utf8())),
        "dictionaries": plain.set_column(0, "small", plain["small"].dictionary_encode()).set_column(
            3, "region", table(region=pa.large_utf8())["region"].dictionary_encode()
        ),
        "runs": plain.set_column(3, "region", runs(listed["region"], pa.utf8())).set_column(
            1, "whole", runs(listed["whole"], pa.int64())
        ),
        "sliced": pa.concat_tables([plain[-5:], plain, plain[:9]]).combine_chunks()[5:-9],
        "unread": plain.append_column(
            "when", pa.array([datetime.date(2020, 1, 1)] * N_ROWS)
        ).append_column("parts", pa.array([[1]] * N_ROWS)),
        "order": plain.select(["region", "flag", "whole", "small"]),
        "polars": frame,
        "polars categories": frame.with_columns(pl.col("region").cast(pl.Categorical)),
        "polars enum": frame.with_columns(
            pl.col("region").cast(pl.Enum(["", "süd", "north", "a region of many bytes"]))
        ),
        "polars chunks": pl.concat([frame[:50], frame[50:]], rechunk=False),
        "polars series": {name: frame[name] for name in frame.columns},
        "stream": Exported(plain),
        "array": ExportedArray(plain.to_batches()[0]),
    }


@pytest.mark.parametrize("name", forms())
def test_every_form_gives_the_same_bytes(engine: Any, name: str) -> None:
    expected = engine.predict_proba(rows()).tobytes()
    given = forms()[name]
    assert engine.predict_proba(given).tobytes() == expected
    if isinstance(given, pa.Table):
        answers = read(engine.run_arrow(body(given)))
        assert answers["status"].to_pylist() == ["ok"] * N_ROWS
        flat = np.array(answers["probabilities"].to_pylist())
        assert flat.tobytes() == expected
        assert answers["label"].to_pylist() == engine.predict(rows()).tolist()


def test_slices_of_every_form(engine: Any) -> None:
    expected = engine.predict_proba(rows())
    for name, given in forms().items():
        if isinstance(given, pa.Table | pa.RecordBatch | pl.DataFrame):
            for start, stop in ((0, 1), (7, 19), (N_ROWS - 1, N_ROWS), (5, 5)):
                found = engine.predict_proba(given[start:stop])
                assert found.tobytes() == expected[start:stop].tobytes(), (name, start, stop)


def test_numbers_as_text_and_rejected_rows(engine: Any, tmp_path: Path) -> None:
    monobloc.edit_sanity(engine.path, tmp_path / "m.bloc", {"small": {"on_missing": "reject"}})
    engine = monobloc.load(tmp_path / "m.bloc")
    numbers = pa.table({**columns(), "small": ["1_0", " 7 ", None] + ["x"] * (N_ROWS - 3)})
    prediction = engine.run(numbers)
    status = ["flagged", "flagged"] + ["rejected"] * (N_ROWS - 2)
    assert prediction.verdicts.status.tolist() == status
    answers = read(engine.run_arrow(body(numbers)))
    assert answers == pa.table(prediction)
    assert answers["status"].to_pylist() == status
    found = answers["findings"].to_pylist()
    assert found[0][0]["reason"] == 'found the text "1_0", expected a number; 10 is used instead'
    assert [len(findings) for findings in found] == [1] * N_ROWS
    assert answers["label"].null_count == answers["probabilities"].null_count == N_ROWS - 2
    everything = engine.run(pa.table({**columns(), "small": ["x"] * N_ROWS}))
    assert pa.table(everything).schema == answers.schema


@pytest.mark.parametrize(
    "column",
    [
        pa.array([datetime.date(2020, 1, 1)] * N_ROWS),
        pa.array([datetime.datetime(2020, 1, 1)] * N_ROWS),
        pa.array([b"12"] * N_ROWS),
        pa.array([[1]] * N_ROWS),
        pa.array([{"a": 1}] * N_ROWS),
        pa.array([datetime.date(2020, 1, 1)] * N_ROWS).dictionary_encode(),
    ],
    ids=lambda column: str(column.type),
)
def test_a_type_that_no_field_takes_is_named(engine: Any, column: Any) -> None:
    given = table().set_column(0, "small", column)
    for call in (engine.run, engine.predict, lambda given: engine.run_arrow(body(given))):
        with pytest.raises(monobloc.SchemaError, match='"small" is of Arrow\'s type') as caught:
            call(given)
        assert caught.value.field == "small"


def test_tables_of_other_columns(engine: Any) -> None:
    plain = table()
    for call in (engine.run, lambda given: engine.run_arrow(body(given))):
        with pytest.raises(monobloc.SchemaError, match='lacks "whole"'):
            call(plain.drop_columns(["whole"]))
        with pytest.raises(monobloc.SchemaError, match='the column "flag" twice'):
            call(plain.append_column("flag", plain["flag"]))
        with pytest.raises(monobloc.SchemaError, match="lacks"):
            call(plain.select([]))
    with pytest.raises(monobloc.SchemaError, match="ChunkedArray"):
        engine.run(plain["flag"])


def test_nulls_and_nothing(engine: Any) -> None:
    nothing = pa.table({name: pa.nulls(5) for name in columns()})
    expected = engine.predict_proba([dict.fromkeys(columns())] * 5).tobytes()
    assert engine.predict_proba(nothing).tobytes() == expected
    empty = table()[:0]
    assert engine.predict_proba(empty).shape == (0, 3)
    without = pa.Table.from_batches([], empty.schema)
    for given in (empty, without):
        assert read(engine.run_arrow(body(given))).num_rows == 0
        assert pa.table(engine.run(given)).num_rows == 0


def test_decimals_are_the_nearest_floats(regressor: Any) -> None:
    values = [decimal.Decimal("0.1"), decimal.Decimal("12345678901234567.89"), None]
    part = table()[:3].set_column(0, "small", pa.array(values, pa.decimal128(30, 5)))
    floats = table()[:3].set_column(0, "small", pa.array([0.1, 12345678901234567.89, None]))
    assert regressor.transform(part).tobytes() == regressor.transform(floats).tobytes()


def test_files_and_streams(engine: Any, regressor: Any) -> None:
    given = forms()["chunks"]
    for one in (engine, regressor):
        stream = one.run_arrow(body(given))
        assert one.run_arrow(body(given, file=True)) == stream
        assert one.run_arrow(memoryview(body(given))) == stream
        assert read(stream) == pa.table(one.run(given))
    dictionaries = forms()["dictionaries"]
    assert engine.run_arrow(body(dictionaries, file=True)) == engine.run_arrow(body(dictionaries))


def test_predictions_are_tables(engine: Any, regressor: Any) -> None:
    prediction = engine.run(table())
    made = pa.table(prediction)
    assert made.schema == pa.schema(
        [
            ("label", pa.utf8()),
            ("probabilities", pa.list_(pa.field("item", pa.float64()), 3)),
            pa.field("status", pa.utf8(), nullable=False),
            pa.field("findings", made.schema.field("findings").type, nullable=False),
        ]
    )
    assert pa.record_batch(prediction).to_pydict() == made.to_pydict()
    assert pl.DataFrame(prediction)["label"].to_list() == engine.predict(rows()).tolist()
    assert pa.table(prediction) == made
    numbers = pa.table(regressor.run(table()))
    assert numbers["prediction"].to_numpy().tobytes() == regressor.predict(rows()).tobytes()
    if hasattr(pd.DataFrame, "from_arrow"):
        assert pd.DataFrame.from_arrow(prediction).shape == (N_ROWS, 4)


def test_malformed_bodies_are_refused(engine: Any) -> None:
    whole = body(table())
    file = body(table(), file=True)
    cases = [b"", b"ARROW1", b"{}", whole[:-9], whole[:100], whole + b"x", file[:-11], file[:500]]
    for case in cases:
        with pytest.raises(monobloc.MalformedRequestError, match="no Arrow IPC") as caught:
            engine.run_arrow(case)
        assert caught.value.http_status == 400
    with pytest.raises(monobloc.TooLargeError, match="at most 1048576"):
        engine.run_arrow(bytes((1 << 20) + 1))
    with pytest.raises(monobloc.TooLargeError, match="300000000 rows"):
        engine.run_arrow(body(pa.table({name: pa.nulls(300_000_000) for name in columns()})))


def test_keys_beyond_the_dictionary_are_no_values(engine: Any) -> None:
    keys = pa.array([0, 9, 1] * (N_ROWS // 3), pa.int8())
    wrong = pa.DictionaryArray.from_arrays(keys, pa.array([1.0, 2.0]), safe=False)
    given = table().set_column(0, "small", wrong)
    kinds = [[f.kind for f in verdict.findings] for verdict in engine.run(given).verdicts]
    assert kinds == [[], ["wrong_type"], []] * (N_ROWS // 3)
    with pytest.raises(monobloc.MalformedRequestError):
        engine.run_arrow(body(given))


def test_arrays_that_were_never_validated(engine: Any) -> None:
    offsets = pa.py_buffer(np.array([0, 3, 2, 99, 3], dtype=np.int32).tobytes())
    text = pa.py_buffer(b"abc\xff")
    wrong = pa.Array.from_buffers(pa.utf8(), 4, [None, offsets, text])
    engine.run(table()[:4].set_column(3, "region", wrong))
    verdicts = engine.run(table()[:4].set_column(0, "small", wrong)).verdicts
    assert {finding.kind for verdict in verdicts for finding in verdict.findings} == {"wrong_type"}
    assert "ok" not in verdicts.status


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


@pytest.mark.parametrize("form", ["in", "out", "bytes", "failing"])
def test_memory_does_not_grow(engine: Any, form: str) -> None:
    given, dates = table()[:20], table()[:20].append_column("x", pa.array(range(20)))
    sent, prediction = body(given), engine.run(given)
    broken = dates.set_column(0, "small", pa.array([[1]] * 20))

    def fail() -> None:
        with pytest.raises(monobloc.SchemaError):
            engine.run(broken)

    calls: dict[str, Callable[[], Any]] = {
        "in": lambda: engine.predict_proba(given),
        "out": lambda: (
            pa.table(prediction),
            prediction.__arrow_c_stream__(),
            prediction.__arrow_c_array__(),
        ),
        "bytes": lambda: engine.run_arrow(sent),
        "failing": fail,
    }
    call = calls[form]
    for _ in range(2_000):
        call()
    before = resident()
    for _ in range(20_000):
        call()
    assert resident() - before < 4 << 20
