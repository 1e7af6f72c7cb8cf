"""Model files of LightGBM and XGBoost: packed without the library, refused when unsound."""

from __future__ import annotations

import json
import pickle
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import monobloc
import numpy as np
import pandas as pd
import pytest

lightgbm = pytest.importorskip("lightgbm")
xgboost = pytest.importorskip("xgboost")

ROWS = 400


@pytest.fixture(scope="module")
def data() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(3)
    rows = random.normal(size=(ROWS, 6))
    rows[random.random(rows.shape) < 0.1] = np.nan
    return rows, (np.nan_to_num(rows[:, 0]) + rows[:, 1] ** 2 > 0.5).astype(int)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, data: tuple[np.ndarray, np.ndarray]) -> Path:
    """Files of two models, and their raw scores."""
    folder = tmp_path_factory.mktemp("trees")
    rows, y = data
    booster = lightgbm.train(
        {"objective": "binary", "verbose": -1, "num_threads": 1}, lightgbm.Dataset(rows, y), 12
    )
    booster.save_model(folder / "model.txt")
    np.save(folder / "txt.npy", booster.predict(rows, raw_score=True))
    matrix = xgboost.DMatrix(rows, y)
    booster = xgboost.train({"objective": "binary:logistic", "nthread": 1}, matrix, 12)
    for suffix in ("ubj", "json"):
        booster.save_model(folder / f"model.{suffix}")
        np.save(folder / f"{suffix}.npy", booster.predict(matrix, output_margin=True))
    return folder


