"""`examples/predict.*`: four languages print the same bytes."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import monobloc
import numpy as np
import pandas as pd
import pytest
from conftest import ROOT, Credit
from installed import Installed

pytestmark = pytest.mark.timeout(1800)

EXAMPLES = ROOT / "examples"
Program = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.fixture(scope="module")
def programs(installed: Installed, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list]:
    """The commands of those that can be built here."""
    folder = tmp_path_factory.mktemp("examples")
    c = installed.compile("gcc", EXAMPLES / "predict.c", folder / "c", "-std=c99")
    cpp = installed.compile("g++", EXAMPLES / "predict.cpp", folder / "cpp", "-std=c++17")
    commands = {"c": [c], "cpp": [cpp], "python": [sys.executable, EXAMPLES / "predict.py"]}
    if cargo := shutil.which("cargo"):
        # Beside monobloc-py, so that both share their dependencies.
        build = [cargo, "build", "--release", "--locked", "--quiet", "--package", "monobloc"]
        build += ["--package", "monobloc-py", "--example", "predict"]
        subprocess.run(build, cwd=ROOT, check=True)
        commands["rust"] = [ROOT / "target" / "release" / "examples" / "predict"]
    return commands


@pytest.fixture(scope="module")
def printed(programs: dict[str, list], installed: Installed) -> Callable[[Path, Path], str]:
    """What every one of them prints, which is the same."""

    def printed(bloc: Path, rows: Path) -> str:
        said = {}
        for language, command in programs.items():
            done = subprocess.run(
                [*command, bloc, rows], env=installed.environment, capture_output=True, timeout=60
            )
            assert done.returncode == 0, (language, done.stderr)
            said[language] = done.stdout
        for language, text in said.items():
            assert text.decode() == said["c"].decode(), f"{language} beside C"
        return said["c"].decode()

    return printed


def test_a_classifier(printed: Callable[[Path, Path], str], credit: Credit, tmp_path: Path) -> None:
    bloc = tmp_path / "credit.bloc"
    rules = {"age": {"on_missing": "reject"}, "income": {"on_range": "clip"}}
    monobloc.edit_sanity(credit.bloc, bloc, rules)
    rows = pd.DataFrame(credit.rows[:300])
    rows.insert(2, "comment", "no field of the model")
    rows.loc[3, "age"] = None
    rows.loc[4, "region"] = "Zürich"
    rows.loc[5, "income"] = float("inf")
    rows.loc[6, "income"] = 1e9
    rows.loc[7, "region"] = None
    rows.to_csv(tmp_path / "rows.csv", index=False)
    lines = printed(bloc, tmp_path / "rows.csv").splitlines()
    engine = monobloc.load(bloc)
    fields = engine.schema["fields"]
    assert lines[: len(fields)] == [f"{f['name']} {f['kind']} {f['dtype']}" for f in fields]
    outputs = lines[len(fields) : len(fields) + len(rows)]
    assert outputs[3] == "NaN NaN"
    expected = engine.run(rows).outputs["probabilities"]
    found = np.array([line.split() for line in outputs], dtype=float)
    assert np.array_equal(found, expected, equal_nan=True)
    findings = lines[len(fields) + len(rows) :]
    starts = [line.split(": ")[:3] for line in findings]
    for start in [
        ["row 3", "rejected", "age"],
        ["row 4", "flagged", "region"],
        ["row 5", "repaired", "income"],
        ["row 6", "repaired", "income"],
        ["row 7", "flagged", "region"],
    ]:
        assert start in starts, findings
    assert starts == sorted(starts, key=lambda start: int(start[0].split()[1]))


def test_a_regression_of_many_magnitudes(
    printed: Callable[[Path, Path], str], tmp_path: Path
) -> None:
    from sklearn.tree import DecisionTreeRegressor

    rng = np.random.default_rng(5)
    targets = rng.standard_normal(600) * 10.0 ** rng.integers(-300, 300, 600)
    written = [0.0, -0.0, 1.0, 0.25, 0.1, 1e-4, 9.9e-5, 1e15, 1e16, 1.5e16, 123456789.0, 5e-324]
    targets[: len(written)] = written
    # From 1e14 on two shortest decimals may be equally near, of which Rust takes another than C.
    targets[100:400] = rng.standard_normal(300) * 10.0 ** rng.integers(-6, 14, 300)
    frame = pd.DataFrame({"number": np.arange(600.0)})
    model = DecisionTreeRegressor().fit(frame, targets)
    monobloc.pack(model, tmp_path / "tree.bloc", reference=frame)
    frame.to_csv(tmp_path / "rows.csv", index=False)
    lines = printed(tmp_path / "tree.bloc", tmp_path / "rows.csv").splitlines()
    assert lines[0] == "number float float64"
    assert np.array_equal(np.array(lines[1:], dtype=float), model.predict(frame))
    assert {"0.25", "0.0001", "9.9e-5", "1e16", "123456789.0"} <= set(lines)


def test_what_goes_wrong_is_said(
    programs: dict[str, list], installed: Installed, credit: Credit, tmp_path: Path
) -> None:
    (tmp_path / "ragged.csv").write_text("age,income\n1,2,3\n")
    (tmp_path / "words.csv").write_text("age\nold\n")
    (tmp_path / "empty.csv").write_text("")
    blocs = [(tmp_path / "nowhere.bloc", "words.csv")]
    blocs += [
        (credit.bloc, name) for name in ("nowhere.csv", "ragged.csv", "words.csv", "empty.csv")
    ]
    for language, command in programs.items():
        for bloc, rows in blocs:
            done = subprocess.run(
                [*command, bloc, tmp_path / rows], env=installed.environment, capture_output=True
            )
            assert done.returncode == 1, (language, rows)
            assert done.stderr.startswith(b"predict: "), (language, rows, done.stderr)
