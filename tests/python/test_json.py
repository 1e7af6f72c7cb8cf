"""Request bodies through the Python face: `run_json`, and `bytes` as rows."""

from __future__ import annotations

import json
import pickle
import resource
from typing import Any

import monobloc
import numpy as np
import pytest
from conftest import Credit


@pytest.fixture(scope="module")
def engine(credit: Credit) -> monobloc.ClassifierEngine:
    return monobloc.load(credit.bloc)


def body(rows: Any) -> bytes:
    """As JSON, NaN as null."""

    def plain(value: Any) -> Any:
        if isinstance(value, float) and np.isnan(value):
            return None
        return value.item() if isinstance(value, np.generic) else value

    if isinstance(rows, dict):
        return json.dumps({name: plain(value) for name, value in rows.items()}).encode()
    return json.dumps(
        [{name: plain(value) for name, value in row.items()} for row in rows]
    ).encode()


def test_answers_are_those_of_rows(engine: monobloc.ClassifierEngine, credit: Credit) -> None:
    rows = credit.rows
    response = json.loads(engine.run_json(body(rows)))
    assert np.array(response["outputs"]["probabilities"]).tobytes() == credit.expected.tobytes()
    assert response["outputs"]["label"] == engine.predict(credit.frame).tolist()
    assert response["rows"] == len(rows)
    verdicts = engine.run(credit.frame).verdicts
    assert [row["row"] for row in response["verdicts"]] == verdicts.flagged
    for form in (bytes, bytearray, memoryview, bytes.decode):
        alone = json.loads(engine.run_json(form(body(rows[3]))))
        assert alone["outputs"]["probabilities"] == [response["outputs"]["probabilities"][3]]


def test_bytes_are_rows_for_every_method(engine: monobloc.ClassifierEngine, credit: Credit) -> None:
    rows = body(credit.rows)
    assert engine.predict_proba(rows).tobytes() == credit.expected.tobytes()
    assert engine.predict(rows).tolist() == engine.predict(credit.frame).tolist()
    assert engine.transform(rows).tobytes() == engine.transform(credit.frame).tobytes()
    assert engine.run(rows).outputs["probabilities"].tobytes() == credit.expected.tobytes()


def test_errors_have_a_status(engine: monobloc.ClassifierEngine) -> None:
    cases = [
        (b"[1", monobloc.MalformedRequestError, 400),
        (b"[[]]", monobloc.SchemaError, 422),
        (3, monobloc.InvalidArgumentError, 400),
    ]
    for given, error, status in cases:
        with pytest.raises(error) as raised:
            engine.run_json(given)  # type: ignore[arg-type]
        assert (type(raised.value), raised.value.http_status) == (error, status)
    assert monobloc.CorruptError.http_status == 503
    assert monobloc.InternalError.http_status == 500


def test_the_limit_is_kept_by_pickling(credit: Credit) -> None:
    small = monobloc.load(credit.bloc, max_body_bytes=100)
    for engine in (small, pickle.loads(pickle.dumps(small))):
        with pytest.raises(monobloc.TooLargeError, match="101 bytes; at most 100"):
            engine.run_json(b" " * 101)
        with pytest.raises(monobloc.TooLargeError):
            engine.predict(b" " * 101)


def test_many_rows_are_refused_before_they_take_memory(
    engine: monobloc.ClassifierEngine,
) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(monobloc.TooLargeError, match="send them in several requests"):
        engine.run_json(b"[" + b"{}," * 20_000_000 + b"{}]")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500_000


def test_requests_leave_nothing_behind(engine: monobloc.ClassifierEngine, credit: Credit) -> None:
    good, bad = body(credit.rows[0]), body(credit.rows[0])[:-2]

    def many(count: int) -> None:
        for _ in range(count):
            engine.run_json(good)
            with pytest.raises(monobloc.MalformedRequestError):
                engine.run_json(bad)

    many(2_000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    many(20_000)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 4_000


def test_the_schema_takes_what_is_sent(engine: monobloc.ClassifierEngine, credit: Credit) -> None:
    schema = json.loads(engine.json_schema())
    assert schema["title"] == engine.name
    assert list(schema["anyOf"][0]["properties"]) == sorted(engine.feature_names_in_)
    row = json.loads(body(credit.rows[0]))
    kinds = {str: "string", int: "number", float: "number", bool: "boolean", type(None): "null"}
    for name, value in row.items():
        assert kinds[type(value)] in schema["anyOf"][0]["properties"][name]["type"]
