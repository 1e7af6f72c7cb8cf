"""Walking a model without data: what in it is unsupported, and where it can be split."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .checking import Finding
from .models import MODELS, reader_of
from .refusal import class_name
from .source import version_problem
from .steps import PASSTHROUGH, STEPS, step_of
from .wrappers import is_pipeline, opened, problem, reason, steps_of


def findings_of(model: Any) -> list[Finding]:
    """Every unsupported part of the model."""
    problem = version_problem()
    if problem:
        return [Finding("model", "scikit-learn", problem, "")]
    return _model_findings(model, "model")


def preprocessing_findings(preprocess: Any) -> list[Finding]:
    """Every unsupported part of preprocessing that stands before a network."""
    problem = version_problem()
    if problem:
        return [Finding("preprocess", "scikit-learn", problem, "")]
    return step_findings(preprocess, "preprocess")


def _model_findings(model: Any, path: str) -> list[Finding]:
    if found_problem := problem(model):
        return [Finding(path, class_name(model), *found_problem)]
    if (layer := opened(model)) is not None:
        steps, name, last = layer
        found = [
            finding
            for step, estimator in steps
            for finding in step_findings(estimator, f"{path}/{step}")
        ]
        return found + _model_findings(last, f"{path}/{name}")
    reader = reader_of(model)
    if reader is None:
        return [Finding(path, class_name(model), reason(model), supported_models())]
    return [
        Finding(path, class_name(model), reason, supported)
        for reason, supported in reader.problems(model)
    ]


def step_findings(step: Any, path: str) -> list[Finding]:
    """Every unsupported part of one preprocessing step."""
    if step is None or (isinstance(step, str) and step == "passthrough"):
        return []
    module = step_of(step)
    if module is None:
        reason = "this step is not supported"
        if isinstance(step, type):
            reason = "this is a class, not a fitted object"
        return [Finding(path, class_name(step), reason, supported_steps())]
    found = [
        Finding(path, class_name(step), reason, supported)
        for reason, supported in module.problems(step)
    ]
    for name, child in module.children(step):
        found += step_findings(child, f"{path}/{name}")
    return found


def working_split(model: Any, findings: Sequence[Finding]) -> str | None:
    """The longest tail of a pipeline that can be packed alone, in words."""
    if not is_pipeline(model) or problem(model) or version_problem():
        return None
    names = [name for name, _ in steps_of(model)]
    if len(names) != len(model.steps):
        return None
    inside = {finding.path.split("/")[1] for finding in findings if "/" in finding.path}
    bad = [i for i, name in enumerate(names) if name in inside]
    if not bad:
        return None
    cut = bad[-1] + 1
    if cut == len(names):
        return (
            f"the last step {names[-1]!r} is what cannot be packed, so no part of this pipeline "
            "predicts without it; keep it where it is, or replace the last step"
        )
    return (
        f"keep {', '.join(map(repr, names[:cut]))} in Python (X = model[:{cut}].transform(X)) "
        f"and pack {', '.join(map(repr, names[cut:]))}: "
        f"pack(model[{cut}:], path, reference=model[:{cut}].transform(reference))"
    )


def supported_steps() -> str:
    return ", ".join([*(module.SOURCE.rpartition(".")[2] for module in STEPS), repr(PASSTHROUGH)])


def supported_models() -> str:
    return ", ".join(source.rpartition(".")[2] for source in MODELS)
