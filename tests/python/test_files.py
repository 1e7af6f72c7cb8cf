"""Good blocs that others can open, and bad files that are refused in a stranger's words."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import unicodedata
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import monobloc
import pytest
from conftest import ROOT, Credit

COMMAND = ROOT / "target" / "release" / "monobloc"


def test_zipfile_and_unzip_accept_a_bloc(credit: Credit, tmp_path: Path) -> None:
    with zipfile.ZipFile(credit.bloc) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert all(info.compress_type == zipfile.ZIP_STORED for info in archive.infolist())
        manifest = json.loads(archive.read("manifest.json"))
    assert names == ["manifest.json", *[member["name"] for member in manifest["members"]]]
    assert all(member["offset"] % 65_536 == 0 for member in manifest["members"])
    tested = subprocess.run(["unzip", "-t", credit.bloc], capture_output=True, text=True)
    assert tested.returncode == 0, tested.stdout + tested.stderr
    assert "warning" not in (tested.stdout + tested.stderr).lower()
    subprocess.run(["unzip", "-q", credit.bloc, "-d", tmp_path / "out"], check=True)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(names)


def test_no_number_that_enters_arithmetic_is_in_json(credit: Credit) -> None:
    manifest = monobloc.load(credit.bloc).manifest
    for step in manifest["preprocess"]["steps"]:
        for key in ("mean", "scale", "min", "fill", "values", "codes"):
            if isinstance(step.get(key), dict):
                assert set(step[key]) == {"offset", "count", "dtype"}
    scaler = credit.model[0].named_transformers_["numbers"][-1]
    assert repr(float(scaler.mean_[0])) not in json.dumps(manifest)


def alter(path: Path, change: Callable[[bytearray], None]) -> None:
    content = bytearray(path.read_bytes())
    change(content)
    path.chmod(0o644)
    path.write_bytes(content)


def member(path: Path, name: str) -> dict[str, int]:
    manifest = monobloc.load(path).manifest
    return next(member for member in manifest["members"] if member["name"] == name)


Damage = Callable[[Path], None]


def truncated(path: Path) -> None:
    os.chmod(path, 0o644)
    os.truncate(path, path.stat().st_size // 2)


def emptied(path: Path) -> None:
    os.chmod(path, 0o644)
    os.truncate(path, 0)


def compressed(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    path.unlink()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def duplicated(path: Path) -> None:
    path.chmod(0o644)
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("forest.bin", b"another forest")


def appended(path: Path) -> None:
    alter(path, lambda content: content.extend(b"\0"))


def text(path: Path) -> None:
    path.unlink()
    path.write_text("no model\n")


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def absent(path: Path) -> None:
    path.unlink()


def framing(path: Path) -> None:
    offset = member(path, "forest.bin")["offset"]
    alter(path, lambda content: content.__setitem__(offset - 1, 1))


DAMAGES: list[tuple[Damage, type[monobloc.MonoblocError], str]] = [
    (truncated, monobloc.CorruptError, "truncated"),
    (emptied, monobloc.NotABlocError, "empty"),
    (compressed, monobloc.CorruptError, "zipped again"),
    (duplicated, monobloc.CorruptError, "manifest describes"),
    (appended, monobloc.CorruptError, "appended"),
    (text, monobloc.NotABlocError, "another kind of file"),
    (folder, monobloc.NotABlocError, "a directory"),
    (fifo, monobloc.NotABlocError, "no regular file"),
    (absent, monobloc.NotFoundError, "No such file"),
    (framing, monobloc.CorruptError, "local header of forest.bin"),
]


@pytest.fixture
def bloc(credit: Credit, tmp_path: Path) -> Path:
    path = tmp_path / "model.bloc"
    shutil.copyfile(credit.bloc, path)
    return path


@pytest.mark.parametrize(
    ("damage", "kind", "words"), DAMAGES, ids=[damage.__name__ for damage, _, _ in DAMAGES]
)
def test_bad_files_are_refused_in_python_and_on_the_command_line(
    bloc: Path, damage: Damage, kind: type[monobloc.MonoblocError], words: str
) -> None:
    damage(bloc)
    with pytest.raises(kind, match=words) as caught:
        monobloc.load(bloc)
    assert str(bloc) in str(caught.value)
    for command in (["inspect"], ["inspect", "--json"], ["verify"]):
        run = subprocess.run([COMMAND, *command, bloc], capture_output=True, text=True, timeout=20)
        assert run.returncode == 1
        assert run.stdout == ""
        assert run.stderr.count("\n") == 1
        assert words in run.stderr
        assert run.stderr.endswith(f"[{kind.code}]\n")


@pytest.mark.parametrize("name", ["params.bin", "forest.bin", "reference.json", "golden.arrow"])
def test_a_flipped_byte_in_a_member_is_found_by_full_verification(bloc: Path, name: str) -> None:
    place = member(bloc, name)
    at = place["offset"] + place["length"] // 2
    alter(bloc, lambda content: content.__setitem__(at, content[at] ^ 1))
    monobloc.load(bloc)
    with pytest.raises(monobloc.CorruptError, match=name):
        monobloc.load(bloc, verify="full")
    run = subprocess.run([COMMAND, "verify", bloc], capture_output=True, text=True)
    assert run.returncode == 1
    assert name in run.stderr


def test_a_file_that_may_not_be_read(bloc: Path) -> None:
    bloc.chmod(0)
    bloc.parent.chmod(0o755)
    for folder in bloc.parents:
        if folder.stat().st_uid == os.getuid() and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o055)
        if folder.name.startswith("pytest-of"):
            break
    pid = os.fork()
    if pid == 0:
        if os.getuid() == 0:
            os.setuid(65_534)
        try:
            monobloc.load(bloc)
        except monobloc.PermissionDeniedError as error:
            os._exit(0 if isinstance(error, PermissionError) else 2)
        except BaseException:
            os._exit(3)
        os._exit(4)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_replacing_by_rename_changes_nothing(bloc: Path, credit: Credit) -> None:
    engine = monobloc.load(bloc)
    other = bloc.with_suffix(".next")
    other.write_bytes(b"another file")
    other.replace(bloc)
    assert engine.predict_proba(credit.frame).tobytes() == credit.expected.tobytes()
    assert engine.health().status == "ok"


def test_overwriting_in_place_is_reported_and_harmless(bloc: Path, credit: Credit) -> None:
    engine = monobloc.load(bloc)
    place = member(bloc, "forest.bin")
    bloc.chmod(0o644)
    with bloc.open("r+b") as file:
        file.seek(place["offset"] + 128)
        file.write(os.urandom(place["length"] - 128))
    assert engine.predict_proba(credit.frame).shape == credit.expected.shape
    health = engine.health()
    assert health.status == "degraded"
    assert "overwritten" in health.findings[0]


def test_a_pinned_digest_refuses_another_model(bloc: Path) -> None:
    digest = monobloc.load(bloc).digest
    assert monobloc.load(bloc, digest=digest).digest == digest
    with pytest.raises(monobloc.DigestMismatchError, match=digest):
        monobloc.load(bloc, digest="sha256:" + "0" * 64)
    with pytest.raises(monobloc.InvalidArgumentError, match="sha256:"):
        monobloc.load(bloc, digest="0" * 64)


def test_inspect_and_verify_tell_what_a_bloc_holds(credit: Credit) -> None:
    engine = monobloc.load(credit.bloc)
    for program in ([COMMAND], [sys.executable, "-m", "monobloc"]):
        shown = subprocess.run([*program, "inspect", credit.bloc], capture_output=True, text=True)
        assert shown.returncode == 0, shown.stderr
        for word in (engine.digest, "RandomForestClassifier", "forest.bin", "scikit-learn", "age"):
            assert word in shown.stdout
        dumped = subprocess.run(
            [*program, "inspect", "--json", credit.bloc], capture_output=True, text=True
        )
        assert json.loads(dumped.stdout)["manifest"] == engine.manifest
        verified = subprocess.run([*program, "verify", credit.bloc], capture_output=True, text=True)
        assert verified.returncode == 0
        assert "golden rows" in verified.stdout
    usage = subprocess.run([COMMAND, "no-such-verb"], capture_output=True, text=True)
    assert usage.returncode == 2


def test_a_path_that_is_no_utf8(bloc: Path) -> None:
    odd = os.path.join(os.fsencode(bloc.parent), b"n\xff.bloc")
    bloc.rename(os.fsdecode(odd))
    for program in ([COMMAND], [sys.executable, "-m", "monobloc"]):
        shown = subprocess.run([*program, "inspect", odd], capture_output=True, text=True)
        assert shown.returncode == 0, shown.stderr
        assert "forest.bin" in shown.stdout


def rewritten(path: Path, old: bytes, new: bytes) -> None:
    """The first `old` in the manifest replaced by a `new` of the same length, and the framing
    made to agree."""
    with zipfile.ZipFile(path) as archive:
        manifest = archive.read("manifest.json")
    changed = manifest.replace(old, new, 1)
    assert changed != manifest
    assert len(changed) == len(manifest)
    crcs = [zlib.crc32(text).to_bytes(4, "little") for text in (manifest, changed)]
    path.write_bytes(path.read_bytes().replace(manifest, changed).replace(*crcs))


@pytest.mark.parametrize(
    ("old", "new", "status"),
    [
        (b'"float64"', b'"\\u001b4"', 0),
        (b'"sklearn.', b'"\\u009bxx', 0),
        (b'"metadata"', b'"\\u001b[m"', 1),
    ],
    ids=["dtype", "source", "unknown field"],
)
def test_no_text_of_a_file_can_steer_a_terminal(
    bloc: Path, old: bytes, new: bytes, status: int
) -> None:
    rewritten(bloc, old, new)
    shown = subprocess.run([COMMAND, "inspect", bloc], capture_output=True, text=True)
    assert shown.returncode == status, shown.stderr
    text = shown.stdout + shown.stderr
    assert "\N{REPLACEMENT CHARACTER}" in text
    assert not any(unicodedata.category(c) == "Cc" for c in text.replace("\n", ""))
