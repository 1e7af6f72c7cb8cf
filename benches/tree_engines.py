"""Monobloc and its peers behind one face, for trees.

Each engine makes what it runs once, keeps it in the model's folder, and then takes rows as it
likes them best, made ready before anything is timed.
"""

from __future__ import annotations

import ctypes
import os
from pathlib import Path
from typing import Any

import numpy as np
from tree_models import Facts

COMPILED_NODES = 1_000_000
"""Nodes beyond which tl2cgen's C source is not compiled: gcc would take hours."""

CONVERTED_NODE = 1_100
"""Bytes of memory that skl2onnx needs for a node."""


class Engine:
    """What runs a model: the class names its packages, the object holds it for one model."""

    packages: tuple[str, ...]
    """The first is its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.facts = Facts.read(folder)

    def trained(self) -> Any:
        """The model as it was trained."""
        import joblib

        return joblib.load(self.folder / "model.joblib")

    def refusal(self) -> str | None:
        """Why it takes no such model."""
        return None

    def kept(self) -> Path | None:
        """The file that it runs, where that is not the library's own."""
        return None

    def make(self, path: Path) -> None:
        """Writes what becomes `kept`."""

    def load(self, threads: int) -> None:
        raise NotImplementedError

    def ready(self, rows: np.ndarray) -> Any:
        """The rows as `predict` takes them."""
        return rows

    def predict(self, rows: Any) -> Any:
        raise NotImplementedError

    def probabilities(self, rows: np.ndarray) -> np.ndarray:
        """Of the second class."""
        found = np.asarray(self.predict(self.ready(rows)))
        return found.reshape(len(rows), -1)[:, -1]


class Monobloc(Engine):
    packages = ("monobloc",)

    def kept(self) -> Path:
        return self.folder / "model.bloc"

    def open(self) -> None:
        """Loads what `make` packs."""
        import monobloc  # noqa: F401

        self._trained = self.trained()
        self._reference = np.load(self.folder / "reference.npy")

    def make(self, path: Path) -> None:
        import monobloc

        monobloc.pack(self._trained, path, reference=self._reference)

    def load(self, threads: int) -> None:
        import monobloc

        self._engine = monobloc.load(self.kept(), threads=threads)

    def predict(self, rows: np.ndarray) -> np.ndarray:
        return self._engine.predict_proba(rows)

    def both(self, rows: np.ndarray) -> np.ndarray:
        """The probabilities of both classes."""
        return self._engine.predict_proba(rows)

    def raw(self, rows: np.ndarray) -> np.ndarray:
        """What the trees add up to."""
        return self._engine.raw_score(rows)


class LightGBM(Engine):
    packages = ("lightgbm",)

    def load(self, threads: int) -> None:
        import lightgbm

        self._booster = lightgbm.Booster(model_file=self.folder / "model.txt")
        self._threads = threads

    def predict(self, rows: np.ndarray) -> np.ndarray:
        return self._booster.predict(rows, num_threads=self._threads)


class LightGBMFast(LightGBM):
    """One row by way of the C function that keeps its configuration."""

    def load(self, threads: int) -> None:
        from lightgbm.basic import _LIB, _safe_call

        super().load(threads)
        self._configuration = ctypes.c_void_p()
        _safe_call(
            _LIB.LGBM_BoosterPredictForMatSingleRowFastInit(
                self._booster._handle,
                ctypes.c_int(0),  # probabilities
                ctypes.c_int(0),  # from the first tree
                ctypes.c_int(-1),  # to the last
                ctypes.c_int(1),  # of float64
                ctypes.c_int32(self.facts.columns),
                f"num_threads={threads}".encode(),
                ctypes.byref(self._configuration),
            )
        )
        self._call = _LIB.LGBM_BoosterPredictForMatSingleRowFast
        self._answer = ctypes.c_double()
        self._places = ctypes.byref(ctypes.c_int64()), ctypes.byref(self._answer)

    def ready(self, rows: np.ndarray) -> ctypes.c_void_p:
        return ctypes.c_void_p(rows.ctypes.data)

    def predict(self, rows: ctypes.c_void_p) -> float:
        self._call(self._configuration, rows, *self._places)
        return self._answer.value

    def probabilities(self, rows: np.ndarray) -> np.ndarray:
        return np.array([self.predict(self.ready(row)) for row in rows])


class XGBoost(Engine):
    packages = ("xgboost-cpu",)

    def load(self, threads: int) -> None:
        import xgboost

        self._booster = xgboost.Booster(model_file=self.folder / "model.ubj")
        self._booster.set_param({"nthread": threads})

    def predict(self, rows: np.ndarray) -> np.ndarray:
        return self._booster.inplace_predict(rows)


class ScikitLearn(Engine):
    packages = ("scikit-learn",)

    def load(self, threads: int) -> None:
        self._model = self.trained().set_params(n_jobs=threads)

    def predict(self, rows: np.ndarray) -> np.ndarray:
        return self._model.predict_proba(rows)


