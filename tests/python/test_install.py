"""`make install`: what is installed, and projects elsewhere that use it."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import monobloc
import numpy as np
import pytest
from conftest import ROOT
from installed import SAMPLE, SOURCES, WARNINGS, Installed, need

pytestmark = pytest.mark.timeout(1800)

VERSION = monobloc.__version__
MAJOR, MINOR, PATCH = map(int, VERSION.split("."))
SONAME = f"libmonobloc.so.{MAJOR}"
PROGRAMS = ["c_shared", "c_static", "cpp_shared", "cpp_static"]
WITHOUT_EXCEPTIONS = ["-fno-exceptions", "-fno-rtti"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The sources of a project that uses the library, outside of this repository."""
    folder = tmp_path / "project"
    shutil.copytree(SOURCES, folder)
    return folder


def expected() -> str:
    rows = {"age": [25, 61.5, np.nan], "balance": [-10, 2500, 0.5]}
    rows["region"] = ["north", "mars", "east"]
    outputs = monobloc.load(SAMPLE).predict_proba(rows)
    return "".join(f"{no:.17g} {yes:.17g}\n" for no, yes in outputs)


def answers(installed: Installed, program: Path) -> str:
    return installed.run(program, SAMPLE, folder=program.parent)


def needed(program: Path) -> list[str]:
    """The shared libraries that a program or library asks for, in its own words."""
    dynamic = subprocess.run(["readelf", "-d", program], capture_output=True, text=True, check=True)
    return re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic.stdout)


def exported(library: Path) -> list[str]:
    command = ["nm", "-D", "--defined-only", library]
    listed = subprocess.run(command, capture_output=True, text=True, check=True)
    return [line.split()[-1] for line in listed.stdout.splitlines()]


def test_what_is_installed(installed: Installed) -> None:
    found = {str(path.relative_to(installed.prefix)) for path in installed.prefix.rglob("*.*")}
    assert found == {
        "include/monobloc.h",
        "include/monobloc.hpp",
        "lib/libmonobloc.so",
        f"lib/{SONAME}",
        f"lib/libmonobloc.so.{VERSION}",
        "lib/libmonobloc.a",
        "lib/pkgconfig/monobloc.pc",
        "lib/cmake/Monobloc/MonoblocConfig.cmake",
        "lib/cmake/Monobloc/MonoblocConfigVersion.cmake",
    }
    lib = installed.prefix / "lib"
    assert (lib / "libmonobloc.so").resolve() == lib / f"libmonobloc.so.{VERSION}"
    assert not (lib / "libmonobloc.so").readlink().is_absolute()
    for text in [*lib.rglob("*.cmake"), *lib.rglob("*.pc")]:
        assert "/opt/monobloc" not in text.read_text()
        assert "@" not in text.read_text()


def test_the_shared_library_exports_the_c_face_alone(installed: Installed) -> None:
    library = installed.prefix / "lib" / "libmonobloc.so"
    recorded = (ROOT / "crates" / "capi" / "symbols.txt").read_text().split()
    assert sorted(exported(library)) == sorted(recorded)
    sections = subprocess.run(["readelf", "-SW", library], capture_output=True, text=True)
    assert ".dynsym" in sections.stdout
    assert ".debug" not in sections.stdout
    assert ".symtab" not in sections.stdout
    dynamic = subprocess.run(["readelf", "-d", library], capture_output=True, text=True)
    assert re.findall(r"\(SONAME\).*\[(.*)\]", dynamic.stdout) == [SONAME]


def cmake(installed: Installed, project: Path) -> list[Path]:
    need("cmake", "g++", "make")
    build = project / "build"
    configured = installed.run("cmake", "-S", project, "-B", build, folder=project)
    assert "Configuring done" in configured
    installed.run("cmake", "--build", build, folder=project)
    return [build / program for program in PROGRAMS]


def pkg_config(installed: Installed, project: Path) -> list[Path]:
    need("pkg-config", "g++", "make")
    installed.run("make", folder=project)
    return [project / program for program in PROGRAMS]


@pytest.mark.parametrize("build", [cmake, pkg_config])
def test_projects_find_and_link_it(installed: Installed, project: Path, build: object) -> None:
    programs = build(installed, project)
    for program in programs:
        assert answers(installed, program) == expected()
        asked = needed(program)
        assert (SONAME in asked) == program.name.endswith("shared"), asked
    for program in programs[1::2]:
        assert not [name for name in exported(program) if "monobloc" in name]
        headers = subprocess.run(["readelf", "-lW", program], capture_output=True, text=True)
        assert re.search(r"GNU_STACK .* RW ", headers.stdout), "its stack can be executed"


