"""`monobloc predict` on Parquet. PARQUET_COMMAND is a command that was built with it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pandas as pd
import polars
import pyarrow as pa
import pyarrow.parquet
import pytest
from conftest import Credit
from test_predict import predict

COMMAND = os.environ.get("PARQUET_COMMAND")
built_with_parquet = pytest.mark.skipif(COMMAND is None, reason="make test-parquet builds it")


def answers(*arguments: Any) -> bytes:
    command = [str(COMMAND), "predict", *map(str, arguments)]
    run = subprocess.run(command, capture_output=True, timeout=120)
    assert run.returncode == 0, run.stderr.decode()
    return run.stdout


@pytest.fixture(scope="module")
def frame(credit: Credit) -> pd.DataFrame:
    """The live rows, twenty times, with their numbers."""
    return pd.concat([credit.frame] * 20, ignore_index=True).rename_axis("number").reset_index()


def test_a_build_without_parquet_says_so(credit: Credit, tmp_path: Path) -> None:
    credit.frame.to_parquet(tmp_path / "rows.parquet")
    run = predict(credit.bloc, tmp_path / "rows.parquet", "--out", tmp_path / "out.csv")
    assert run.returncode == 1
    assert run.stderr.count(b"\n") == 1
    assert b"this build reads no Parquet; expected one with the cargo feature parquet" in run.stderr
    (tmp_path / "rows.parquet").rename(tmp_path / "rows.csv")
    run = predict(credit.bloc, tmp_path / "rows.csv", "--out", tmp_path / "out.parquet")
    assert b"answers are not written as Parquet" in run.stderr
    assert os.listdir(tmp_path) == ["rows.csv"]


@built_with_parquet
@pytest.mark.parametrize("compression", ["snappy", "gzip", "lz4", "zstd", None])
def test_answers_are_those_of_csv(
    credit: Credit, frame: pd.DataFrame, tmp_path: Path, compression: str | None
) -> None:
    frame.to_csv(tmp_path / "rows.csv", index=False)
    frame.to_parquet(tmp_path / "rows.parquet", compression=compression, row_group_size=3_000)
    options = ("--id", "number", "--id", "region", "--threads", "3")
    expected = answers(credit.bloc, tmp_path / "rows.csv", *options)
    assert answers(credit.bloc, tmp_path / "rows.parquet", *options) == expected


@built_with_parquet
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


@built_with_parquet
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
    command = [str(COMMAND), "predict", credit.bloc, path, "--id", "other"]
    assert subprocess.run(command, capture_output=True).returncode == 1


@built_with_parquet
def test_wrong_files_are_one_line(credit: Credit, tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    path.write_bytes(b"PAR1" + bytes(100))
    run = subprocess.run(
        [str(COMMAND), "predict", credit.bloc, path, "--out", tmp_path / "out.csv"],
        capture_output=True,
    )
    assert run.returncode == 1
    assert run.stderr.count(b"\n") == 1
    assert b"it is no Parquet that is taken" in run.stderr
    run = subprocess.run(
        [str(COMMAND), "predict", credit.bloc, "-", "--format", "parquet"],
        capture_output=True,
        input=path.read_bytes(),
    )
    assert b"expected the path of a file" in run.stderr
    assert os.listdir(tmp_path) == ["rows.parquet"]
