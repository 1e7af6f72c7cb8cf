"""`check`: all that Monobloc cannot read in a model, at once, and how to go on."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Finding:
    """One part of a model that cannot be packed."""

    path: str
    """Where it stands in the model, as in ``pipeline/columns/encoder``."""
    cls: str
    """Its class, or the name that scikit-learn uses for it."""
    reason: str
    """Why it cannot be packed."""
    supported: str
    """What can stand in its place."""

    def __str__(self) -> str:
        text = f"{self.path} ({self.cls}): {self.reason}"
        return f"{text}\n    supported: {self.supported}" if self.supported else text


@dataclass(frozen=True)
class CheckReport:
    """What `check` found. True in a condition when the model can be packed."""

    findings: tuple[Finding, ...]
    split: str | None = None
    """A split of the model of which one part can be packed, where there is one."""

    @property
    def supported(self) -> bool:
        """Whether there are no findings."""
        return not self.findings

    def __bool__(self) -> bool:
        return self.supported

    def __str__(self) -> str:
        if self.supported:
            return "Every step of this model is supported."
        count = len(self.findings)
        lines = [f"{count} part{'s' * (count > 1)} of this model cannot be packed:"]
        lines += [f"  - {finding}" for finding in self.findings]
        if self.split:
            lines.append(f"What works: {self.split}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        if self.supported:
            return f"<p>{html.escape(str(self))}</p>"
        cells = ("path", "cls", "reason", "supported")
        head = "".join(f"<th>{name}</th>" for name in ("step", "class", "reason", "supported"))
        rows = "".join(
            "<tr>" + "".join(f"<td>{html.escape(getattr(f, c))}</td>" for c in cells) + "</tr>"
            for f in self.findings
        )
        split = f"<p>What works: {html.escape(self.split)}</p>" if self.split else ""
        return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>{split}"


def check(model: Any) -> CheckReport:
    """List every step of a fitted model that `pack` cannot read.

    Steps that depend on the data (a string column that reaches a numeric step,
    for example) are found by `pack` alone, which knows the data.

    >>> print(monobloc.check(model))
    Every step of this model is supported.
    """
    from .walk import findings_of, working_split

    findings = findings_of(model)
    return CheckReport(tuple(findings), working_split(model, findings))
