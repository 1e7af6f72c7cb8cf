import builtins
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any, ClassVar, Literal, final

from typing_extensions import disjoint_base

__all__ = [
    "ClassifierEngine",
    "Constant",
    "CorruptError",
    "DigestMismatchError",
    "Engine",
    "Finding",
    "GoldenMismatchError",
    "Health",
    "InternalError",
    "InvalidArgumentError",
    "IoError",
    "LoadReport",
    "MalformedRequestError",
    "MonoblocError",
    "NetworkDraft",
    "NotABlocError",
    "NotFoundError",
    "OutlierDetectorEngine",
    "Packer",
    "PermissionDeniedError",
    "Prediction",
    "SchemaError",
    "TooLargeError",
    "UnsupportedError",
    "Verdict",
    "Verdicts",
    "VersionTooNewError",
    "__version__",
    "_reload",
    "is_tree_file",
    "load",
    "pack_trees",
    "read_network",
    "run_command",
    "supported_operators",
    "xgboost_levels",
]

__version__: str

class MonoblocError(Exception):
    code: ClassVar[str]
    number: ClassVar[int]
    http_status: ClassVar[int]

class CorruptError(MonoblocError): ...
class DigestMismatchError(MonoblocError): ...
class GoldenMismatchError(MonoblocError): ...
class InternalError(MonoblocError): ...
class InvalidArgumentError(MonoblocError, ValueError): ...
class IoError(MonoblocError, OSError): ...
class MalformedRequestError(MonoblocError, ValueError): ...
class NotABlocError(MonoblocError): ...
class NotFoundError(MonoblocError, FileNotFoundError): ...
class PermissionDeniedError(MonoblocError, PermissionError): ...

class SchemaError(MonoblocError, ValueError):
    field: str | None
    row: int | None

class TooLargeError(MonoblocError, ValueError): ...
class UnsupportedError(MonoblocError): ...
class VersionTooNewError(MonoblocError): ...