def command(*arguments: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "monobloc", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("suffix", ["txt", "ubj", "json"])
def test_files_give_the_librarys_raw_scores(
    suffix: str, folder: Path, data: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    model, path = folder / f"model.{suffix}", tmp_path / "model.bloc"
    report = monobloc.pack(model, path)
    assert report.exact
    assert report.golden_rows > 100
    engine = monobloc.load(path)
    expected = np.load(folder / f"{suffix}.npy")
    found = engine.raw_score(data[0])
    assert found.dtype == (np.float64 if suffix == "txt" else np.float32)
    assert found.tobytes() == expected.astype(found.dtype).tobytes()
    assert engine.classes_.tolist() == [0, 1]
    again = tmp_path / "again.bloc"
    assert command("pack", model, again, "--name", "model").returncode == 0
    assert again.read_bytes() == path.read_bytes()
    assert monobloc.pack(model.read_bytes(), again, name="model").digest == engine.digest


@pytest.mark.parametrize("suffix", ["txt", "ubj", "json"])
def test_the_file_stays_in_the_bloc(suffix: str, folder: Path, tmp_path: Path) -> None:
    model, path = folder / f"model.{suffix}", tmp_path / "model.bloc"
    monobloc.pack(model, path)
    with zipfile.ZipFile(path) as bloc:
        assert bloc.read(f"source/model.{suffix}") == model.read_bytes()
    monobloc.pack(model, path, keep_source=False)
    with zipfile.ZipFile(path) as bloc:
        assert not [name for name in bloc.namelist() if name.startswith("source/")]


def test_iterations_and_missing(
    folder: Path, data: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    path = tmp_path / "model.bloc"
    assert command("pack", folder / "model.txt", path, "--iterations", "0..3").returncode == 0
    booster = lightgbm.Booster(model_file=folder / "model.txt")
    expected = booster.predict(data[0], raw_score=True, num_iteration=3)
    assert monobloc.load(path).raw_score(data[0]).tobytes() == expected.tobytes()
    again = tmp_path / "again.bloc"
    for pair in ((0, 3), [np.int64(0), np.int64(3)]):
        monobloc.pack(folder / "model.txt", again, iterations=pair, name="model")
        assert again.read_bytes() == path.read_bytes()
    done = command("pack", folder / "model.ubj", path, "--missing", "-1")
    assert done.returncode == 0, done.stderr
    rows = np.where(np.isnan(data[0]), -1.0, data[0])
    found = monobloc.load(path).raw_score(rows)
    assert found.tobytes() == np.load(folder / "ubj.npy").tobytes()
    monobloc.pack(folder / "model.ubj", again, missing=-1, name="model")
    assert again.read_bytes() == path.read_bytes()
    for arguments in (["--iterations", "3"], ["--iterations", "5..99"], ["--no-tune"]):
        refused = command("pack", folder / "model.txt", tmp_path / "none.bloc", *arguments)
        assert refused.returncode != 0
        assert not (tmp_path / "none.bloc").exists()


UNUSABLE: dict[str, tuple[str, dict[str, Any], str]] = {
    "one number": ("txt", {"iterations": 3}, "two whole numbers .*, not 3"),
    "three numbers": ("txt", {"iterations": (0, 1, 2)}, "two whole numbers"),
    "fractions": ("txt", {"iterations": (0, 1.5)}, "two whole numbers"),
    "text": ("ubj", {"iterations": "0..3"}, "two whole numbers"),
    "negative": ("ubj", {"iterations": (-2, 3)}, "two whole numbers"),
    "huge": ("ubj", {"iterations": (0, 1 << 70)}, "two whole numbers"),
    "backwards": ("txt", {"iterations": (3, 2)}, "iterations 3 to 2 of a model that has 12"),
    "none": ("ubj", {"iterations": (2, 2)}, "iterations 2 to 2, and the model has 12"),
    "beyond": ("ubj", {"iterations": (5, 99)}, "iterations 5 to 99, and the model has 12"),
    "missing text": ("ubj", {"missing": "-1"}, "missing must be a number, not '-1'"),
    "missing truth": ("json", {"missing": True}, "missing must be a number, not True"),
    "LightGBM": ("txt", {"missing": -1.0}, "missing is for XGBoost models"),
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_unusable_iterations_and_missing(case: str, folder: Path, tmp_path: Path) -> None:
    suffix, arguments, expected = UNUSABLE[case]
    with pytest.raises(monobloc.InvalidArgumentError, match=expected):
        monobloc.pack(folder / f"model.{suffix}", tmp_path / "model.bloc", **arguments)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("arguments", [{"iterations": (0, 1)}, {"missing": 0.0}])
def test_iterations_and_missing_are_for_files(
    arguments: dict[str, Any], data: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    (tmp_path / "model.onnx").write_bytes(b"\x08\x08")
    fitted = xgboost.XGBClassifier(n_estimators=1).fit(*data)
    for model, named in ((tmp_path / "model.onnx", "model.onnx"), (fitted, "XGBClassifier")):
        expected = f"{next(iter(arguments))} is for model files.*{named}"
        with pytest.raises(monobloc.InvalidArgumentError, match=expected):
            monobloc.pack(model, tmp_path / "no.bloc", reference=data[0], **arguments)


UNKNOWN = {
    "text": (b"hello world, this is text", '"hello world, thi"; save the model with'),
    "empty": (b"", "it is empty"),
    "pickle": (pickle.dumps([1, 2, 3]), "as Python's pickles do; load it in Python"),
    "archive": (b"PK\x03\x04 no model", "a bloc is packed already"),
}


@pytest.mark.parametrize("case", UNKNOWN)
def test_files_that_are_no_models_are_refused(case: str, tmp_path: Path) -> None:
    content, expected = UNKNOWN[case]
    file = tmp_path / "model"
    file.write_bytes(content)
    with pytest.raises(monobloc.CorruptError) as refusal:
        monobloc.pack(file, tmp_path / "model.bloc")
    for said in ("ONNX", "LightGBM", "XGBoost", expected):
        assert said in str(refusal.value)
    refused = command("pack", file, tmp_path / "model.bloc")
    assert refused.returncode == 1
    assert expected in refused.stderr
    assert list(tmp_path.iterdir()) == [file]


def test_levels_in_an_xgboost_file(tmp_path: Path) -> None:
    if tuple(map(int, xgboost.__version__.split(".")[:2])) < (3, 1):
        pytest.skip("files hold levels from 3.1 on")
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"n": random.normal(size=300)})
    frame["text"] = pd.Categorical(random.choice(["u", "v", "w"], 300), categories=list("wuv"))
    frame["whole"] = pd.Categorical(random.choice([7, 5, 11], 300), categories=[11, 5, 7])
    frame.loc[::9, "text"] = None
    matrix = xgboost.DMatrix(frame, random.integers(0, 3, 300), enable_categorical=True)
    booster = xgboost.train({"objective": "multi:softprob", "num_class": 3}, matrix, 5)
    booster.save_model(tmp_path / "model.ubj")
    monobloc.pack(tmp_path / "model.ubj", tmp_path / "model.bloc")
    engine = monobloc.load(tmp_path / "model.bloc")
    assert (
        engine.raw_score(frame).tobytes() == booster.predict(matrix, output_margin=True).tobytes()
    )
    prediction = engine.run([{"n": 1.0, "text": "new", "whole": 5}])
    assert prediction.verdicts.rejected == [0]
    assert "new" in prediction.verdicts[0].findings[0].reason


def altered(pattern: str, replacement: str) -> Callable[[str], str]:
    return lambda text: re.sub(pattern, replacement, text, count=1, flags=re.MULTILINE)


LIGHTGBM_FAULTS: dict[str, tuple[Callable[[str], str], str]] = {
    "cycle": (altered(r"^left_child=\S+", "left_child=0"), "tree 0"),
    "child": (altered(r"^left_child=\S+", "left_child=999"), "tree 0"),
    "feature": (altered(r"^split_feature=\d+", "split_feature=77"), "feature 77"),
    "threshold": (altered(r"^threshold=\S+", "threshold=nan"), "tree 0"),
    "leaves": (altered(r"^num_leaves=\d+", "num_leaves=10000000"), "tree 0"),
    "truncated": (lambda text: text[: len(text) // 2], ""),
    "no trees": (lambda text: text[: text.index("Tree=0")] + "end of trees\n", ""),
    "objective": (altered(r"^objective=.*", "objective=mine"), "mine"),
    "empty": (lambda _text: "tree\n", ""),
}


@pytest.mark.parametrize("fault", LIGHTGBM_FAULTS)
def test_unsound_lightgbm_files_are_refused(fault: str, folder: Path, tmp_path: Path) -> None:
    alter, expected = LIGHTGBM_FAULTS[fault]
    text = alter((folder / "model.txt").read_text())
    with pytest.raises(monobloc.MonoblocError) as refusal:
        monobloc.pack(text.encode(), tmp_path / "model.bloc")
    assert expected in str(refusal.value)
    assert not isinstance(refusal.value, monobloc.InternalError | monobloc.GoldenMismatchError)
    assert not list(tmp_path.iterdir())


def _tree(document: dict[str, Any]) -> dict[str, Any]:
    return document["learner"]["gradient_booster"]["model"]["trees"][0]


def _set(key: str, at: int, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda document: _tree(document)[key].__setitem__(at, value)


def _without_trees(document: dict[str, Any]) -> None:
    document["learner"]["gradient_booster"]["model"]["trees"] = []


XGBOOST_FAULTS: dict[str, Callable[[dict[str, Any]], None]] = {
    "cycle": _set("left_children", 0, 0),
    "child": _set("left_children", 0, 5000),
    "feature": _set("split_indices", 0, 77),
    "array": lambda document: _tree(document)["left_children"].append(3),
    "category": lambda document: _tree(document).update(
        categories=[1], categories_nodes=[0], categories_segments=[0], categories_sizes=[9]
    ),
    "trees": _without_trees,
    "many": lambda document: document["learner"]["gradient_booster"]["model"][
        "gbtree_model_param"
    ].update(num_trees="10000000"),
    "features": lambda document: document["learner"]["learner_model_param"].update(
        num_feature="4000000000"
    ),
    "linear": lambda document: document["learner"]["gradient_booster"].update(name="gblinear"),
    "objective": lambda document: document["learner"]["objective"].update(name="mine"),
}


@pytest.mark.parametrize("fault", XGBOOST_FAULTS)
def test_unsound_xgboost_files_are_refused(fault: str, folder: Path, tmp_path: Path) -> None:
    document = json.loads((folder / "model.json").read_text())
    XGBOOST_FAULTS[fault](document)
    with pytest.raises(monobloc.MonoblocError) as refusal:
        monobloc.pack(json.dumps(document).encode(), tmp_path / "model.bloc")
    assert str(refusal.value).startswith("the XGBoost model")
    assert not isinstance(refusal.value, monobloc.InternalError | monobloc.GoldenMismatchError)
    assert not list(tmp_path.iterdir())


def test_arguments_of_other_models_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(monobloc.InvalidArgumentError, match="reference is not for model files"):
        monobloc.pack(folder / "model.txt", tmp_path / "no.bloc", reference=[[1.0]])
