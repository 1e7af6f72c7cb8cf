"""Random tree ensembles of every library: fitted models with rows that try them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

Random = np.random.Generator
ROWS = 2_000
ODD = np.array(
    [
        np.nan,
        np.inf,
        -np.inf,
        0.0,
        -0.0,
        1e-36,
        -1e-36,
        1e-35,
        -1e-35,
        5e-324,
        1e300,
        -1e300,
        1e-300,
    ]
)


@dataclass(frozen=True)
class Boosted:
    """A fitted model, its training data, and rows that try it."""

    model: Any
    reference: Any
    rows: Any


def chosen(random: Random, *options: Any) -> Any:
    return options[random.integers(len(options))]


@dataclass(frozen=True)
class Data:
    """Training data as a data frame: `categorical` columns hold small whole numbers."""

    frame: pd.DataFrame
    categorical: list[str]


def data(random: Random, *, most_categories: int = 30) -> Data:
    rows = int(random.integers(300, 1_500))
    missing = chosen(random, 0.0, 0.0, 0.05, 0.4)
    columns: dict[str, np.ndarray] = {}
    for number in range(int(random.integers(2, 10))):
        values = chosen(
            random,
            lambda: random.normal(size=rows),
            lambda: random.normal(size=rows) * 1e5,
            lambda: random.integers(0, 12, rows).astype(float),
            lambda: np.exp(random.normal(size=rows)),
            lambda: np.where(random.random(rows) < 0.5, 0.0, random.normal(size=rows)),
            lambda: random.normal(size=rows) * 1e-34,
        )()
        values[random.random(rows) < missing] = np.nan
        columns[f"n{number}"] = values
    categorical = []
    for number in range(int(chosen(random, 0, 0, 1, 2, 4))):
        levels = int(random.integers(2, most_categories))
        values = random.integers(0, levels, rows).astype(float)
        values[random.random(rows) < missing] = np.nan
        columns[f"c{number}"] = values
        categorical.append(f"c{number}")
    return Data(pd.DataFrame(columns), categorical)


def score(random: Random, frame: pd.DataFrame) -> np.ndarray:
    """A target that depends on all columns."""
    filled = frame.fillna(1.0).to_numpy()
    scaled = (filled - filled.mean(axis=0)) / (filled.std(axis=0) + 1e-300)
    weights = random.normal(size=filled.shape[1])
    bent = np.sin(scaled * 2) @ weights + (scaled > 0.3) @ random.normal(size=filled.shape[1])
    return bent + random.normal(size=len(frame)) * 0.3


def targets(random: Random, frame: pd.DataFrame, kind: str) -> np.ndarray:
    """A target of this kind: `binary`, `classes`, `positive`, `counts` or `real`."""
    value = score(random, frame)
    if kind == "binary":
        return (value > np.quantile(value, chosen(random, 0.2, 0.5, 0.9))).astype(int)
    if kind == "classes":
        cuts = np.quantile(value, np.linspace(0, 1, int(random.integers(4, 7)))[1:-1])
        return np.searchsorted(cuts, value)
    if kind == "positive":
        return np.exp(value / 4)
    if kind == "counts":
        return random.poisson(np.exp(np.clip(value / 4, -3, 3)))
    return value


def trying_rows(
    random: Random, frame: pd.DataFrame, splits: list[tuple[str, float]], categorical: list[str]
) -> pd.DataFrame:
    """Rows drawn column by column, a part of them with values on thresholds, beside them in
    either precision, odd numbers, and categories that training did not see."""
    drawn = {name: random.choice(frame[name].to_numpy(), size=ROWS) for name in frame.columns}
    if splits:
        for row in range(ROWS // 2):
            for number in random.integers(len(splits), size=2):
                name, threshold = splits[number]
                drawn[name][row] = near(random, threshold)
    names = list(frame.columns)
    for row in range(ROWS // 2, ROWS // 2 + ROWS // 5):
        name = chosen(random, *names)
        if name in categorical:
            drawn[name][row] = random.choice(
                np.array(
                    [-1.0, 31.0, 255.0, 256.0, 300.0, 1e6, -7.0, 0.5, -0.5, 3e9, 2.0**24, np.nan]
                )
            )
        else:
            drawn[name][row] = random.choice(ODD)
    return pd.DataFrame(drawn, columns=names)


def near(random: Random, threshold: float) -> float:
    """The threshold, or one of the numbers beside it in float64 or float32."""
    near = np.float32(threshold)
    with np.errstate(over="ignore", invalid="ignore"):
        return float(
            chosen(
                random,
                threshold,
                np.nextafter(threshold, np.inf),
                np.nextafter(threshold, -np.inf),
                near,
                np.nextafter(near, np.float32(np.inf)),
                np.nextafter(near, np.float32(-np.inf)),
            )
        )


def hist_gradient_boosting(random: Random) -> Boosted:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    found = data(random)
    options = {
        "max_iter": int(random.integers(1, 40)),
        "max_leaf_nodes": int(random.integers(2, 40)),
        "max_bins": int(chosen(random, 255, 40)),
        "min_samples_leaf": int(chosen(random, 1, 20)),
        "categorical_features": found.categorical or None,
        "early_stopping": False,
        "random_state": 0,
    }
    kind = chosen(random, "binary", "classes", "counts", "positive", "real")
    if kind in ("binary", "classes"):
        model: Any = HistGradientBoostingClassifier(**options)
    else:
        losses = {
            "counts": ["poisson"],
            "positive": ["gamma"],
            "real": ["squared_error", "absolute_error"],
        }
        model = HistGradientBoostingRegressor(loss=chosen(random, *losses[kind]), **options)
    y = targets(random, found.frame, kind)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(found.frame, y)
    order = list(found.frame.columns)
    if getattr(model, "_preprocessor", None) is not None:
        order.sort(key=lambda name: name not in found.categorical)
    splits = [
        (order[node["feature_idx"]], float(node["num_threshold"]))
        for iteration in model._predictors
        for tree in iteration
        for node in tree.nodes
        if not node["is_leaf"] and not node["is_categorical"]
    ]
    rows = trying_rows(random, found.frame, splits, found.categorical)
    return Boosted(model, found.frame, rows)


def gradient_boosting(random: Random) -> Boosted:
    from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor

    frame = data(random).frame.fillna(0.5)
    kind = chosen(random, "binary", "classes", "real")
    losses = {
        "binary": ["log_loss", "exponential"],
        "classes": ["log_loss"],
        "real": ["squared_error", "absolute_error", "huber", "quantile"],
    }
    options = {
        "loss": chosen(random, *losses[kind]),
        "n_estimators": int(random.integers(1, 40)),
        "max_depth": chosen(random, 1, 3, 6),
        "learning_rate": chosen(random, 0.1, 0.3, 1, 0.017),
        "subsample": chosen(random, 1.0, 0.6),
        "init": chosen(random, None, None, "zero"),
        "random_state": 0,
    }
    regressor = kind == "real"
    model: Any = (GradientBoostingRegressor if regressor else GradientBoostingClassifier)(**options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(frame, targets(random, frame, kind))
    trees = [(tree, np.arange(frame.shape[1])) for tree in model.estimators_.ravel()]
    return _on_thresholds(random, model, frame, trees)


def isolation_forest(random: Random) -> Boosted:
    from sklearn.ensemble import IsolationForest

    frame = data(random).frame.fillna(0.5)
    model = IsolationForest(
        n_estimators=int(random.integers(1, 80)),
        max_samples=chosen(random, "auto", 0.5, 64),
        max_features=float(chosen(random, 1.0, 0.5)),
        contamination=chosen(random, "auto", 0.1, 0.02),
        random_state=0,
    )
    model.fit(frame)
    trees = zip(model.estimators_, model.estimators_features_, strict=True)
    return _on_thresholds(random, model, frame, trees)


def _on_thresholds(random: Random, model: Any, frame: pd.DataFrame, trees: Any) -> Boosted:
    """A model of scikit-learn's exact trees, each with its features, and rows that it takes."""
    splits = [
        (frame.columns[subset[feature]], float(threshold))
        for tree, subset in trees
        for feature, threshold in zip(tree.tree_.feature, tree.tree_.threshold, strict=True)
        if feature >= 0
    ]
    rows = trying_rows(random, frame, splits, [])
    with np.errstate(over="ignore"):
        finite = np.isfinite(rows.to_numpy().astype(np.float32)).all(axis=1)
    return Boosted(model, frame, rows[finite].reset_index(drop=True))


