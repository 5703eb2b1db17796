"""Generate media with ffmpeg: the sources and filters of libavfilter."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import imageio_ffmpeg


def make_media(path: Path, *sources: str, options: Sequence[str] = ()) -> Path:
    """Write a file from sources such as `testsrc=d=5`, and return its path."""
    inputs = [argument for source in sources for argument in ("-f", "lavfi", "-i", source)]
    command = (imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *inputs, *options, str(path))
    subprocess.run(command, check=True, timeout=300, stdin=subprocess.DEVNULL)
    return path


def in_sequence(*parts: str) -> str:
    """Return a source that shows pictures one after the other, such as `testsrc=d=5`, at 320 x 180 and 10 frames/s."""
    same = "scale=320:180,setsar=1,fps=10,format=yuv420p"
    chains = [f"{part},{same}[part{number}]" for number, part in enumerate(parts)]
    joined = "".join(f"[part{number}]" for number in range(len(parts)))
    return ";".join((*chains, f"{joined}concat=n={len(parts)}"))