@pytest.mark.parametrize("build", [cmake, pkg_config])
def test_it_can_be_moved(
    installed: Installed, project: Path, tmp_path: Path, build: object
) -> None:
    moved = Installed(tmp_path / "moved")
    installed.prefix.rename(moved.prefix)
    try:
        for program in build(moved, project):
            assert answers(moved, program) == expected()
    finally:
        moved.prefix.rename(installed.prefix)


SUITS = [f"{MAJOR}.{MINOR}", VERSION, f"{VERSION} EXACT", "", f"{MAJOR}.{MINOR}...<{MAJOR + 1}"]
REFUSED = [
    f"{MAJOR}.{MINOR + 1}",
    f"{MAJOR + 1}.0",
    f"{MAJOR}.{MINOR}.{PATCH + 1}",
    f"{MAJOR}.0...<{VERSION}",
    *([f"{MAJOR}.{MINOR - 1}"] if MAJOR == 0 and MINOR > 0 else []),
]


@pytest.mark.parametrize("asked", [*SUITS, *REFUSED])
def test_cmake_takes_versions_that_suit(installed: Installed, tmp_path: Path, asked: str) -> None:
    need("cmake")
    lists = f"""
        cmake_minimum_required(VERSION 3.19)
        project(version LANGUAGES NONE)
        find_package(Monobloc {asked} QUIET CONFIG)
        message("found: ${{Monobloc_FOUND}} ${{Monobloc_VERSION}}")
    """
    (tmp_path / "CMakeLists.txt").write_text(lists)
    command = ["cmake", "-S", tmp_path, "-B", tmp_path / "build"]
    said = subprocess.run(command, env=installed.environment, capture_output=True, text=True)
    assert said.returncode == 0, said.stderr
    assert (f"found: 1 {VERSION}" in said.stderr) == (asked in SUITS), said.stderr


def test_pkg_config_knows_the_version(installed: Installed, tmp_path: Path) -> None:
    need("pkg-config")
    found = installed.run("pkg-config", "--modversion", "monobloc", folder=tmp_path)
    assert found.strip() == VERSION


@pytest.mark.parametrize("flags", [[], ["-DMONOBLOC_NO_EXCEPTIONS"], WITHOUT_EXCEPTIONS])
@pytest.mark.parametrize("standard", ["c++17", "c++20"])
@pytest.mark.parametrize("compiler", ["g++", "clang++"])
def test_the_cpp_layer(
    installed: Installed, tmp_path: Path, compiler: str, standard: str, flags: list[str]
) -> None:
    flags = [*flags, f"-std={standard}", "-pthread"]
    program = installed.compile(compiler, SOURCES / "layer.cpp", tmp_path / "layer", *flags)
    installed.run(program, SAMPLE, folder=tmp_path)


def test_the_cpp_layer_under_sanitizers(installed: Installed, tmp_path: Path) -> None:
    flags = ["-std=c++17", "-pthread", "-g", "-fsanitize=address,undefined"]
    flags += ["-fno-sanitize-recover=all"]
    program = installed.compile("g++", SOURCES / "layer.cpp", tmp_path / "layer", *flags)
    installed.run(program, SAMPLE, folder=tmp_path)


def test_files_with_and_without_exceptions_are_linked_together(
    installed: Installed, tmp_path: Path
) -> None:
    need("pkg-config", "g++")
    source = """
        #include <monobloc.hpp>
        bool NAME(const char *path);
        bool NAME(const char *path) { auto engine = monobloc::Engine::load(path); return CHECK; }
    """
    (tmp_path / "part.cpp").write_text(source)
    main = "bool with(const char *); bool without(const char *);\n"
    main += "int main(int, char **argv) { return with(argv[1]) && without(argv[1]) ? 0 : 1; }\n"
    (tmp_path / "main.cpp").write_text(main)
    flags = installed.run("pkg-config", "--cflags", "monobloc", folder=tmp_path).split()
    for name, check, more in [
        ("with", "engine.is_ready()", []),
        ("without", "engine->is_ready()", WITHOUT_EXCEPTIONS),
    ]:
        names = [f"-DNAME={name}", f"-DCHECK={check}", "-std=c++17", "-c", "-o", f"{name}.o"]
        installed.run("g++", *names, *more, *WARNINGS, "part.cpp", *flags, folder=tmp_path)
    libraries = installed.run("pkg-config", "--libs", "monobloc", folder=tmp_path).split()
    link = ["-o", "main", "main.cpp", "with.o", "without.o", *libraries]
    installed.run("g++", *link, folder=tmp_path)
    installed.run(tmp_path / "main", SAMPLE, folder=tmp_path)