def _tuned(random: Random, found: Data) -> pd.DataFrame:
    """The training data as a frame whose categorical columns have pandas' dtype, some of them
    with text for levels."""
    frame = found.frame.copy()
    for name in found.categorical:
        numbers = frame[name].to_numpy()
        levels = np.unique(numbers[~np.isnan(numbers)])
        if random.random() < 0.5:
            named = np.array([f"level {int(level)}" for level in levels], dtype=object)
            values = np.where(
                np.isnan(numbers), None, [f"level {int(v)}" if v == v else "" for v in numbers]
            )
            frame[name] = pd.Categorical(values, categories=random.permutation(named))
        else:
            whole = [int(v) if v == v else None for v in numbers]
            known = random.permutation(levels.astype(int)).tolist()
            frame[name] = pd.Categorical(whole, categories=known)
    return frame


def _like(
    rows: pd.DataFrame, frame: pd.DataFrame, categorical: list[str], *, unseen: bool = True
) -> pd.DataFrame:
    """The trying rows with the frame's category columns; unseen numbers become unseen levels,
    or are missing."""
    rows = rows.copy()
    for name in categorical:
        dtype = frame[name].dtype
        numbers = rows[name].to_numpy()
        if isinstance(dtype.categories[0], str):
            values = [f"level {v:g}" if v == v else None for v in numbers]
        else:
            values = [int(v) if v == v and v == int(v) else None for v in numbers]
        known = list(dtype.categories)
        others = [v for v in pd.unique(pd.Series(values).dropna()) if v not in set(known)]
        rows[name] = pd.Categorical(values, categories=known + (others if unseen else []))
    return rows


