"""ONNX's tree ensembles: against its reference, and exported models against onnxruntime."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import lightgbm
import monobloc
import node_cases
import numpy as np
import onnx
import onnx.helper
import onnxmltools
import onnxruntime
import pytest
import skl2onnx
import xgboost
from node_cases import Case
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator
from onnxmltools.convert.common.data_types import FloatTensorType
from sklearn import ensemble, tree

F32 = np.float32
ML = "ai.onnx.ml"
MODES = ["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ"]
FEATURES = 3
KINDS = {
    np.dtype(name): kind
    for name, kind in {
        "float32": TensorProto.FLOAT,
        "float64": TensorProto.DOUBLE,
        "int32": TensorProto.INT32,
        "int64": TensorProto.INT64,
    }.items()
}


def model(
    operator: str,
    attributes: dict[str, Any],
    outputs: dict[str, int],
    dtype: Any = F32,
    version: int = 3,
    width: int | str = FEATURES,
) -> onnx.ModelProto:
    node = helper.make_node(operator, ["x"], list(outputs), domain=ML, name="here", **attributes)
    graph = helper.make_graph(
        [node],
        "graph",
        [helper.make_tensor_value_info("x", KINDS[np.dtype(dtype)], ["n", width])],
        [helper.make_tensor_value_info(name, kind, None) for name, kind in outputs.items()],
    )
    opsets = [helper.make_opsetid(ML, version)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def regressor(attributes: dict[str, Any], **options: Any) -> onnx.ModelProto:
    return model("TreeEnsembleRegressor", attributes, {"y": TensorProto.FLOAT}, **options)


def classifier(attributes: dict[str, Any], **options: Any) -> onnx.ModelProto:
    kind = TensorProto.STRING if "classlabels_strings" in attributes else TensorProto.INT64
    outputs = {"label": kind, "scores": TensorProto.FLOAT}
    return model("TreeEnsembleClassifier", attributes, outputs, **options)


def nodes(rng: np.random.Generator, n_trees: int = 7) -> tuple[dict[str, list[Any]], list[Any]]:
    """Random trees with all modes, and the pairs of tree and node that are leaves."""
    names = ["treeids", "nodeids", "featureids", "modes", "values", "truenodeids", "falsenodeids"]
    names.append("missing_value_tracks_true")
    listed: dict[str, list[Any]] = {name: [] for name in names}
    leaves = []
    for number in range(n_trees):
        n_branches = int(rng.integers(0 if number else 1, 9))
        for node in range(2 * n_branches + 1):
            is_leaf = node >= n_branches
            row = {
                "treeids": number,
                "nodeids": node,
                "featureids": int(rng.integers(FEATURES)),
                "modes": "LEAF" if is_leaf else MODES[rng.integers(len(MODES))],
                "values": float(F32(rng.integers(-2, 3) * rng.choice([0.1, 1.0]))),
                "truenodeids": 0 if is_leaf else 2 * node + 1,
                "falsenodeids": 0 if is_leaf else 2 * node + 2,
                "missing_value_tracks_true": int(rng.integers(2)),
            }
            for name, value in row.items():
                listed[name].append(value)
            if is_leaf:
                leaves.append((number, node))
    return {f"nodes_{name}": values for name, values in listed.items()}, leaves


def votes(
    rng: np.random.Generator, leaves: list[Any], prefix: str, n_ids: int, positive: bool = False
) -> dict[str, Any]:
    """A weight of each leaf for some of the ids, at least one."""
    chosen = [
        (*leaf, int(i))
        for leaf in leaves
        for i in rng.permutation(n_ids)[: rng.integers(1, n_ids + 1)]
    ]
    weights = rng.random(len(chosen)) if positive else rng.standard_normal(len(chosen))
    trees, numbers, ids = (list(part) for part in zip(*chosen, strict=True))
    return {
        f"{prefix}_treeids": trees,
        f"{prefix}_nodeids": numbers,
        f"{prefix}_ids": ids,
        f"{prefix}_weights": weights.astype(F32).tolist(),
    }


def rows(rng: np.random.Generator, dtype: Any = F32, n: int = 60, width: int = FEATURES) -> Any:
    if np.dtype(dtype).kind == "i":
        return rng.integers(-3, 4, (n, width)).astype(dtype)
    values = rng.integers(-3, 4, (n, width)) * rng.choice([0.1, 1.0], (n, width))
    values = values.astype(F32).astype(dtype)
    values[rng.random((n, width)) < 0.1] = np.nan
    values[rng.random((n, width)) < 0.03] = np.inf
    return values


def expect(made: onnx.ModelProto, x: Any, outputs: list[Any], path: Path) -> None:
    outcome = node_cases.outcome(Case("trees", made, {"x": x}, outputs), path)
    assert outcome == "right"


def reference(made: onnx.ModelProto, x: Any) -> list[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        outputs: list[Any] = ReferenceEvaluator(made).run(None, {"x": x})
    return outputs


@pytest.mark.parametrize("dtype", [F32, np.float64])
@pytest.mark.parametrize("aggregate", ["SUM", "AVERAGE", "MIN", "MAX"])
@pytest.mark.parametrize("n_targets", [1, 3])
def test_regressors(tmp_path: Path, dtype: Any, aggregate: str, n_targets: int) -> None:
    for seed in range(8):
        rng = np.random.default_rng([seed, n_targets])
        attributes, leaves = nodes(rng)
        attributes |= votes(rng, leaves, "target", n_targets)
        attributes |= {"n_targets": n_targets, "aggregate_function": aggregate}
        if seed % 2:
            attributes["base_values"] = rng.random(n_targets).astype(F32).tolist()
        made, x = regressor(attributes, dtype=dtype), rows(rng, dtype)
        (y,) = reference(made, x)
        # Where no leaf votes, the reference has the extremes of the type, and onnxruntime 0.
        y = np.where(np.abs(y) > 1e30, attributes.get("base_values", [0.0] * n_targets), y)
        expect(made, x, [y.astype(F32)], tmp_path / "trees.bloc")


@pytest.mark.parametrize("transform", ["NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO", "PROBIT"])
@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("texts", [False, True])
def test_classifiers(tmp_path: Path, transform: str, n_classes: int, texts: bool) -> None:
    for seed in range(6):
        rng = np.random.default_rng([seed, n_classes])
        attributes, leaves = nodes(rng)
        attributes |= votes(rng, leaves, "class", n_classes, positive=seed % 2 == 0)
        labels = [7, 3, -2, 9][:n_classes]
        if texts:
            attributes["classlabels_strings"] = [f"class {label}" for label in labels]
        else:
            attributes["classlabels_int64s"] = labels
        if seed % 3 == 1:
            attributes["base_values"] = rng.random(n_classes).astype(F32).tolist()
        plain, made = (
            classifier(attributes | {"post_transform": name}) for name in ("NONE", transform)
        )
        x = rows(rng)
        label, scores = reference(plain, x)[0], reference(made, x)[1]
        expect(made, x, [label, np.asarray(scores, F32)], tmp_path / "trees.bloc")


@pytest.mark.parametrize("transform", ["NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO", "PROBIT"])
@pytest.mark.parametrize("dtype", [F32, np.float64, np.int32, np.int64])
def test_two_classes_by_one_weight(tmp_path: Path, transform: str, dtype: Any) -> None:
    for seed in range(6):
        rng = np.random.default_rng([seed, 11])
        attributes, leaves = nodes(rng, n_trees=3)
        attributes |= votes(rng, leaves, "class", 1, positive=seed % 2 == 0)
        attributes |= {"classlabels_int64s": [0, 1], "post_transform": transform}
        if transform == "PROBIT":
            attributes["class_weights"] = [
                abs(weight) / 9 for weight in attributes["class_weights"]
            ]
        elif seed % 3 == 1:
            attributes["base_values"] = [0.25]
        made, x = classifier(attributes, dtype=dtype), rows(rng, dtype)
        label, scores = reference(made, x)
        expect(made, x, [label, np.asarray(scores, F32)], tmp_path / "trees.bloc")


def test_transforms_of_regressors(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    attributes, leaves = nodes(rng)
    attributes |= votes(rng, leaves, "target", 3) | {"n_targets": 3}
    x = rows(rng)
    for transform in ["LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO"]:
        made = regressor(attributes | {"post_transform": transform})
        session = onnxruntime.InferenceSession(made.SerializeToString())
        # onnxruntime takes NaN for unequal to everything, ONNX's text as the node's track says.
        finite = np.nan_to_num(x, nan=0.0)
        expect(made, finite, session.run(None, {"x": finite}), tmp_path / "trees.bloc")


def doubles(values: Any) -> onnx.TensorProto:
    return helper.make_tensor("t", TensorProto.DOUBLE, [len(values)], values)


def test_float64_attributes(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    attributes, leaves = nodes(rng)
    attributes |= votes(rng, leaves, "target", 2) | {"n_targets": 2}
    attributes["nodes_values"] = [value + 1e-12 for value in attributes["nodes_values"]]
    attributes["nodes_modes"] = [m.replace("NEQ", "LEQ") for m in attributes["nodes_modes"]]
    for name in ("nodes_values", "target_weights"):
        attributes[f"{name}_as_tensor"] = doubles(attributes.pop(name))
    made, x = regressor(attributes, dtype=np.float64), rows(rng, np.float64)
    x[::2] += 1e-12
    session = onnxruntime.InferenceSession(made.SerializeToString())
    y = session.run(None, {"x": x})
    expect(made, x, y, tmp_path / "trees.bloc")
    # The thresholds lie between float32 numbers, which onnxruntime refuses for float32 inputs.
    single = x.astype(F32)
    (widened,) = session.run(None, {"x": single.astype(np.float64)})
    expect(regressor(attributes), single, [widened], tmp_path / "trees.bloc")


def test_nan_goes_the_way_of_its_track_in_every_mode(tmp_path: Path) -> None:
    x = np.full((1, FEATURES), np.nan, F32)
    for mode in MODES:
        for track in (None, 0, 1):
            attributes = stump(nodes_modes=[mode, "LEAF", "LEAF"])
            if track is not None:
                attributes["nodes_missing_value_tracks_true"] = [track, 0, 0]
            y = np.array([[1 if track else 2]], F32)
            expect(regressor(attributes), x, [y], tmp_path / "trees.bloc")


def stump(**changes: Any) -> dict[str, Any]:
    """1 where the second feature is at most 0.5, else 2."""
    return {
        "nodes_treeids": [0, 0, 0],
        "nodes_nodeids": [0, 1, 2],
        "nodes_featureids": [1, 0, 0],
        "nodes_modes": ["BRANCH_LEQ", "LEAF", "LEAF"],
        "nodes_values": [0.5, 0.0, 0.0],
        "nodes_truenodeids": [1, 0, 0],
        "nodes_falsenodeids": [2, 0, 0],
        "target_treeids": [0, 0],
        "target_nodeids": [1, 2],
        "target_ids": [0, 0],
        "target_weights": [1.0, 2.0],
        "n_targets": 1,
        **changes,
    }


@pytest.mark.parametrize("dtype", [F32, np.float64])
def test_version_5(tmp_path: Path, dtype: Any) -> None:
    kind = KINDS[np.dtype(dtype)]
    tensor = lambda values, kind=kind: helper.make_tensor("t", kind, [len(values)], values)  # noqa: E731
    for seed in range(12):
        rng = np.random.default_rng([seed, 5])
        n, n_leaves, n_targets = 15, 10, 2
        modes = rng.integers(0, 7, n)
        inner = np.arange(n) < 7
        members = [[*rng.integers(1, 4, rng.integers(0, 4)), np.nan] for mode in modes if mode == 6]
        attributes = {
            "tree_roots": [0],
            "n_targets": n_targets,
            "nodes_modes": tensor(modes.astype(np.uint8), TensorProto.UINT8),
            "nodes_splits": tensor(
                np.where(modes == 6, np.nan, rng.integers(-2, 3, n)).astype(dtype)
            ),
            "nodes_featureids": rng.integers(0, FEATURES, n).tolist(),
            "nodes_truenodeids": np.where(
                inner, 2 * np.arange(n) + 1, rng.integers(0, n_leaves, n)
            ).tolist(),
            "nodes_falsenodeids": np.where(
                inner, 2 * np.arange(n) + 2, rng.integers(0, n_leaves, n)
            ).tolist(),
            "nodes_trueleafs": (~inner).astype(int).tolist(),
            "nodes_falseleafs": (~inner).astype(int).tolist(),
            "nodes_missing_value_tracks_true": rng.integers(0, 2, n).tolist(),
            "leaf_targetids": rng.integers(0, n_targets, n_leaves).tolist(),
            "leaf_weights": tensor(rng.standard_normal(n_leaves).astype(dtype)),
            "aggregate_function": int(rng.integers(2)),
        }
        if members:
            attributes["membership_values"] = tensor(np.concatenate(members).astype(dtype))
        made = model("TreeEnsemble", attributes, {"y": kind}, dtype=dtype, version=5)
        x = rows(rng, dtype)
        if (modes == 5).any():
            x = np.nan_to_num(x, nan=0.0)
        expected = by_hand(attributes, modes, members, x)
        expect(made, x, [expected], tmp_path / "trees.bloc")


def by_hand(attributes: dict[str, Any], modes: Any, members: list[Any], x: Any) -> Any:
    """Version 5 as its text has it. (The reference reads sets in the order of its own walk.)"""
    sets = iter(members)
    found = [set(next(sets)[:-1]) if mode == 6 else set() for mode in modes]
    splits = onnx.numpy_helper.to_array(attributes["nodes_splits"])
    weights = onnx.numpy_helper.to_array(attributes["leaf_weights"])
    y = np.zeros((len(x), attributes["n_targets"]), x.dtype)
    tests: list[Callable[[Any, int], bool]] = [
        lambda value, at: value <= splits[at],
        lambda value, at: value < splits[at],
        lambda value, at: value >= splits[at],
        lambda value, at: value > splits[at],
        lambda value, at: value == splits[at],
        lambda value, at: value != splits[at],
        lambda value, at: value in found[at],
    ]
    for row, sums in zip(x, y, strict=True):
        at, is_leaf = attributes["tree_roots"][0], False
        while not is_leaf:
            value = row[attributes["nodes_featureids"][at]]
            goes = tests[modes[at]](value, at)
            if np.isnan(value):
                goes = bool(attributes["nodes_missing_value_tracks_true"][at])
            way = "true" if goes else "false"
            is_leaf = bool(attributes[f"nodes_{way}leafs"][at])
            at = attributes[f"nodes_{way}nodeids"][at]
        sums[attributes["leaf_targetids"][at]] += weights[at]
    return y


def test_inputs_may_be_wider_than_trees_look(tmp_path: Path) -> None:
    x = np.linspace(-1, 1, 40, dtype=F32).reshape(8, 5)
    y = np.where(x[:, 1:2] <= 0.5, 1, 2).astype(F32)
    for width in (5, "features"):
        expect(regressor(stump(), width=width), x, [y], tmp_path / "trees.bloc")


def test_any_batch_and_number_of_threads_gives_the_same_bits(tmp_path: Path) -> None:
    rng = np.random.default_rng(8)
    attributes, leaves = nodes(rng, n_trees=900)
    attributes |= votes(rng, leaves, "class", 3) | {"classlabels_strings": ["a", "b", "c"]}
    attributes["post_transform"] = "SOFTMAX"
    attributes["nodes_modes"] = [m.replace("NEQ", "EQ") for m in attributes["nodes_modes"]]
    path = tmp_path / "trees.bloc"
    report = monobloc.pack(classifier(attributes), path)
    assert report.batch == "symbolic"
    assert report.notes == ()
    x = rows(rng, n=3000)
    whole = monobloc.load(path, threads=1).run(x).outputs
    for threads in (1, 2):
        engine = monobloc.load(path, threads=threads)
        for size in (1, 7, 64, 1500, 3000):
            for first in (0, 3000 - size):
                part = engine.run(x[first : first + size]).outputs
                for name, values in part.items():
                    assert values.tolist() == whole[name][first : first + size].tolist()
        assert engine.run(x[:0]).outputs["scores"].shape == (0, 3)
    (constant,) = engine.load_report.constants
    assert constant.mapped
    assert not constant.packed


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"nodes_truenodeids": [0, 0, 0]}, "cycle"),
    ({"nodes_falsenodeids": [9, 0, 0]}, "false child 9"),
    ({"nodes_featureids": [3, 0, 0]}, "feature 3; its input has 3"),
    ({"nodes_values": [float("nan"), 0.0, 0.0]}, "NaN"),
    ({"nodes_values": [0.5]}, "nodes_values has 1 entries"),
    ({"nodes_modes": ["BRANCH", "LEAF", "LEAF"]}, 'mode "BRANCH"'),
    ({"target_ids": [0, 5]}, "target 5"),
    ({"base_values": [1.0, 2.0]}, "2 base_values"),
]


@pytest.mark.parametrize(("changes", "text"), REFUSED)
def test_refusals_name_the_node(tmp_path: Path, changes: dict[str, Any], text: str) -> None:
    with pytest.raises(node_cases.REFUSALS) as caught:
        monobloc.pack(regressor(stump(**changes)), tmp_path / "trees.bloc")
    message = str(caught.value)
    assert f'operator TreeEnsembleRegressor ({ML}) of node "here": ' in message
    assert text in message


def test_what_onnxs_reference_and_onnxruntime_read_differently_is_refused(tmp_path: Path) -> None:
    leaves = {f"class_{name}": [0, 0] for name in ("treeids", "ids")}
    leaves |= {"class_nodeids": [1, 2], "class_weights": [0.25, 0.75]}
    trees = {name: value for name, value in stump().items() if name.startswith("nodes")}
    for changes, text in [
        ({"classlabels_int64s": [1]}, "1 class labels"),
        ({"classlabels_int64s": [0, 1], "class_ids": [1, 1]}, "all for class 1"),
        ({"classlabels_int64s": [0, 1], "base_values": [0.1, 0.1]}, "2 base_values for 1 sums"),
    ]:
        with pytest.raises(monobloc.UnsupportedError, match=text):
            monobloc.pack(classifier(trees | leaves | changes), tmp_path / "trees.bloc")


def test_other_operators_of_the_domain_are_refused(tmp_path: Path) -> None:
    made = model("Normalizer", {"norm": "L2"}, {"y": TensorProto.FLOAT})
    with pytest.raises(monobloc.UnsupportedError, match=r"Normalizer \(ai.onnx.ml, version 3\)"):
        monobloc.pack(made, tmp_path / "model.bloc")


# ---- exported models ----

RNG = np.random.default_rng(1)
X = RNG.standard_normal((300, 6)).astype(F32)
NUMBERS = (2 * X[:, 0] + X[:, 1] ** 2).astype(F32)
TWO = (NUMBERS > 0.8).astype(int)
THREE = np.digitize(NUMBERS, [0, 1.5])
MISSING = np.where(RNG.random(X.shape) < 0.1, np.nan, X).astype(F32)
CATEGORIES = np.column_stack([RNG.integers(0, 9, 300), X[:, 1:]]).astype(F32)
TYPES = [("x", FloatTensorType([None, 6]))]

QUIET = {"verbose": -1, "num_threads": 1}


def sklearn_model(name: str, y: Any, x: Any = X, zipmap: bool = False) -> Any:
    few = {"max_iter": 8} if name.startswith("Hist") else {"n_estimators": 8}
    module = tree if name.startswith("Decision") else ensemble
    few = {} if module is tree else few
    fitted = getattr(module, name)(**few, random_state=0).fit(x, y)
    options = {"zipmap": zipmap} if name.endswith("Classifier") else None
    return skl2onnx.to_onnx(fitted, x[:1], options=options)


def lightgbm_model(objective: str, y: Any, x: Any = X, **parameters: Any) -> Any:
    categories = [0] if x is CATEGORIES else []
    data = lightgbm.Dataset(x, y, categorical_feature=categories)
    fitted = lightgbm.train(QUIET | {"objective": objective} | parameters, data, 8)
    return onnxmltools.convert_lightgbm(fitted, initial_types=TYPES)


def xgboost_model(kind: Any, y: Any, x: Any = X, **parameters: Any) -> Any:
    fitted = kind(n_estimators=8, n_jobs=1, **parameters).fit(x, y)
    return onnxmltools.convert_xgboost(fitted, initial_types=TYPES)


def _exported() -> Iterator[tuple[str, Callable[[], Any], Any]]:
    names = np.array(["no", "yes"])
    for kind in (
        "RandomForest",
        "ExtraTrees",
        "GradientBoosting",
        "HistGradientBoosting",
        "DecisionTree",
    ):
        for y, what in ((TWO, "two"), (THREE, "three"), (names[TWO], "texts")):
            yield f"{kind} {what}", lambda k=kind, y=y: sklearn_model(f"{k}Classifier", y), X
        yield f"{kind} numbers", lambda k=kind: sklearn_model(f"{k}Regressor", NUMBERS), X
    for y, what in ((THREE, "three"), (names[TWO], "texts")):
        make = lambda y=y: sklearn_model("RandomForestClassifier", y, zipmap=True)  # noqa: E731
        yield f"RandomForest {what} in dictionaries", make, X
    both = np.column_stack([NUMBERS, -NUMBERS])
    yield "RandomForest pairs", lambda: sklearn_model("RandomForestRegressor", both), X
    wide = X.astype(np.float64)
    make = lambda: sklearn_model("RandomForestClassifier", TWO, wide)  # noqa: E731
    yield "RandomForest float64", make, wide
    make = lambda: sklearn_model("HistGradientBoostingClassifier", TWO, MISSING)  # noqa: E731
    yield "HistGradientBoosting missing", make, MISSING
    yield "LightGBM two", lambda: lightgbm_model("binary", TWO), X
    yield "LightGBM three", lambda: lightgbm_model("multiclass", THREE, num_class=3), X
    yield "LightGBM numbers", lambda: lightgbm_model("regression", NUMBERS), X
    yield "LightGBM poisson", lambda: lightgbm_model("poisson", abs(NUMBERS)), X
    sets = {"min_data_per_group": 1, "cat_smooth": 1}
    make = lambda: lightgbm_model("regression", NUMBERS, CATEGORIES, **sets)  # noqa: E731
    yield "LightGBM categories", make, CATEGORIES
    yield "XGBoost two", lambda: xgboost_model(xgboost.XGBClassifier, TWO), X
    yield "XGBoost three", lambda: xgboost_model(xgboost.XGBClassifier, THREE), X
    yield "XGBoost numbers", lambda: xgboost_model(xgboost.XGBRegressor, NUMBERS), X
    make = lambda: xgboost_model(xgboost.XGBClassifier, TWO, MISSING)  # noqa: E731
    yield "XGBoost missing", make, MISSING


@pytest.mark.parametrize(
    ("name", "make", "x"), list(_exported()), ids=lambda part: part if isinstance(part, str) else ""
)
def test_exported_models(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, make: Any, x: Any
) -> None:
    monkeypatch.setattr(onnx.helper, "make_attribute", plain_attribute)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = make()
    (field,) = made.graph.input
    given = {field.name: x}
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    expected = onnxruntime.InferenceSession(made.SerializeToString(), options).run(None, given)
    report = monobloc.pack(made, tmp_path / "model.bloc", golden=given)
    assert report.compared_with.startswith("onnxruntime")
    assert report.batch == "symbolic"
    found = monobloc.load(tmp_path / "model.bloc").run(given).outputs
    assert list(found) == [output.name for output in made.graph.output]
    for have, want in zip(found.values(), expected, strict=True):
        if isinstance(want, list) and isinstance(want[0], dict):
            # The labels are in order here, as the dictionaries' keys are.
            want = np.array([list(row.values()) for row in want], F32)
            assert any("dictionaries" in note for note in report.notes)
        want = np.asarray(want)
        if want.dtype.kind == "f":
            np.testing.assert_allclose(have, want, rtol=1e-5, atol=1e-5 * np.abs(want).max())
        else:
            assert have.tolist() == want.tolist()


def plain_attribute(
    name: str, value: Any, *rest: Any, make: Any = helper.make_attribute, **named: Any
) -> Any:
    """skl2onnx lists truth values, which newer versions of protobuf refuse among integers."""
    if isinstance(value, list):
        value = [int(entry) if isinstance(entry, (bool, np.bool_)) else entry for entry in value]
    return make(name, value, *rest, **named)
