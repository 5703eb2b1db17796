"""The container engine, if there is one, and the images that the tests need."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
OURS = ("headrace", "headrace-sandbox")


@cache
def missing() -> str:
    """Say what is not there that the tests need; empty where all is."""
    try:
        answer = subprocess.run(["docker", "info"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"no container engine: {error}"
    if answer.returncode:
        return f"no container engine: {answer.stderr.strip().splitlines()[-1]}"
    for image in (kafka_image(), *OURS):
        if not has_image(image):
            return f"no image {image}: tests/containers/build-images.sh builds it"
    return ""


def kafka_image() -> str:
    """Return the broker's image, as the compose file pins it; a stand-in has the tag without the digest."""
    found = re.search(r"KAFKA_IMAGE:-([^}]+)}", (ROOT / "docker-compose.yml").read_text("utf-8"))
    assert found is not None
    return found[1] if has_image(found[1]) else found[1].partition("@")[0]


def has_image(name: str) -> bool:
    """Return whether the engine has an image."""
    return subprocess.run(["docker", "image", "inspect", name], capture_output=True, check=False).returncode == 0


def compose() -> list[str]:
    """Give the command of compose: the engine's own, or the program that came before it."""
    own = ["docker", "compose"]
    try:
        known = subprocess.run([*own, "version"], capture_output=True, check=False).returncode == 0
    except OSError:  # there is no engine at all
        known = False
    return own if known else ["docker-compose"]
