"""Measure image sizes, and start time and memory of the compose cluster: `python -m bench.containers`.

Build the images first: tests/containers/build-images.sh. The result marks stand-in base images.
"""

from __future__ import annotations

import json
import subprocess
import time
from typing import Any

from bench.harness import report
from tests.containers.engine import compose, kafka_image, missing
from tests.containers.test_compose import Cluster

STAND_IN = '{{index .Config.Labels "headrace.stand-in"}}'
PYTHON = "python:3.11.13-slim-bookworm"


def output_of(*command: str) -> str:
    """Return the output of a command."""
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def image(name: str) -> dict[str, Any]:
    """Return the size of an image in MB, and whether it is a stand-in."""
    size = int(output_of("docker", "image", "inspect", "--format", "{{.Size}}", name))
    return {
        "mb": round(size / 1e6),
        "stand_in": output_of("docker", "image", "inspect", "--format", STAND_IN, name) == "yes",
    }


def memory(cluster: Cluster) -> dict[str, float]:
    """Return the resident memory of each container of a cluster, in MB."""
    form = "{{.Name}} {{.MemUsage}}"
    lines = output_of("docker", "stats", "--no-stream", "--format", form).splitlines()
    own = [line.split() for line in lines if line.startswith(cluster.project)]
    units = {"KiB": 1024 / 1e6, "MiB": 1024**2 / 1e6, "GiB": 1024**3 / 1e6}
    return {
        words[0].removeprefix(f"{cluster.project}-"): round(float(words[1][:-3]) * units[words[1][-3:]], 1)
        for words in own
    }


def main() -> None:
    """Measure once, print and write the result."""
    if why := missing():
        raise SystemExit(why)
    cluster = Cluster()
    begun = time.monotonic()
    try:
        cluster.up()
        ready = time.monotonic() - begun
        cluster.put("bottles.jpg")
        done = time.monotonic() - begun
        used = memory(cluster)
    finally:
        cluster.remove()
    measured = {
        "images": {name: image(name) for name in ("headrace", "headrace-sandbox", kafka_image(), PYTHON)},
        "seconds_until_workers_work": round(ready, 1),
        "seconds_until_a_file_is_completed": round(done, 1),
        "memory_mb": used,
        "compose": " ".join(compose()),
    }
    print(json.dumps(measured, indent=2))
    report.write(report.result("containers", measured))


if __name__ == "__main__":
    main()
