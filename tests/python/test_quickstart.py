"""The code of README.md and docs/quickstart.md runs as it stands there.

A block marked `python pack` runs here. One marked `python serve` runs in a new environment that
holds the wheel and nothing else, and so does every `monobloc` command.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from conftest import ROOT
from pages import blocks, run

PAGES = ["README.md", "docs/quickstart.md"]


@pytest.mark.parametrize("page", PAGES)
def test_the_page_runs(page: str, tmp_path: Path, clean_python: Path) -> None:
    ran = []
    for language, mark, text in blocks(page):
        if language == "python":
            assert mark in ("pack", "serve"), f"{page}: a block without its mark:\n{text}"
            run(Path(sys.executable) if mark == "pack" else clean_python, tmp_path, "-c", text)
            ran.append(mark)
        elif language == "sh":
            for command in re.findall(r"^monobloc (.*?)(?:  +#.*)?$", text, re.MULTILINE):
                said = run(clean_python, tmp_path, "-m", "monobloc", *command.split())
                assert said.strip()
                ran.append("command")
    assert {"pack", "serve"} <= set(ran)


def test_the_wheel_needs_nothing(clean_python: Path, tmp_path: Path) -> None:
    code = "import monobloc, sys; print(*sorted(sys.modules))"
    modules = run(clean_python, tmp_path, "-c", code).split()
    assert "monobloc" in modules


def test_import_brings_no_other_library(tmp_path: Path) -> None:
    """Here, where they are installed."""
    code = "import monobloc, sys; print(*{name.partition('.')[0] for name in sys.modules})"
    modules = set(run(Path(sys.executable), tmp_path, "-c", code).split())
    assert modules.isdisjoint({"numpy", "pandas", "polars", "pyarrow", "scipy", "sklearn"})


def test_the_wheel_is_small() -> None:
    [wheel] = (ROOT / "target" / "wheels").glob("monobloc-*.whl")
    assert "-cp311-abi3-" in wheel.name
    assert wheel.stat().st_size < 15_000_000


def test_the_command_is_installed(clean_python: Path, tmp_path: Path) -> None:
    command = clean_python.with_name("monobloc")
    assert "inspect" in run(command, tmp_path, "--help")
