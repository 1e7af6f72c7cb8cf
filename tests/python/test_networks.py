"""Networks: packed from ONNX, run on arrays, held against onnxruntime."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import zipfile
from pathlib import Path
from typing import Any

import monobloc
import networks
import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
from children import fork
from forks import join
from monobloc.packing import network as packing
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OneHotEncoder

CLOSE = 1e-4


@pytest.fixture(scope="session", params=sorted(networks.MODELS))
def packed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Path, Path]:
    """A model's name, its ONNX file, and its bloc."""
    name = request.param
    folder = tmp_path_factory.mktemp(name)
    source, bloc = folder / f"{name}.onnx", folder / f"{name}.bloc"
    onnx.save(networks.MODELS[name](), source)
    report = monobloc.pack(source, bloc)
    assert report.compared_with.startswith("onnxruntime")
    assert report.batch == networks.BATCHES[name]
    assert report.notes == ()
    return name, source, bloc


def reference(source: Path | bytes, arrays: dict[str, Any]) -> list[np.ndarray]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    given = source if isinstance(source, bytes) else os.fspath(source)
    session = onnxruntime.InferenceSession(given, options, ["CPUExecutionProvider"])
    outputs: list[np.ndarray] = session.run(None, arrays)
    return outputs


def assert_close(found: np.ndarray, expected: np.ndarray) -> None:
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= CLOSE * np.abs(expected).max()


def test_outputs_are_onnxruntimes(packed: tuple[str, Path, Path]) -> None:
    name, source, bloc = packed
    engine = monobloc.load(bloc)
    for rows in (1, 5):
        arrays = networks.inputs(name, rows, seed=rows)
        outputs = engine.run(arrays).outputs
        for found, expected in zip(outputs.values(), reference(source, arrays), strict=True):
            assert_close(found, expected)


def test_a_row_has_the_same_bits_in_every_batch(packed: tuple[str, Path, Path]) -> None:
    name, _, bloc = packed
    arrays = networks.inputs(name, 32)
    engines = [monobloc.load(bloc, threads=threads) for threads in (1, 2)]
    whole = engines[0].run(arrays).outputs
    for engine in engines:
        for size in (1, 2, 7, 32):
            for first in range(0, 32 - size + 1, size):
                part = {key: value[first : first + size] for key, value in arrays.items()}
                for output, found in engine.run(part).outputs.items():
                    assert found.tobytes() == whole[output][first : first + size].tobytes()


def test_no_large_constant_is_private(packed: tuple[str, Path, Path]) -> None:
    constants = monobloc.load(packed[2]).load_report.constants
    assert constants
    assert [constant for constant in constants if not constant.mapped] == []


def test_other_tools_open_what_is_inside(packed: tuple[str, Path, Path], tmp_path: Path) -> None:
    name, source, bloc = packed
    subprocess.run(["unzip", "-q", bloc, "model.onnx*", "-d", tmp_path], check=True)
    extracted = tmp_path / "model.onnx"
    arrays = networks.inputs(name, 3)
    for found, expected in zip(
        reference(extracted, arrays), reference(source, arrays), strict=True
    ):
        assert found.tobytes() == expected.tobytes()
    with zipfile.ZipFile(bloc) as archive:
        assert archive.testzip() is None


def test_bytes_protos_and_files_with_external_data_give_one_bloc(tmp_path: Path) -> None:
    model = networks.mlp()
    inline, outside = tmp_path / "inline.onnx", tmp_path / "outside.onnx"
    onnx.save(model, inline)
    onnx.save(networks.mlp(), outside, save_as_external_data=True, location="weights.bin")
    sources: list[Any] = [inline, os.fspath(outside), inline.read_bytes(), model]
    digests = {
        monobloc.pack(source, tmp_path / "same.bloc", name="same").digest for source in sources
    }
    assert len(digests) == 1


