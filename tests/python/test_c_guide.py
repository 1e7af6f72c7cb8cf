"""The programs of docs/c.md are compiled and run as they stand there."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from installed import SAMPLE, Installed
from pages import blocks

pytestmark = pytest.mark.timeout(1800)

COMPILERS = {"c": ("gcc", ["-std=c99"]), "cpp": ("g++", ["-std=c++17"])}
PROGRAMS = [block for block in blocks("docs/c.md") if block[0] in COMPILERS]


def test_the_page_has_programs_of_each_kind() -> None:
    marks = {(language, mark) for language, mark, _ in PROGRAMS}
    assert marks == {("c", ""), ("cpp", ""), ("cpp", "no-exceptions")}


@pytest.mark.parametrize("number", range(len(PROGRAMS)))
def test_a_program_runs(installed: Installed, tmp_path: Path, number: int) -> None:
    language, mark, text = PROGRAMS[number]
    compiler, flags = COMPILERS[language]
    if mark == "no-exceptions":
        flags = [*flags, "-fno-exceptions", "-fno-rtti"]
    source = tmp_path / f"main.{language}"
    source.write_text(text)
    shutil.copy(SAMPLE, tmp_path / "sample.bloc")
    program = installed.compile(compiler, source, tmp_path / "main", *flags)
    assert installed.run(program, folder=tmp_path)