@disjoint_base
class Engine:
    def predict(self, X: Any) -> Any: ...
    def raw_scores(self, X: Any) -> Any: ...
    def run(self, X: Any) -> Prediction: ...
    def run_json(self, body: bytes | bytearray | memoryview | str) -> bytes: ...
    def json_schema(self) -> str: ...
    def transform(self, X: Any) -> Any: ...
    def health(self) -> Health: ...
    def get_feature_names_out(self, input_features: Any = None) -> Any: ...
    @property
    def feature_names_in_(self) -> Any: ...
    @property
    def n_features_in_(self) -> int: ...
    @property
    def schema(self) -> dict[str, Any]: ...
    @property
    def manifest(self) -> dict[str, Any]: ...
    @property
    def load_report(self) -> LoadReport: ...
    @property
    def path(self) -> Path: ...
    @property
    def digest(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def _estimator_type(self) -> Literal["classifier", "outlier_detector", "regressor"]: ...
    def __sklearn_tags__(self) -> Any: ...
    def __sklearn_is_fitted__(self) -> bool: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class ClassifierEngine(Engine):
    def predict_proba(self, X: Any) -> Any: ...
    @property
    def classes_(self) -> Any: ...

@final
class OutlierDetectorEngine(Engine):
    def score_samples(self, X: Any) -> Any: ...
    def decision_function(self, X: Any) -> Any: ...
    @property
    def offset_(self) -> float: ...

@final
class Finding:
    @property
    def field(self) -> str: ...
    @property
    def reason(self) -> str: ...

@final
class Health:
    @property
    def findings(self) -> list[str]: ...
    @property
    def status(self) -> Literal["ok", "degraded"]: ...

@final
class LoadReport:
    @property
    def seconds(self) -> float: ...
    @property
    def mapped_bytes(self) -> int: ...
    @property
    def private_bytes(self) -> int: ...
    @property
    def constants(self) -> list[Constant]: ...
    @property
    def kernel_variables(self) -> list[str]: ...

@final
class Constant:
    @property
    def name(self) -> str: ...
    @property
    def bytes(self) -> int: ...
    @property
    def mapped(self) -> bool: ...
    @property
    def packed(self) -> bool: ...

@final
class Prediction:
    @property
    def outputs(self) -> dict[str, Any]: ...
    @property
    def verdicts(self) -> Verdicts: ...

@final
class Verdict:
    @property
    def row(self) -> int: ...
    @property
    def findings(self) -> list[Finding]: ...
    @property
    def status(self) -> Literal["accepted", "flagged", "rejected"]: ...

@final
class Verdicts:
    @property
    def rejected(self) -> list[int]: ...
    @property
    def flagged(self) -> list[int]: ...
    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> Verdict: ...

@final
class Packer:
    def __new__(cls) -> Packer: ...
    def numbers(self, values: Any) -> dict[str, Any]: ...
    def vocabulary(self, categories: Any) -> dict[str, Any]: ...
    def forest(self, shape: str) -> None: ...
    def tree(
        self,
        left: Any,
        right: Any,
        column: Any,
        threshold: Any,
        missing_left: Any,
        values: Any,
        *,
        set: Any = None,
        output: int = 0,
        cover: Any = None,
    ) -> None: ...
    def catboost(self, file: builtins.bytes) -> dict[str, Any]: ...
    def lightgbm(self, text: builtins.bytes) -> dict[str, Any]: ...
    def xgboost(
        self,
        file: builtins.bytes,
        *,
        wrapper: bool,
        missing: float | None = None,
        absent_is_missing: bool = False,
    ) -> dict[str, Any]: ...
    def drop_source(self) -> None: ...
    def write(
        self,
        path: str | PathLike[str],
        manifest: str,
        reference: str,
        *,
        golden_inputs: Sequence[list[Any]],
        golden_outputs: Any,
        golden_raw_scores: Any = None,
        golden_classes: Any = None,
    ) -> dict[str, Any]: ...

def is_tree_file(bytes: builtins.bytes) -> bool: ...
def xgboost_levels(file: builtins.bytes) -> list[list[Any]]: ...
def pack_trees(
    file: builtins.bytes,
    path: str | PathLike[str],
    *,
    name: str,
    version: str,
    metadata: dict[str, str],
    provenance: dict[str, str],
    keep_source: bool,
    iterations: tuple[int, int] | None = None,
    missing: float | None = None,
) -> dict[str, Any]: ...

@final
class NetworkDraft:
    @property
    def inputs(self) -> list[str]: ...
    @property
    def outputs(self) -> list[str]: ...
    @property
    def zip_maps(self) -> dict[str, list[Any]]: ...
    def synthetic_case(self) -> dict[str, Any]: ...
    def publish(self, path: str | PathLike[str], cases: list[Any]) -> dict[str, Any]: ...

def read_network(
    source: str | PathLike[str] | builtins.bytes,
    path: str | PathLike[str],
    *,
    name: str,
    version: str,
    metadata: dict[str, str],
    provenance: dict[str, str],
    shapes: dict[str, Any],
    non_finite: dict[str, str],
    tune: Sequence[str],
    tune_command: Sequence[str],
    rows: dict[str, Any] | None = None,
) -> NetworkDraft: ...
def supported_operators() -> tuple[int, int, list[tuple[str, str]], list[tuple[str, str]]]: ...

# A regressor's engine is a plain Engine, without predict_proba and classes_.
def load(
    path: str | PathLike[str],
    *,
    digest: str | None = None,
    threads: int | None = None,
    verify: Literal["structure", "full"] = "structure",
    max_body_bytes: int | None = None,
) -> ClassifierEngine: ...
def _reload(
    path: str | PathLike[str], digest: str, threads: int | None, max_body_bytes: int | None
) -> Engine: ...
def run_command(arguments: Sequence[str]) -> int: ...