def test_the_command_packs_without_python(packed: tuple[str, Path, Path], tmp_path: Path) -> None:
    name, source, bloc = packed
    mine = tmp_path / "mine.bloc"
    arguments = ["pack", source, mine, "--name", name, "--version", "7", "--metadata", "a=b"]
    command = [sys.executable, "-m", "monobloc", *map(os.fspath, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    engine = monobloc.load(mine)
    assert engine.digest in done.stdout
    assert (engine.version, engine.manifest["metadata"]) == ("7", {"a": "b"})
    arrays = networks.inputs(name, 2)
    for output, found in engine.run(arrays).outputs.items():
        assert found.tobytes() == monobloc.load(bloc).run(arrays).outputs[output].tobytes()
    verify = [sys.executable, "-m", "monobloc", "verify", mine]
    assert subprocess.run(verify, capture_output=True, check=False).returncode == 0


MASKED = """
import json, sys
import monobloc, numpy
def private():
    lines = dict(line.split(":") for line in open("/proc/self/status"))
    return sum(int(lines[key].split()[0]) for key in ("RssAnon", "RssShmem"))
before = private()
engine = monobloc.load(sys.argv[1])
added = private() - before
print(json.dumps([added, [constant.mapped for constant in engine.load_report.constants]]))
"""


@pytest.mark.parametrize("vendor", ["amd", "intel"])
@pytest.mark.parametrize("level", ["x86-64-v3", "x86-64-v4"])
def test_panels_for_named_processors(tmp_path: Path, level: str, vendor: str) -> None:
    """Packed as by a machine without AVX, and loaded as by one of the level, by either vendor."""
    source, bloc = tmp_path / "conv_net.onnx", tmp_path / "conv_net.bloc"
    onnx.save(networks.conv_net(), source)
    narrow = {"TRACT_CPU_ISA": "-avx,-avx2,-fma,-f16c,-avx512f,-avx512vnni"}
    script = "import sys, monobloc; monobloc.pack(*sys.argv[1:3], tune=sys.argv[3:])"
    command = [sys.executable, "-c", script, source, bloc, "x86-64-v3", "x86-64-v4"]
    subprocess.run(command, env={**os.environ, **narrow}, check=True)
    wide = "-avx512f,-avx512vnni,-avx512fp16" if level == "x86-64-v3" else ""
    masked = {"TRACT_CPU_ISA": wide, "TRACT_X86_KIND": vendor}
    command = [sys.executable, "-c", MASKED, os.fspath(bloc)]
    done = subprocess.run(
        command, env={**os.environ, **masked}, capture_output=True, text=True, check=True
    )
    added, mapped = json_of(done.stdout)
    assert added <= 8 * 1024
    assert mapped
    assert all(mapped)


def test_variables_that_change_kernels_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    report = monobloc.pack(networks.mlp(), tmp_path / "m.bloc")
    monkeypatch.setenv("TRACT_AMX_BF16", "1")
    engine = monobloc.load(report.path)
    assert engine.load_report.kernel_variables == ["TRACT_AMX_BF16"]
    assert "TRACT_AMX_BF16 is set" in caplog.text


def json_of(text: str) -> Any:
    import json

    return json.loads(text)


def test_unknown_processors_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(monobloc.InvalidArgumentError, match=r"x86-64-v9.*x86-64-v3"):
        monobloc.pack(networks.mlp(), tmp_path / "m.bloc", tune=["x86-64-v9"])
    assert list(tmp_path.iterdir()) == []


def test_untuned_blocs_are_smaller_and_answer_the_same(tmp_path: Path) -> None:
    plain = monobloc.pack(networks.mlp(), tmp_path / "plain.bloc", tune=False)
    tuned = monobloc.pack(networks.mlp(), tmp_path / "tuned.bloc")
    assert plain.size_bytes < tuned.size_bytes
    arrays = networks.inputs("mlp", 4)
    found = [monobloc.load(report.path).predict(arrays).tobytes() for report in (plain, tuned)]
    assert found[0] == found[1]


def test_rows_with_values_that_are_not_finite(tmp_path: Path) -> None:
    arrays = networks.inputs("mlp", 4)
    clean = networks.inputs("mlp", 4)
    arrays["x"][1, 3], arrays["x"][3, 0] = np.nan, np.inf
    for policy, status in (("flag", "flagged"), ("reject", "rejected")):
        report = monobloc.pack(networks.mlp(), tmp_path / "m.bloc", non_finite=policy)
        engine = monobloc.load(report.path)
        prediction = engine.run(arrays)
        verdicts = [verdict.status for verdict in prediction.verdicts]
        assert verdicts == ["ok", status, "ok", status]
        assert getattr(prediction.verdicts, status) == [1, 3]
        expected = engine.run(clean).outputs["y"]
        assert prediction.outputs["y"][::2].tobytes() == expected[::2].tobytes()
    with pytest.raises(monobloc.RowsRejected, match="row 1") as caught:
        engine.predict(arrays)
    assert (caught.value.field, caught.value.row) == ("x", 1)
    assert np.isnan(prediction.outputs["y"][[1, 3]]).all()


def test_inputs_that_do_not_fit_are_named(tmp_path: Path) -> None:
    engine = monobloc.load(monobloc.pack(networks.encoder(), tmp_path / "e.bloc").path)
    ids, mask = networks.inputs("encoder", 2).values()
    misfits: list[tuple[Any, str]] = [
        ({"ids": ids}, 'lacks "mask"'),
        ({"ids": ids, "mask": mask, "more": mask}, 'no input "more"'),
        ({"ids": ids.astype(np.int32), "mask": mask}, "int32.*expected int64"),
        ({"ids": ids, "mask": mask[:, :4]}, "sequence 11 as in another input"),
        ({"ids": ids[0], "mask": mask}, r"\[11\]; expected int64 \[batch, sequence\]"),
        ({"ids": "words", "mask": mask}, "ids"),
        (ids, "expected a dict of arrays"),
    ]
    for values, words in misfits:
        with pytest.raises(monobloc.SchemaError, match=words):
            engine.run(values)
    assert engine.run({"ids": ids.tolist(), "mask": mask.tolist()}).outputs["y"].shape == (
        2,
        11,
        96,
    )
    assert engine.run({"ids": ids[:0], "mask": mask[:0]}).outputs["mean"].shape == (0, 96)
    assert list(engine.feature_names_in_) == ["ids", "mask"]
    with pytest.raises(monobloc.InvalidArgumentError, match="2 outputs"):
        engine.predict({"ids": ids, "mask": mask})


@pytest.mark.parametrize(
    ("kind", "dtype"),
    [
        (onnx.TensorProto.FLOAT16, np.float16),
        (onnx.TensorProto.DOUBLE, np.float64),
        (onnx.TensorProto.INT32, np.int32),
        (onnx.TensorProto.INT64, np.int64),
        (onnx.TensorProto.UINT8, np.uint8),
        (onnx.TensorProto.BOOL, np.bool_),
        (onnx.TensorProto.STRING, np.object_),
    ],
)
def test_every_type_goes_in_and_comes_out(tmp_path: Path, kind: int, dtype: Any) -> None:
    make = networks.Builder()
    made = make.node("Transpose", "x", perm=[0, 2, 1])
    model = make.model([("x", kind, ["batch", 2, 3])], {"y": made})
    model.graph.output[0].type.tensor_type.elem_type = kind
    engine = monobloc.load(monobloc.pack(model, tmp_path / "m.bloc").path)
    values = np.arange(12).reshape(2, 2, 3)
    x = values.astype(str).astype(object) if dtype is np.object_ else (values % 2).astype(dtype)
    for given in (x, x[:, ::-1][:, ::-1], np.asfortranarray(x)):
        found = engine.run({"x": given}).outputs["y"]
        assert found.dtype == dtype
        assert (found == x.transpose(0, 2, 1)).all()


def test_preprocessing_before_a_network(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(
        {
            "income": np.where(rng.random(300) < 0.1, np.nan, rng.lognormal(8, 1, 300)),
            "region": rng.choice(["north", "south", "east"], 300),
        }
    )
    prepare = make_column_transformer(
        (SimpleImputer(add_indicator=True), ["income"]), (OneHotEncoder(), ["region"])
    ).fit(frame)
    make = networks.Builder(9)
    hidden = make.node("Relu", make.node("MatMul", "features", make.weight(5, 64, scale=1e-3)))
    model = make.model(
        [("features", networks.FLOAT, ["batch", 5])],
        {"y": make.node("MatMul", hidden, make.weight(64, 1))},
    )
    report = monobloc.pack(model, tmp_path / "m.bloc", preprocess=prepare, reference=frame)
    assert report.max_rel_diff <= CLOSE
    assert (report.reference_rows, report.validation_rows) == (300, 0)
    with zipfile.ZipFile(report.path) as bloc:
        known = json.loads(bloc.read("reference.json"))
    assert [(field["name"], field["rows"]) for field in known["fields"]] == [
        ("income", 300),
        ("region", 300),
    ]
    assert known["outputs"] is None
    with pytest.raises(monobloc.InvalidArgumentError, match="a network's are not"):
        monobloc.pack(model, report.path, preprocess=prepare, reference=frame, validation=frame)
    engine = monobloc.load(report.path)
    assert engine.manifest["provenance"]["reference_rows"] == "300"
    assert list(engine.feature_names_in_) == ["income", "region"]
    features = np.asarray(prepare.transform(frame), dtype=np.float32)
    expected = reference(model.SerializeToString(), {"features": features})[0]
    assert_close(engine.predict(frame), expected)
    assert_close(engine.predict(frame.to_dict("records")[:3]), expected[:3])
    bad = frame[:3].copy()
    bad.loc[1, "region"] = "mars"
    prediction = engine.run(bad)
    assert prediction.verdicts.rejected == [1]
    assert np.isnan(prediction.outputs["y"][1]).all()
    assert_close(prediction.outputs["y"][[0, 2]], expected[[0, 2]])
    many = pd.concat([frame] * (70_000 // len(frame) + 1), ignore_index=True)[:70_000]
    many.loc[69_998, "region"] = "mars"
    prediction = engine.run(many)
    assert prediction.verdicts.rejected == [69_998]
    assert np.flatnonzero(np.isnan(prediction.outputs["y"]).any(axis=1)).tolist() == [69_998]
    narrow = make_column_transformer((SimpleImputer(), ["income"])).fit(frame)
    with pytest.raises(monobloc.InvalidArgumentError, match="gives 1 features"):
        monobloc.pack(model, tmp_path / "n.bloc", preprocess=narrow, reference=frame)


def test_without_onnxruntime_the_unoptimised_graph_is_the_reference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    report = monobloc.pack(networks.conv_net(), tmp_path / "m.bloc")
    assert report.compared_with == packing.UNOPTIMISED
    assert 0 < report.max_rel_diff <= CLOSE


def test_other_outputs_are_refused_and_leave_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def off(source: Any, draft: Any, cases: Any) -> tuple[list[Any], str, list[str]]:
        outputs = [reference(source, case) for case in cases]
        return [[array * 1.001 for array in case] for case in outputs], "another runtime", []

    monkeypatch.setattr(packing, "_expected", off)
    with pytest.raises(monobloc.GoldenMismatchError, match="nothing was written"):
        monobloc.pack(networks.mlp(), tmp_path / "m.bloc")
    assert list(tmp_path.iterdir()) == []


def test_golden_cases_are_compared_beside_made_up_ones(tmp_path: Path) -> None:
    made_up = monobloc.pack(networks.encoder(), tmp_path / "made-up.bloc").golden_rows
    given = [networks.inputs("encoder", rows) for rows in (2, 5)]
    report = monobloc.pack(networks.encoder(), tmp_path / "given.bloc", golden=given)
    assert report.golden_rows == 2 + 5 + made_up
    with pytest.raises(monobloc.InvalidArgumentError, match='lacks input "mask"'):
        monobloc.pack(networks.encoder(), tmp_path / "m.bloc", golden={"ids": given[0]["ids"]})


def test_shapes_can_be_given(tmp_path: Path) -> None:
    make = networks.Builder()
    y = make.node("MatMul", "x", make.weight(16, 8))
    fixed = make.model([("x", networks.FLOAT, [4, 16])], {"y": y})
    report = monobloc.pack(fixed, tmp_path / "fixed.bloc")
    assert report.batch == "fixed"
    assert "no batch axis" in report.notes[0]
    free = monobloc.pack(fixed, tmp_path / "free.bloc", inputs={"x": ["rows", 16]})
    assert free.batch == "symbolic"
    assert "onnxruntime does not run this model on these inputs" in free.notes[0]
    assert monobloc.load(free.path).predict(np.zeros((9, 16), np.float32)).shape == (9, 8)
    with pytest.raises(monobloc.InvalidArgumentError, match='names "z"'):
        monobloc.pack(fixed, tmp_path / "z.bloc", inputs={"z": [1, 16]})


def centred(make: networks.Builder) -> str:
    mean = make.node("ReduceMean", "x", make.constant([0]), keepdims=1)
    return str(make.node("Sub", "x", mean))


def shares(make: networks.Builder) -> str:
    return str(make.node("Softmax", "x", axis=0))


def counted(make: networks.Builder) -> str:
    rows = make.node("Gather", make.node("Shape", "x"), make.constant(np.array(0)))
    return str(make.node("Div", "x", make.node("Cast", rows, to=networks.FLOAT)))


def summed(make: networks.Builder) -> str:
    return str(make.node("CumSum", "x", make.constant(np.array(0))))


@pytest.mark.parametrize("mix", [centred, shares, counted, summed])
def test_a_graph_that_mixes_rows_says_so(tmp_path: Path, mix: Any) -> None:
    make = networks.Builder()
    model = make.model([("x", networks.FLOAT, ["batch", 8])], {"y": mix(make)})
    report = monobloc.pack(model, tmp_path / "m.bloc")
    assert report.batch == "coupled"
    assert "may depend on its batch" in report.notes[0]
    arrays = {"x": np.arange(24, dtype=np.float32).reshape(3, 8)}
    expected = reference(model.SerializeToString(), arrays)[0]
    assert_close(monobloc.load(report.path).predict(arrays), expected)


def test_children_forked_while_the_parent_runs(packed: tuple[str, Path, Path]) -> None:
    name, _, bloc = packed
    engine = monobloc.load(bloc, threads=2)
    arrays = networks.inputs(name, 6)
    expected = {key: value.tobytes() for key, value in engine.run(arrays).outputs.items()}

    def answers() -> None:
        for _ in range(3):
            found = engine.run(arrays).outputs
            assert {key: value.tobytes() for key, value in found.items()} == expected

    stop = threading.Event()

    def busy() -> None:
        while not stop.is_set():
            engine.run(arrays)

    threads = [threading.Thread(target=busy) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(5):
            join(*[fork(answers) for _ in range(2)])
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    answers()
