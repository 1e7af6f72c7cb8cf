"""`monobloc drift`: files of rows, what services counted, pages, and what can't be read."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import monobloc
import pandas as pd
import pyarrow as pa
import pytest
import watched
from watched import UNREAD, people, renamed

ROWS = 1_500


def drift(
    *arguments: Any, given: bytes | None = None, folder: Path | None = None
) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "monobloc", "drift", *map(str, arguments)]
    return subprocess.run(command, input=given, cwd=folder, capture_output=True, timeout=60)


def report(*arguments: Any, given: bytes | None = None) -> Any:
    done = drift(*arguments, "--json", given=given)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def bloc(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return watched.pack(tmp_path_factory.mktemp("drift") / "people.bloc")


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return renamed(people(ROWS, 2))


def write_arrow(frame: pd.DataFrame, path: Path, new: Callable[..., Any]) -> None:
    table = pa.Table.from_pandas(frame, preserve_index=False)
    with pa.OSFile(str(path), "wb") as sink, new(sink, table.schema) as writer:
        writer.write_table(table)


WRITERS: dict[str, Callable[[pd.DataFrame, Path], None]] = {
    "rows.csv": lambda frame, path: frame.to_csv(path, index=False),
    "rows.jsonl": lambda frame, path: frame.to_json(path, orient="records", lines=True),
    "rows.arrow": lambda frame, path: write_arrow(frame, path, pa.ipc.new_file),
}


@pytest.mark.parametrize("name", WRITERS)
def test_files_say_what_the_engine_says_of_a_frame(
    name: str, bloc: Path, rows: pd.DataFrame, tmp_path: Path
) -> None:
    path = tmp_path / name
    WRITERS[name](rows, path)
    expected = monobloc.load(bloc).drift(rows)
    assert expected.drifted == ["country"]
    assert report(bloc, "--rows", path) == expected.to_dict()
    printed = drift(bloc, "--rows", path)
    assert printed.stdout.decode() == f"{expected}\n"
    assert printed.stderr == b""


@pytest.mark.parametrize("place", [["--rows", "-"], ["--rows", "/dev/stdin"]])
def test_standard_input(place: list[str], bloc: Path, rows: pd.DataFrame) -> None:
    given = rows.to_csv(index=False).encode()
    expected = monobloc.load(bloc).drift(rows)
    assert report(bloc, *place, "--format", "csv", given=given) == expected.to_dict()


def test_a_file_without_a_column_that_is_not_read(
    bloc: Path, rows: pd.DataFrame, tmp_path: Path
) -> None:
    path = tmp_path / "rows.csv"
    rows.drop(columns=UNREAD).to_csv(path, index=False)
    assert report(bloc, "--rows", path) == monobloc.load(bloc).drift(rows).to_dict()


def test_what_a_service_counted(bloc: Path, rows: pd.DataFrame, tmp_path: Path) -> None:
    engine: Any = monobloc.load(bloc, state_dir=tmp_path / "state")
    engine.run(rows)
    expected = engine.drift().to_dict()
    (file,) = (tmp_path / "state").iterdir()
    for state in (tmp_path / "state", file):
        found = report(bloc, "--live", state)
        found["window"] |= {name: expected["window"][name] for name in ("from", "to", "seconds")}
        assert found == expected
    assert engine.snapshot()["rows"] == ROWS
    del engine
    printed = drift(bloc, "--live", tmp_path / "state").stdout.decode()
    assert "1 of 4 columns drifted" in printed
    assert "by 1 worker" in printed
    assert "'US' fell from" in printed


def test_a_page_is_written_whole(bloc: Path, rows: pd.DataFrame, tmp_path: Path) -> None:
    path, page = tmp_path / "rows.csv", tmp_path / "page.html"
    rows.to_csv(path, index=False)
    page.write_text("before")
    done = drift(bloc, "--rows", path, "--html", page)
    assert done.returncode == 0
    assert done.stdout.startswith(b"1 of 4 columns drifted")
    assert page.read_text() == monobloc.load(bloc).drift(rows).to_html()
    assert sorted(tmp_path.iterdir()) == [page, path]


MISTAKES: dict[str, tuple[list[str], str]] = {
    "no such rows": (["people.bloc", "--rows", "no.csv"], "no.csv"),
    "no such bloc": (["no.bloc", "--rows", "rows.csv"], "no.bloc"),
    "rows that are no bloc": (["rows.csv", "--rows", "rows.csv"], "rows.csv"),
    "other columns": (["people.bloc", "--rows", "other.csv"], "age"),
    "an unknown ending": (["people.bloc", "--rows", "rows.unknown"], "--format"),
    "broken rows": (["people.bloc", "--rows", "broken.jsonl"], "line 1"),
    "a directory of rows": (["people.bloc", "--rows", "empty", "--format", "csv"], "empty"),
    "no state": (["people.bloc", "--live", "empty"], "holds no state of this bloc"),
    "no such state": (["people.bloc", "--live", "nowhere"], "nowhere"),
    "rows as state": (["people.bloc", "--live", "rows.csv"], "rows.csv"),
    "a directory as page": (
        ["people.bloc", "--rows", "rows.csv", "--html", "empty"],
        "is a directory",
    ),
    "a page nowhere": (["people.bloc", "--rows", "rows.csv", "--html", "a/b.html"], "b.html"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes_are_told_in_one_line(case: str, bloc: Path, tmp_path: Path) -> None:
    arguments, words = MISTAKES[case]
    shutil.copy(bloc, tmp_path / "people.bloc")
    people(200, 2).to_csv(tmp_path / "rows.csv", index=False)
    (tmp_path / "rows.csv").chmod(0o600)
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    (tmp_path / "rows.unknown").write_text("?")
    (tmp_path / "broken.jsonl").write_text('{"age": \n')
    (tmp_path / "empty").mkdir()
    before = sorted(tmp_path.rglob("*"))
    done = drift(*arguments, folder=tmp_path)
    assert done.returncode == 1
    assert done.stdout == b""
    (line,) = done.stderr.decode().splitlines()
    assert words in line
    assert sorted(tmp_path.rglob("*")) == before


def test_rows_or_state_are_needed_and_not_both(bloc: Path, tmp_path: Path) -> None:
    assert drift(bloc).returncode == 2
    both = drift(bloc, "--rows", tmp_path, "--live", tmp_path)
    assert both.returncode == 2
    assert b"cannot be used with" in both.stderr


def test_the_state_of_another_bloc_is_refused(bloc: Path, tmp_path: Path) -> None:
    other = watched.pack(tmp_path / "other.bloc", version="2")
    monobloc.load(other, state_dir=tmp_path / "state")
    (file,) = (tmp_path / "state").iterdir()
    done = drift(bloc, "--live", file)
    assert done.returncode == 1
    assert "it is the state of another bloc" in done.stderr.decode()
