"""The memory bars."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from compare import LABELS, WORKERS, Measured, megabytes
from matplotlib import pyplot as plt

_INK = "#1f2933"
_FAINT = "#7b8794"
_COPIED = "#d9734e"
_MAPPED = "#f0c9b6"
_OURS_COPIED = "#1f6f78"
_OURS_MAPPED = "#8fc7c4"


def draw(measured: list[Measured], joblib_bytes: int, bloc_bytes: int, path: Path) -> None:
    """One bar per way: the memory that all its processes hold together."""
    plt.rcParams.update({"font.family": "DejaVu Sans", "text.color": _INK, "font.size": 11})
    figure, axes = plt.subplots(figsize=(10.5, 5.6), dpi=160)
    figure.subplots_adjust(left=0.285, right=0.93, top=0.74, bottom=0.17)
    most = max(one.total for one in measured) / 1e6
    monobloc = next(one.total for one in measured if one.way == "monobloc")
    for position, one in enumerate(measured):
        ours = one.way.startswith("monobloc")
        mapped = one.pss_file / 1e6
        copied = one.total / 1e6 - mapped
        axes.barh(position, copied, 0.62, color=_OURS_COPIED if ours else _COPIED)
        axes.barh(position, mapped, 0.62, copied, color=_OURS_MAPPED if ours else _MAPPED)
        times = "" if ours else f"   {one.total / monobloc:.1f} ×"
        axes.text(
            copied + mapped + most * 0.012,
            position,
            f"{copied + mapped:,.0f} MB{times}",
            va="center",
            fontweight="bold" if ours else "normal",
        )
    axes.set_yticks(range(len(measured)), [LABELS[one.way] for one in measured], color=_INK)
    for label, one in zip(axes.get_yticklabels(), measured, strict=True):
        label.set_fontweight("bold" if one.way.startswith("monobloc") else "normal")
    axes.invert_yaxis()
    axes.set_xlim(0, most * 1.16)
    axes.tick_params(axis="both", length=0, colors=_FAINT)
    axes.tick_params(axis="y", colors=_INK, pad=8)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.set_xlabel("sum of PSS, MB", color=_FAINT, labelpad=8)
    axes.grid(axis="x", color="#e4e7eb", linewidth=0.8)
    axes.set_axisbelow(True)
    for side in axes.spines.values():
        side.set_visible(False)
    figure.text(
        0.03,
        0.925,
        f"Memory of {WORKERS} workers that serve one forest",
        fontsize=17,
        weight="bold",
    )
    figure.text(
        0.03,
        0.868,
        f"joblib file {megabytes(joblib_bytes)}, bloc {megabytes(bloc_bytes)}. "
        "× compares with Monobloc. Where workers were forked, their parent counts too.",
        color=_FAINT,
    )
    _legend(figure)
    figure.savefig(path, facecolor="white")
    plt.close(figure)


def _legend(figure: plt.Figure) -> None:
    keys = figure.add_axes((0.03, 0.775, 0.94, 0.05))
    keys.set(xlim=(0, 100), ylim=(0, 1))
    keys.axis("off")
    for start, colours, text in (
        (0, (_COPIED, _OURS_COPIED), "copies in the processes"),
        (25, (_MAPPED, _OURS_MAPPED), "pages of files, shared between them"),
    ):
        for offset, colour in zip((0, 1.9), colours, strict=True):
            keys.barh(0.5, 1.6, 0.55, start + offset, color=colour)
        keys.text(start + 4.4, 0.47, text, va="center", color=_INK, fontsize=10)
