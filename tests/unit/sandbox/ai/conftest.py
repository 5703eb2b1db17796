"""The sample media, and short clips made to measure."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import imageio_ffmpeg
import pytest


@pytest.fixture(scope="session")
def media() -> Path:
    """The folder of the sample media."""
    return Path(__file__).parents[4] / "sandbox" / "media"


@pytest.fixture
def clip(tmp_path: Path) -> Callable[..., Path]:
    """Makes a media file with ffmpeg, from its arguments."""

    def make(name: str, *arguments: str) -> Path:
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *arguments, tmp_path / name]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
        return tmp_path / name

    return make