def _splits(frame: pd.DataFrame, features: Any, thresholds: Any) -> list[tuple[str, float]]:
    return [
        (frame.columns[feature], float(threshold))
        for feature, threshold in zip(features, thresholds, strict=True)
    ]


def lightgbm(random: Random) -> Boosted:
    import lightgbm as library

    found = data(random)
    as_category = bool(found.categorical) and random.random() < 0.6
    frame = _tuned(random, found) if as_category else found.frame
    objectives = {
        "binary": ["binary", "cross_entropy"],
        "classes": ["multiclass", "multiclassova"],
        "counts": ["poisson"],
        "positive": ["gamma", "tweedie"],
        "real": ["regression", "regression_l1", "huber", "fair", "quantile", "mape"],
    }
    kind = chosen(random, *objectives)
    boosting = chosen(random, "gbdt", "gbdt", "dart", "rf")
    y = targets(random, found.frame, kind)
    options = {
        "objective": chosen(random, *objectives[kind]),
        "boosting": boosting,
        "num_leaves": int(random.integers(2, 80)),
        "min_data_in_leaf": int(chosen(random, 1, 20)),
        "max_bin": int(chosen(random, 255, 30, 600)),
        "use_missing": bool(chosen(random, True, True, False)),
        "zero_as_missing": bool(chosen(random, False, False, True)),
        "max_cat_to_onehot": int(chosen(random, 1, 4, 30)),
        "cat_smooth": 1.0,
        "min_data_per_group": 1,
        "verbose": -1,
        "num_threads": 1,
        "seed": 0,
        "feature_pre_filter": False,
    }
    if boosting == "rf":
        options |= {"bagging_freq": 1, "bagging_fraction": 0.7}
    if kind == "classes":
        options["num_class"] = int(y.max()) + 1
    if kind == "binary":
        options["sigmoid"] = chosen(random, 1.0, 0.7)
    names = found.categorical if found.categorical and not as_category else "auto"
    training = library.Dataset(frame, y, categorical_feature=names, params={"verbose": -1})
    booster = library.train(options, training, int(random.integers(1, 40)))
    nodes = booster.trees_to_dataframe()
    nodes = nodes[nodes["decision_type"] == "<="]
    features = [booster.feature_name().index(name) for name in nodes["split_feature"]]
    splits = _splits(frame, features, nodes["threshold"].astype(float))
    rows = trying_rows(random, found.frame, splits, found.categorical)
    return Boosted(booster, frame, _like(rows, frame, found.categorical) if as_category else rows)


def lightgbm_wrapper(random: Random) -> Boosted:
    import lightgbm as library

    found = data(random)
    frame = _tuned(random, found) if found.categorical else found.frame
    kind = chosen(random, "binary", "classes", "real", "counts")
    y = targets(random, found.frame, kind)
    options = {
        "n_estimators": int(random.integers(1, 50)),
        "num_leaves": int(random.integers(2, 64)),
        "verbose": -1,
        "n_jobs": 1,
    }
    if kind in ("binary", "classes"):
        labels = np.array(["no", "yes", "maybe", "never", "soon", "late", "x"], dtype=object)
        model = library.LGBMClassifier(**options)
        y = labels[y] if random.random() < 0.5 else y * 2 - 3
    else:
        model = library.LGBMRegressor(
            objective="poisson" if kind == "counts" else "regression", **options
        )
    if random.random() < 0.3:
        half = len(y) // 2
        stopping = library.early_stopping(2, verbose=False)
        if kind in ("binary", "classes") and len(np.unique(y[:half])) != len(np.unique(y)):
            half = len(y)
        model.fit(frame[:half], y[:half], eval_set=[(frame[-200:], y[-200:])], callbacks=[stopping])
    else:
        model.fit(frame, y)
    nodes = model.booster_.trees_to_dataframe()
    nodes = nodes[nodes["decision_type"] == "<="]
    features = [model.booster_.feature_name().index(name) for name in nodes["split_feature"]]
    splits = _splits(frame, features, nodes["threshold"].astype(float))
    rows = trying_rows(random, found.frame, splits, found.categorical)
    return Boosted(model, frame, _like(rows, frame, found.categorical))


