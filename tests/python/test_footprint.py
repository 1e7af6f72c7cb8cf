"""What is told of memory beforehand is what workers then hold, and what can't fit is refused."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import footprints
import monobloc
import networks
import pytest
from conftest import ROOT
from control_groups import ControlGroup, Unavailable, control_group
from footprints import held

COMMAND = str(ROOT / "target" / "release" / "monobloc")


@pytest.fixture(scope="module")
def blocs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return footprints.blocs(tmp_path_factory.mktemp("footprint"))


@pytest.fixture(scope="module")
def process_bytes() -> int:
    """Private memory of a worker that has imported all and loaded nothing."""
    return held([], 1)[0]


@pytest.mark.parametrize("workers", [1, 2, 4])
@pytest.mark.parametrize("name", ["forest", "linear model", "network"])
def test_what_is_predicted_is_what_is_held(
    blocs: dict[str, Path], process_bytes: int, name: str, workers: int
) -> None:
    predicted = monobloc.footprint(
        blocs[name], workers=workers, threads=1, process_bytes=process_bytes
    )
    private, mapped = held([blocs[name]], workers)
    assert private + mapped == pytest.approx(predicted.total_bytes, rel=0.1)
    # Opening touches both ends of the file, and the kernel maps 64 KiB around each page.
    assert mapped == pytest.approx(predicted.shared_bytes, rel=0.1, abs=300_000)
    assert private == pytest.approx(predicted.private_bytes, rel=0.1)


def test_several_blocs_and_threads(blocs: dict[str, Path], process_bytes: int) -> None:
    paths = [blocs["forest"], blocs["network"]]
    predicted = monobloc.footprint(paths, workers=2, threads=2, process_bytes=process_bytes)
    private, mapped = held(paths, 2, threads=2)
    assert private + mapped == pytest.approx(predicted.total_bytes, rel=0.1)
    assert [bloc.path for bloc in predicted.blocs] == paths


def test_every_face_says_the_same(blocs: dict[str, Path]) -> None:
    path = blocs["forest"]
    said = json.loads(
        subprocess.check_output(
            [COMMAND, "plan", str(path), "--workers", "3", "--threads", "2", "--json"]
        )
    )
    engine = monobloc.load(path)
    for footprint in (
        monobloc.footprint(path, workers=3, threads=2),
        monobloc.footprint([engine], workers=3, threads=2),
        engine.footprint(workers=3, threads=2),
    ):
        for name in ("workers", "threads", "shared_bytes", "scratch_bytes", "page_cache_bytes"):
            assert getattr(footprint, name) == said[name]
        (bloc,) = footprint.blocs
        assert {name: getattr(bloc, name) for name in said["blocs"][0] if name != "path"} == {
            name: value for name, value in said["blocs"][0].items() if name != "path"
        }
        assert footprint.limit.source == said["limit"]["source"]
        assert footprint.fit == said["fit"] == "fits"
        assert str(footprint).startswith(" ")
        assert "3 workers" in str(footprint)


def test_process_and_limit_can_be_given(blocs: dict[str, Path]) -> None:
    command = [COMMAND, "plan", str(blocs["forest"]), "--workers", "4", "--process-mb", "50"]
    said = subprocess.check_output([*command, "--limit-mb", "205"], text=True)
    assert "Fits with reading again" in said
    said = subprocess.check_output([*command, "--limit-mb", "100"], text=True)
    assert "Too large" in said
    refused = subprocess.run([*command, "--limit-mb", "nan"], capture_output=True, text=True)
    assert refused.returncode == 1
    assert "--limit-mb is NaN; expected megabytes [invalid_argument]" in refused.stderr


def test_what_is_no_bloc_is_refused(tmp_path: Path) -> None:
    with pytest.raises(monobloc.InvalidArgumentError, match="given as int"):
        monobloc.footprint(3)
    with pytest.raises(monobloc.NotFoundError):
        monobloc.footprint(tmp_path / "none.bloc")
    with pytest.raises(monobloc.InvalidArgumentError, match="workers is 0"):
        monobloc.footprint(tmp_path / "none.bloc", workers=0)


@pytest.fixture
def group() -> Any:
    try:
        with control_group("memory") as group:
            yield group
    except Unavailable as reason:
        pytest.skip(str(reason))


LOADS = """
import sys, warnings, monobloc
warnings.simplefilter("always")
try:
    engine = monobloc.load(sys.argv[1])
    print("loaded", monobloc.footprint(engine, workers=1).fit, engine.load_report.warnings)
except MemoryError as error:
    print(type(error).__name__, error)
"""


def test_more_mapped_than_there_is_room_for_is_warned_of(
    group: ControlGroup, blocs: dict[str, Path]
) -> None:
    group.set_memory(18_000_000)
    said = group.run([sys.executable, "-c", LOADS, str(blocs["network"])])
    assert said.stdout.startswith("loaded reclaims [")
    assert re.search(r"RuntimeWarning: .*network\.bloc: predicting reads 21\.\d MB", said.stderr)
    assert str(group.folder) in said.stderr


def test_what_cannot_fit_is_refused_and_not_killed(group: ControlGroup, tmp_path: Path) -> None:
    """Panels are not in the bloc, so loading would pack 134 MB of its own."""
    bloc = tmp_path / "untuned.bloc"
    monobloc.pack(networks.mlp(4_096, 4_096), bloc, tune=False)
    group.set_memory(64_000_000)
    said = group.run([sys.executable, "-c", LOADS, str(bloc)]).stdout
    assert said.startswith("OutOfMemoryError ")
    assert "of private memory for what OptMatMulPack" in said
    assert str(group.folder) in said
