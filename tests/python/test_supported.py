"""`docs/supported.md` is made from the lists of steps and models, and is up to date."""

from __future__ import annotations

import os
from pathlib import Path

from conftest import ROOT
from monobloc._native import supported_operators
from monobloc.packing import models, source, steps, wrappers

PAGE = ROOT / "docs" / "supported.md"


def page() -> str:
    oldest, newest = (".".join(map(str, version)) for version in (source.OLDEST, source.NEWEST))
    lines = [
        "# What can be packed",
        "",
        f"Fitted objects of scikit-learn {oldest} to {newest}, CatBoost, LightGBM and XGBoost"
        " ([versions](trees.md)); model files of CatBoost, LightGBM and XGBoost"
        " ([trees.md](trees.md#from-a-file)); and ONNX models ([networks.md](networks.md))."
        " Anything else is refused by `pack` with its name and reason; `monobloc.check(model)`"
        " lists all of it in a fitted object at once.",
        "",
        "## Steps",
        "",
        "| class | what |",
        "|---|---|",
    ]
    for step in steps.STEPS:
        lines.append(f"| `{step.SOURCE}` | {summary(step.__doc__)} |")
    lines += ["", "## Models", "", "| class |", "|---|"]
    lines += [f"| `{name}` |" for name in sorted(models.MODELS)]
    lines += [
        "",
        "## Around a model",
        "",
        "Of these, what is fitted inside predicts, and is packed. What `imblearn.pipeline.Pipeline`"
        " resamples is for training alone.",
        "",
        "A `FixedThresholdClassifier` or `TunedThresholdClassifierCV` decides on the label: over"
        " forests by the probability, over others by the raw score from which on the source's own"
        " `predict` says so, so that its exponential has no part in it. (A classifier that has a"
        " raw score for each of two classes, such as LightGBM's `multiclass`, is refused.)",
        "",
        "A `TransformedTargetRegressor` is packed with the inverse functions `numpy.exp`,"
        " `numpy.expm1` and `numpy.square`, and with MaxAbsScaler, MinMaxScaler, RobustScaler and"
        " StandardScaler. Predictions have the source's bits, where an exponential makes them"
        " at most 2 units in the last place off.",
        "",
        "| class |",
        "|---|",
        *(f"| `{name}` |" for name in sorted((*wrappers.WRAPPERS, steps.pipeline.SOURCE))),
    ]
    lines += networks()
    return "\n".join(lines) + "\n"


def networks() -> list[str]:
    oldest, newest, operators, of_trees = supported_operators()
    return [
        "",
        "## Networks",
        "",
        f"ONNX models of operator sets {oldest} to {newest}, of the domain `ai.onnx`, without"
        " control flow. A model with anything else is refused with operator, domain, version and"
        " node, and so is an attribute that its version does not know.",
        "",
        "Inputs that say how, such as axes, shapes and scales, must be constants, as exporters"
        " write them. `float64` and small integers are refused where an operator has no kernel of"
        " that type."
        " A value that is NaN may become a number, as in `Relu`, `Max` and `Sigmoid`: rows with NaN"
        " in an input are flagged or rejected (`non_finite`). Sums of `float16` are `float16`.",
        "",
        "| operator | refused |",
        "|---|---|",
        *(f"| `{name}` | {limit} |" for name, limit in operators),
        "",
        "Of the domain `ai.onnx.ml`, versions 1 to 5, tree ensembles are run, as"
        " [networks.md](networks.md#trees) says. `ZipMap` behind them is left out.",
        "",
        "| operator | refused |",
        "|---|---|",
        *(f"| `{name}` | {limit} |" for name, limit in of_trees),
    ]


def summary(doc: str | None) -> str:
    first = (doc or "").strip().split("\n\n")[0].replace("\n", " ")
    return first.split(": ", 1)[-1].rstrip(".")


def test_the_page_is_up_to_date() -> None:
    if os.environ.get("UPDATE_DOCS"):
        PAGE.write_text(page())
    assert PAGE.read_text() == page(), "run: UPDATE_DOCS=1 pytest tests/python/test_supported.py"


def test_every_step_file_is_in_the_list() -> None:
    folder = Path(steps.__file__).parent
    shared = {"__init__", "categories"}
    files = {path.stem for path in folder.glob("*.py")} - shared
    assert files == {step.__name__.rsplit(".", 1)[-1] for step in steps.STEPS}