def _xgboost_splits(booster: Any, frame: pd.DataFrame) -> list[tuple[str, float]]:
    nodes = booster.trees_to_dataframe()
    nodes = nodes[(nodes["Feature"] != "Leaf") & nodes["Split"].notna()]
    names = list(frame.columns)
    features = [names.index(name) for name in nodes["Feature"]]
    return _splits(frame, features, nodes["Split"].astype(np.float32).astype(float))


def _xgboost_options(random: Random) -> dict[str, Any]:
    return {
        "max_depth": int(random.integers(1, 9)),
        "learning_rate": float(chosen(random, 0.3, 0.1, 1.0)),
        "tree_method": chosen(random, "hist", "hist", "approx"),
        "max_bin": int(chosen(random, 256, 40, 700)),
        "booster": chosen(random, "gbtree", "gbtree", "dart"),
        "rate_drop": 0.2,
        "max_cat_to_onehot": int(chosen(random, 1, 4, 100)),
        "min_child_weight": float(chosen(random, 0.0, 1.0)),
    }


def _without_infinities(rows: pd.DataFrame) -> pd.DataFrame:
    """XGBoost refuses infinities, which float64 beyond float32 become."""
    rows = rows.copy()
    for name in rows.columns:
        if rows[name].dtype.kind == "f":
            with np.errstate(over="ignore"):
                rows.loc[np.isinf(rows[name].to_numpy().astype(np.float32)), name] = np.nan
    return rows


def _unseen_codes() -> bool:
    """Whether XGBoost takes levels that training did not see: from 3.1 on it refuses them, or
    (3.2) takes the next level in order for them."""
    import xgboost as library

    return tuple(map(int, library.__version__.split(".")[:2])) < (3, 1)


def _dropped(options: dict[str, Any]) -> dict[str, Any]:
    return (
        options
        if options["booster"] == "dart"
        else {k: v for k, v in options.items() if k != "rate_drop"}
    )


def xgboost(random: Random) -> Boosted:
    import xgboost as library

    found = data(random)
    frame = _tuned(random, found)
    objectives = {
        "binary": ["binary:logistic", "binary:logitraw", "binary:hinge", "reg:logistic"],
        "classes": ["multi:softprob", "multi:softmax"],
        "counts": ["count:poisson"],
        "positive": ["reg:gamma", "reg:tweedie"],
        "real": ["reg:squarederror", "reg:absoluteerror", "reg:pseudohubererror"],
    }
    kind = chosen(random, *objectives)
    y = targets(random, found.frame, kind)
    options = _dropped(_xgboost_options(random)) | {
        "objective": chosen(random, *objectives[kind]),
        "nthread": 1,
        "seed": 0,
    }
    if kind == "classes":
        options["num_class"] = int(y.max()) + 1
    if random.random() < 0.3 and kind != "classes":
        options["base_score"] = float(chosen(random, 0.5, 0.2, 0.9))
    training = library.DMatrix(frame, y, enable_categorical=True)
    booster = library.train(options, training, int(random.integers(1, 40)))
    rows = trying_rows(random, found.frame, _xgboost_splits(booster, frame), found.categorical)
    return Boosted(
        booster,
        frame,
        _without_infinities(_like(rows, frame, found.categorical, unseen=_unseen_codes())),
    )


def xgboost_wrapper(random: Random) -> Boosted:
    import xgboost as library

    found = data(random)
    frame = _tuned(random, found)
    kind = chosen(random, "binary", "classes", "real", "counts")
    y = targets(random, found.frame, kind)
    options = _dropped(_xgboost_options(random)) | {
        "n_estimators": int(random.integers(1, 40)),
        "enable_categorical": True,
        "n_jobs": 1,
        "missing": np.nan if found.categorical else chosen(random, np.nan, np.nan, 0.0, 3.0),
    }
    if kind in ("binary", "classes"):
        model = library.XGBClassifier(**options)
    else:
        model = library.XGBRegressor(
            objective="count:poisson" if kind == "counts" else "reg:squarederror", **options
        )
    model.fit(frame, y)
    rows = trying_rows(
        random, found.frame, _xgboost_splits(model.get_booster(), frame), found.categorical
    )
    return Boosted(
        model,
        frame,
        _without_infinities(_like(rows, frame, found.categorical, unseen=_unseen_codes())),
    )


