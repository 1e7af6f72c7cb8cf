"""`monobloc predict` on Parquet."""

from __future__ import annotations

import os
import random
import resource
from pathlib import Path

import pandas as pd
import polars
import pyarrow as pa
import pyarrow.parquet
import pytest
from conftest import Credit
from test_predict import answers, predict


@pytest.fixture(scope="module")
def frame(credit: Credit) -> pd.DataFrame:
    """The live rows, twenty times, with their numbers."""
    return pd.concat([credit.frame] * 20, ignore_index=True).rename_axis("number").reset_index()


def test_answers_are_not_written_as_parquet(credit: Credit, tmp_path: Path) -> None:
    credit.frame.to_csv(tmp_path / "rows.csv", index=False)
    run = predict(credit.bloc, tmp_path / "rows.csv", "--out", tmp_path / "out.parquet")
    assert b"answers are not written as Parquet" in run.stderr
    assert os.listdir(tmp_path) == ["rows.csv"]


@pytest.mark.parametrize("compression", ["snappy", "gzip", "lz4", "zstd", None])
def test_answers_are_those_of_csv(
    credit: Credit, frame: pd.DataFrame, tmp_path: Path, compression: str | None
) -> None:
    frame.to_csv(tmp_path / "rows.csv", index=False)
    frame.to_parquet(tmp_path / "rows.parquet", compression=compression, row_group_size=3_000)
    options = ("--id", "number", "--id", "region", "--threads", "3")
    expected = answers(credit.bloc, tmp_path / "rows.csv", *options)
    assert answers(credit.bloc, tmp_path / "rows.parquet", *options) == expected


def test_what_polars_writes_has_the_answers_of_arrow(
    credit: Credit, frame: pd.DataFrame, tmp_path: Path
) -> None:
    table = polars.from_pandas(frame).with_columns(polars.col("region").cast(polars.Categorical))
    table.write_parquet(tmp_path / "rows.parquet")
    table.write_ipc(tmp_path / "rows.arrow")
    for name in ("rows.parquet", "rows.arrow"):
        answers(
            credit.bloc, tmp_path / name, "--id", "region", "--out", tmp_path / f"{name}.out.arrow"
        )
    found, expected = (
        pa.ipc.open_file(tmp_path / f"{name}.out.arrow").read_all()
        for name in ("rows.parquet", "rows.arrow")
    )
    assert found["region"].to_pylist() == expected["region"].to_pylist()
    assert found.drop_columns(["region"]).equals(expected.drop_columns(["region"]))


def test_columns_that_are_not_read_may_be_broken(
    credit: Credit, frame: pd.DataFrame, tmp_path: Path
) -> None:
    frame.to_csv(tmp_path / "rows.csv", index=False)
    path = tmp_path / "rows.parquet"
    table = pa.Table.from_pandas(frame.assign(other=[f"other {at}" for at in frame.index]))
    pa.parquet.write_table(table, path, compression="none", use_dictionary=False)
    there = path.read_bytes()
    begin = there.index(b"other 0")
    path.write_bytes(there[:begin] + bytes(1000) + there[begin + 1000 :])
    expected = answers(credit.bloc, tmp_path / "rows.csv")
    assert answers(credit.bloc, path) == expected
    assert predict(credit.bloc, path, "--id", "other").returncode == 1


def test_wrong_files_are_one_line(credit: Credit, tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    path.write_bytes(b"PAR1" + bytes(100))
    run = predict(credit.bloc, path, "--out", tmp_path / "out.csv")
    assert run.returncode == 1
    assert run.stderr.count(b"\n") == 1
    assert b"it is no Parquet that is taken" in run.stderr
    run = predict(credit.bloc, "-", "--format", "parquet", input=path.read_bytes())
    assert b"expected the path of a file" in run.stderr
    assert os.listdir(tmp_path) == ["rows.parquet"]


def test_damaged_files_are_one_line(credit: Credit, tmp_path: Path) -> None:
    """Bytes flipped anywhere, most of them in the file's description of itself: no crash, no memory
    beyond what a file of this size takes, and answers or one line."""
    path = tmp_path / "rows.parquet"
    credit.frame.to_parquet(path, compression="zstd", row_group_size=300)
    there = path.read_bytes()
    description = len(there) - 8 - int.from_bytes(there[-8:-4], "little")
    chance = random.Random(20)
    refused = 0
    for _ in range(400):
        damaged = bytearray(there)
        begin = description if chance.random() < 0.8 else 0
        for _ in range(chance.choice([1, 1, 2, 8])):
            damaged[chance.randrange(begin, len(there))] = chance.randrange(256)
        path.write_bytes(damaged)
        run = predict(credit.bloc, path, preexec_fn=bounded)
        assert run.returncode in (0, 1), (run.returncode, run.stderr)
        assert run.stderr.count(b"\n") == 1, run.stderr
        refused += run.returncode
    assert refused > 100


def bounded() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (2**32, 2**32))
