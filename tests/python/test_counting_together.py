"""Processes that count together: killed ones, namespaces, and folders that can't be used."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import counted
import monobloc
import pytest
import watched
from children import fork
from counted_worker import BATCH
from forks import join
from watched import people

PROCESSES = 4
MOST_STATE_BYTES = 1_000_000
is_root = os.geteuid() == 0


@pytest.fixture(scope="module")
def bloc(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = watched.pack(tmp_path_factory.mktemp("together") / "people.bloc")
    path.with_suffix(".json").write_text(json.dumps(people(BATCH, 9).to_dict(orient="list")))
    return path


@pytest.mark.parametrize("own_namespaces", [False, True])
def test_killed_processes_lose_at_most_the_rows_in_flight(
    own_namespaces: bool, bloc: Path, tmp_path: Path
) -> None:
    if own_namespaces and not counted.has_namespaces():
        pytest.skip("processes can't be put into namespaces of their own here")
    rows = 1_000_000
    outcome = counted.run(
        bloc,
        tmp_path,
        processes=PROCESSES,
        rows=rows,
        seconds_between_kills=0.2,
        own_namespaces=own_namespaces,
    )
    assert outcome.kills >= 2
    assert outcome.off_by == 0, outcome
    assert outcome.answered >= PROCESSES * rows
    assert outcome.begun - outcome.answered <= outcome.kills * BATCH
    for snapshot in outcome.snapshots:
        assert snapshot["rows"] == outcome.snapshots[0]["rows"]
        assert snapshot["in_flight"] == 0
        assert snapshot["workers"] <= PROCESSES
    (file,) = outcome.files
    assert file.stat().st_size <= MOST_STATE_BYTES


def test_more_processes_than_slots_count_all(bloc: Path, tmp_path: Path) -> None:
    engine: Any = monobloc.load(bloc, state_dir=tmp_path, workers=1)
    frame, processes, calls = people(50, 2), 6, 20

    def serve() -> None:
        own = monobloc.load(bloc, state_dir=tmp_path, workers=1)
        for _ in range(calls):
            own.predict(frame)

    join(*(fork(serve) for _ in range(processes)))
    assert engine.snapshot()["rows"] == processes * calls * len(frame)


def test_a_process_that_comes_later_knows_what_was_counted(bloc: Path, tmp_path: Path) -> None:
    join(fork(lambda: monobloc.load(bloc, state_dir=tmp_path / "a" / "b").predict(people(500, 2))))
    engine: Any = monobloc.load(bloc, state_dir=tmp_path / "a" / "b")
    assert engine.snapshot()["rows"] == 500
    assert engine.drift().window["rows"] == 500
    (file,) = (tmp_path / "a" / "b").iterdir()
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_calls_of_a_killed_process_are_not_under_way(bloc: Path, tmp_path: Path) -> None:
    hear, say = os.pipe()

    def serve() -> None:
        own = monobloc.load(bloc, state_dir=tmp_path)
        own.predict(people(10, 2))
        os.write(say, b".")
        rows = people(200_000, 2)
        while True:
            own.predict(rows)

    pid = fork(serve)
    os.read(hear, 1)
    engine: Any = monobloc.load(bloc, state_dir=tmp_path)
    was_under_way = 0
    while not was_under_way:
        os.kill(pid, signal.SIGSTOP)
        os.waitpid(pid, os.WUNTRACED)
        was_under_way = engine.snapshot()["in_flight"]
        os.kill(pid, signal.SIGCONT if not was_under_way else signal.SIGKILL)
        time.sleep(0.001)
    os.waitpid(pid, 0)
    assert was_under_way == 1
    assert engine.snapshot()["in_flight"] == 0


def test_other_blocs_and_windows_have_files_of_their_own(bloc: Path, tmp_path: Path) -> None:
    other = watched.pack(tmp_path / "other.bloc", version="2")
    state = tmp_path / "state"
    engines: list[Any] = [
        monobloc.load(bloc, state_dir=state),
        monobloc.load(bloc, state_dir=state, window_rows=1_200),
        monobloc.load(other, state_dir=state),
    ]
    for engine, rows in zip(engines, (10, 20, 30), strict=True):
        engine.predict(people(rows, 2))
    assert [engine.snapshot()["rows"] for engine in engines] == [10, 20, 30]
    assert len(list(state.iterdir())) == 3


@contextlib.contextmanager
def mounted(folder: Path, options: str) -> Iterator[Path]:
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if not is_root or subprocess.run(command, capture_output=True).returncode != 0:
        pytest.skip("file systems can't be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def remount(folder: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], check=True)


def test_a_full_disk(bloc: Path, tmp_path: Path) -> None:
    with mounted(tmp_path / "small", "size=64k") as small:
        with pytest.raises(
            monobloc.IoError, match=r"it needs \d+ bytes: No space left on device.*Free"
        ):
            monobloc.load(bloc, state_dir=small / "state")
        assert [file.stat().st_size for file in (small / "state").iterdir()] == [0]
        remount(small, "size=8m")
        engine: Any = monobloc.load(bloc, state_dir=small / "state")
        assert engine.load_report.warnings == []
        engine.predict(people(10, 2))
        assert engine.snapshot()["rows"] == 10


def test_a_disk_that_is_only_read(bloc: Path, tmp_path: Path) -> None:
    with mounted(tmp_path / "kept", "size=8m") as kept:
        monobloc.load(bloc, state_dir=kept)
        remount(kept, "ro")
        for folder in (kept, kept / "new"):
            with pytest.raises(monobloc.IoError, match=r"opening the monitor's state .*Read-only"):
                monobloc.load(bloc, state_dir=folder)


@pytest.fixture
def file(bloc: Path, tmp_path: Path) -> Path:
    """A state in which 100 rows were counted."""
    join(fork(lambda: monobloc.load(bloc, state_dir=tmp_path / "state").predict(people(100, 2))))
    (path,) = (tmp_path / "state").iterdir()
    return path


@pytest.mark.skipif(not is_root, reason="needs root to give a file away")
def test_a_file_of_another_user_is_refused(bloc: Path, file: Path) -> None:
    before = file.read_bytes()
    os.chown(file, 4321, 4321)
    with pytest.raises(monobloc.PermissionDeniedError, match="belongs to user 4321"):
        monobloc.load(bloc, state_dir=file.parent)
    assert file.read_bytes() == before


def test_a_file_that_others_may_read_is_refused(bloc: Path, file: Path) -> None:
    file.chmod(0o640)
    with pytest.raises(monobloc.PermissionDeniedError, match="has the mode 640"):
        monobloc.load(bloc, state_dir=file.parent)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda good: good[:1_000], "it was cut short"),
        (lambda good: good[:10], "it was cut short"),
        (lambda good: bytes(len(good)), "its header is damaged"),
        (lambda good: good[:90] + b"?" + good[91:], "its header is damaged"),
    ],
)
def test_damaged_files_are_made_anew(damage: Any, words: str, bloc: Path, file: Path) -> None:
    file.write_bytes(damage(file.read_bytes()))
    with pytest.warns(RuntimeWarning, match=f"{words}, so that counting began anew"):
        engine: Any = monobloc.load(bloc, state_dir=file.parent)
    assert engine.snapshot()["rows"] == 0
    engine.predict(people(10, 2))
    assert monobloc.load(bloc, state_dir=file.parent).snapshot()["rows"] == 10


def test_a_file_of_a_newer_library_is_refused_and_left_alone(bloc: Path, file: Path) -> None:
    words = [int.from_bytes(file.read_bytes()[at : at + 8], "little") for at in range(0, 96, 8)]
    words[1] += 1
    words[11] = fnv(words[:11])
    newer = b"".join(word.to_bytes(8, "little") for word in words) + file.read_bytes()[96:]
    file.write_bytes(newer)
    with pytest.raises(monobloc.VersionTooNewError, match="has layout 2; this library reads 1"):
        monobloc.load(bloc, state_dir=file.parent)
    assert file.read_bytes() == newer


def fnv(words: list[int]) -> int:
    """FNV-1a over words."""
    found = 0xCBF29CE484222325
    for word in words:
        found = (found ^ word) * 0x100000001B3 % 2**64
    return found


def test_places_that_are_no_folder(bloc: Path, tmp_path: Path, file: Path) -> None:
    with pytest.raises(monobloc.IoError, match="opening the monitor's state"):
        monobloc.load(bloc, state_dir=file)
    shutil.copy(bloc, tmp_path / "elsewhere")
    file.unlink()
    file.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(monobloc.IoError, match="opening the monitor's state"):
        monobloc.load(bloc, state_dir=file.parent)
    assert (tmp_path / "elsewhere").read_bytes() == bloc.read_bytes()