class Onnxruntime(Engine):
    packages = ("onnxruntime", "onnxmltools", "skl2onnx")

    def refusal(self) -> str | None:
        needed = self.facts.nodes * CONVERTED_NODE
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        if self.kept().exists() or needed < free:
            return None
        return (
            f"converting needs about {needed / 1e9:.0f} GB of memory; {free / 1e9:.0f} GB are free"
        )

    def kept(self) -> Path:
        return self.folder / "model.onnx"

    def make(self, path: Path) -> None:
        model, name = self.trained(), self.facts.model
        if name == "lightgbm":
            from onnxmltools import convert_lightgbm
            from onnxmltools.convert.common.data_types import FloatTensorType

            types = [("x", FloatTensorType([None, self.facts.columns]))]
            converted = convert_lightgbm(model, initial_types=types, zipmap=False)
        elif name == "xgboost":
            from onnxmltools import convert_xgboost
            from onnxmltools.convert.common.data_types import FloatTensorType

            types = [("x", FloatTensorType([None, self.facts.columns]))]
            converted = convert_xgboost(model, initial_types=types)
        else:
            from skl2onnx import convert_sklearn
            from skl2onnx.common.data_types import FloatTensorType

            types = [("x", FloatTensorType([None, self.facts.columns]))]
            options = {id(model): {"zipmap": False}}
            converted = convert_sklearn(model, initial_types=types, options=options)
        path.write_bytes(converted.SerializeToString())

    def load(self, threads: int) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        providers = ["CPUExecutionProvider"]
        self._session = onnxruntime.InferenceSession(self.kept(), options, providers)
        self._input = self._session.get_inputs()[0].name
        self._outputs = [self._session.get_outputs()[-1].name]

    def ready(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        return {self._input: rows.astype(np.float32)}

    def predict(self, rows: dict[str, np.ndarray]) -> np.ndarray:
        return self._session.run(self._outputs, rows)[0]


class Treelite(Engine):
    packages = ("treelite",)

    def kept(self) -> Path:
        return self.folder / "model.treelite"

    def read(self) -> Any:
        """The model read from its library's file, or from scikit-learn's object."""
        import treelite

        if self.facts.model == "lightgbm":
            return treelite.frontend.load_lightgbm_model(self.folder / "model.txt")
        if self.facts.model == "xgboost":
            return treelite.frontend.load_xgboost_model(self.folder / "model.ubj")
        return treelite.sklearn.import_model(self.trained())

    def make(self, path: Path) -> None:
        self.read().serialize(path)

    def load(self, threads: int) -> None:
        import treelite

        self._model = treelite.Model.deserialize(self.kept())
        self._predict = treelite.gtil.predict
        self._threads = threads

    def ready(self, rows: np.ndarray) -> np.ndarray:
        return rows.astype(self._model.input_type)

    def predict(self, rows: np.ndarray) -> np.ndarray:
        return self._predict(self._model, rows, nthread=self._threads)


class Tl2cgen(Treelite):
    packages = ("tl2cgen", "treelite")

    def refusal(self) -> str | None:
        if self.facts.nodes > COMPILED_NODES:
            return f"gcc would take hours for the C source of {self.facts.nodes:,} nodes"
        return None

    def kept(self) -> Path:
        return self.folder / "model.so"

    def make(self, path: Path) -> None:
        import tl2cgen

        # About 10 000 nodes to a unit keep gcc's memory within bounds.
        units = max(2, self.facts.nodes // 10_000)
        tl2cgen.export_lib(self.read(), "gcc", path, params={"parallel_comp": units}, nthread=2)

    def load(self, threads: int) -> None:
        import tl2cgen

        self._predictor = tl2cgen.Predictor(self.kept(), nthread=threads)
        self._matrix = tl2cgen.DMatrix

    def ready(self, rows: np.ndarray) -> np.ndarray:
        return rows.astype(self._predictor.threshold_type)

    def predict(self, rows: np.ndarray) -> np.ndarray:
        return self._predictor.predict(self._matrix(rows))


class Lleaves(Engine):
    packages = ("lleaves",)

    def refusal(self) -> str | None:
        return None if self.facts.model == "lightgbm" else "it takes LightGBM's models only"

    def kept(self) -> Path:
        return self.folder / "model.o"

    def compiled(self, path: Path) -> Any:
        """The model from a file of compiled code, written when it is absent."""
        import lleaves

        model = lleaves.Model(model_file=str(self.folder / "model.txt"))
        model.compile(cache=str(path))
        return model

    def make(self, path: Path) -> None:
        self.compiled(path)

    def load(self, threads: int) -> None:
        self._model = self.compiled(self.kept())
        self._threads = threads

    def predict(self, rows: np.ndarray) -> np.ndarray:
        return self._model.predict(rows, n_jobs=self._threads)


ENGINES: dict[str, type[Engine]] = {
    "monobloc": Monobloc,
    "lightgbm": LightGBM,
    "lightgbm-fast": LightGBMFast,
    "xgboost": XGBoost,
    "scikit-learn": ScikitLearn,
    "onnxruntime": Onnxruntime,
    "treelite": Treelite,
    "tl2cgen": Tl2cgen,
    "lleaves": Lleaves,
}