def _catboost_splits(model: Any, frame: pd.DataFrame) -> list[tuple[str, float]]:
    borders = model._get_borders()
    return [(frame.columns[at], float(border)) for at in borders for border in borders[at]]


CATBOOST_LOSSES = {
    "binary": ["Logloss", "CrossEntropy"],
    "classes": ["MultiClass", "MultiClassOneVsAll"],
    "counts": ["Poisson"],
    "positive": ["Tweedie:variance_power=1.4", "MAPE"],
    "real": ["RMSE", "MAE", "Quantile:alpha=0.3", "Huber:delta=1.5", "MultiRMSE", "QueryRMSE"],
}


def catboost(random: Random) -> Boosted:
    import catboost as library

    frame = data(random).frame
    kind = chosen(random, *CATBOOST_LOSSES)
    loss = chosen(random, *CATBOOST_LOSSES[kind])
    y = targets(random, frame, kind)
    policy = chosen(random, "SymmetricTree", "SymmetricTree", "Depthwise", "Lossguide")
    if loss == "QueryRMSE":
        policy = "SymmetricTree"
    options = {
        "loss_function": loss,
        "iterations": int(random.integers(1, 40)),
        "depth": int(random.integers(1, 11 if policy == "SymmetricTree" else 8)),
        "grow_policy": policy,
        "border_count": int(chosen(random, 254, 254, 20, 700)),
        "learning_rate": float(chosen(random, 0.03, 0.3, 1.0)),
        "nan_mode": chosen(random, "Min", "Max"),
        "boost_from_average": bool(random.integers(2)) if loss in ("RMSE", "MAE") else None,
        "model_shrink_rate": chosen(random, None, None, 0.05),
        "allow_writing_files": False,
        "verbose": False,
        "thread_count": 1,
        "random_seed": 0,
    }
    if options["boost_from_average"] or policy != "SymmetricTree":
        options["model_shrink_rate"] = None
    more: dict[str, Any] = {}
    if loss == "QueryRMSE":
        more["group_id"] = np.arange(len(y)) // 10
        wrapper = chosen(random, library.CatBoostRanker, library.CatBoost)
    elif kind in ("binary", "classes"):
        wrapper = chosen(
            random, library.CatBoostClassifier, library.CatBoostClassifier, library.CatBoost
        )
        labels = np.array(["no", "yes", "maybe", "never", "soon", "late", "x"], dtype=object)
        if loss != "CrossEntropy":
            y = chosen(random, y, labels[y], y * 2 - 3, y == 1 if kind == "binary" else y * 1.5)
    else:
        wrapper = chosen(random, library.CatBoostRegressor, library.CatBoost)
        y = np.column_stack([y, y**2, -y]) if loss == "MultiRMSE" else y
    options = {name: value for name, value in options.items() if value is not None}
    model = wrapper(options) if wrapper is library.CatBoost else wrapper(**options)
    names = random.random() < 0.7
    matrix = frame if names else frame.to_numpy()
    if random.random() < 0.3 and loss != "QueryRMSE":
        more |= {"eval_set": (matrix[-200:], y[-200:]), "early_stopping_rounds": 3}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        training = library.Pool(matrix, y, **{k: v for k, v in more.items() if k == "group_id"})
        model.fit(training, **{k: v for k, v in more.items() if k != "group_id"})
    if random.random() < 0.25:
        bias = np.ravel(model.get_scale_and_bias()[1]) + 0.37
        model.set_scale_and_bias(1.7, bias.tolist() if len(bias) > 1 else float(bias[0]))
    if kind == "binary" and wrapper is library.CatBoostClassifier and random.random() < 0.4:
        model.set_probability_threshold(float(chosen(random, 0.3, 0.9, 0.123)))
    rows = trying_rows(random, frame, _catboost_splits(model, frame), [])
    return Boosted(model, frame, rows)


MAKERS: dict[str, Callable[[Random], Boosted]] = {
    "catboost": catboost,
    "gradient_boosting": gradient_boosting,
    "hist_gradient_boosting": hist_gradient_boosting,
    "isolation_forest": isolation_forest,
    "lightgbm": lightgbm,
    "lightgbm_wrapper": lightgbm_wrapper,
    "xgboost": xgboost,
    "xgboost_wrapper": xgboost_wrapper,
}
