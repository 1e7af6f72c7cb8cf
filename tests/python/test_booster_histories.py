"""Boosters that were stopped, continued, sliced, reloaded or refitted before they are packed."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import monobloc
import numpy as np
import pytest
from test_boosters import QUIET, ROWS, SMALL, X, Y, packed, same

lightgbm = pytest.importorskip("lightgbm")
xgboost = pytest.importorskip("xgboost")


def test_a_booster_that_kept_later_iterations(tmp_path: Path) -> None:
    data = lightgbm.Dataset(X, Y, params={"verbose": -1}, free_raw_data=False)
    booster = lightgbm.train(
        {"objective": "binary", "verbose": -1, "num_threads": 1},
        data,
        60,
        valid_sets=[lightgbm.Dataset(X[:, ::-1].copy(), Y, reference=data)],
        callbacks=[lightgbm.early_stopping(3, verbose=False)],
        keep_training_booster=True,
    )
    assert booster.best_iteration < booster.num_trees()
    expected = booster.predict(X, raw_score=True)
    for model in (booster, pickle.loads(pickle.dumps(booster))):
        same(packed(model, tmp_path, X).raw_score(X), expected)


def kept(sigmoid: float, *, keep: bool) -> Any:
    options = {"objective": "binary", "verbose": -1, "num_threads": 1, "sigmoid": sigmoid}
    data = lightgbm.Dataset(X, Y, params={"verbose": -1})
    return lightgbm.train(options, data, 10, keep_training_booster=keep)


def test_a_sigmoid_that_the_text_rounds(tmp_path: Path) -> None:
    with pytest.raises(monobloc.UnsupportedError, match="text rounds its sigmoid"):
        packed(kept(2.34567891, keep=True), tmp_path, X)
    for model in (kept(2.34567891, keep=False), kept(2.5, keep=True)):
        same(packed(model, tmp_path, X).raw_score(X), model.predict(X, raw_score=True))
    reloaded = lightgbm.Booster(model_str=kept(2.34567891, keep=True).model_to_string())
    assert monobloc.check(reloaded)


def continued() -> Any:
    first = xgboost.XGBRegressor(**SMALL).fit(X, X[:, 0])
    return xgboost.XGBRegressor(**SMALL).fit(X, X[:, 1], xgb_model=first.get_booster())


def reloaded() -> Any:
    model = xgboost.XGBRegressor(missing=-1.0)
    model.load_model(continued().get_booster().save_raw("ubj"))
    return model


HISTORIES: dict[str, Any] = {
    "continued": continued,
    "reloaded": reloaded,
    "base margin": lambda: xgboost.XGBRegressor(**SMALL).fit(
        X, X[:, 0], base_margin=np.full(ROWS, 0.7)
    ),
    "slice": lambda: continued().get_booster()[3:9],
    "dart booster": lambda: (
        xgboost.XGBRegressor(booster="dart", rate_drop=0.4, **SMALL).fit(X, X[:, 0]).get_booster()
    ),
    "init score": lambda: lightgbm.LGBMRegressor(**QUIET).fit(
        X, X[:, 0], init_score=np.full(ROWS, 0.3)
    ),
    "refit": lambda: lightgbm.LGBMRegressor(**QUIET).fit(X, X[:, 0]).booster_.refit(X, -X[:, 1]),
}


@pytest.mark.parametrize("case", HISTORIES)
def test_how_a_model_came_about(case: str, tmp_path: Path) -> None:
    model = HISTORIES[case]()
    rows = np.where(X < -1.5, -1.0, X)
    of_xgboost = isinstance(model, xgboost.Booster)
    expected = model.predict(xgboost.DMatrix(rows) if of_xgboost else rows)
    same(packed(model, tmp_path, X).predict(rows), expected)
