"""Test files that wait and test files that compute run side by side."""

from __future__ import annotations

from pathlib import Path

from tests.support import inner_run
from tests.support.distribution import LONGEST, WAITING, next_file

FILE = """
import os, pathlib, time
FOLDER = pathlib.Path({folder!r})
def test_first():
    with FOLDER.joinpath(os.environ["PYTEST_XDIST_WORKER"]).open("a") as log:
        log.write({name!r} + "\\n")
    deadline = time.monotonic() + 300
    while sum(len(path.read_text().split()) for path in FOLDER.iterdir()) < {seen} and time.monotonic() < deadline:
        time.sleep(0.02)
"""


def test_longest_files_exist_and_wait() -> None:
    for file in LONGEST:
        assert (inner_run.ROOT / file).is_file(), file
        assert file.startswith(WAITING)


def test_next_file_is_the_longest_of_the_wanted_kind() -> None:
    files = ["tests/chaos/test_a.py", "tests/docs/test_b.py", LONGEST[3], LONGEST[1], "tests/unit/test_c.py"]
    taken = []
    while files:
        taken.append(next_file(files, computing_first=False))
        files.remove(taken[-1])
    assert taken == [LONGEST[1], LONGEST[3], "tests/chaos/test_a.py", "tests/docs/test_b.py", "tests/unit/test_c.py"]
    assert next_file(taken, computing_first=True) == "tests/docs/test_b.py"
    assert next_file([LONGEST[3], "tests/chaos/test_a.py"], computing_first=True) == LONGEST[3]


def test_one_process_takes_computing_files_and_the_others_waiting_ones(tmp_path: Path) -> None:
    """Each process runs its first file until all have started one."""
    inner, seen = tmp_path / "inner", tmp_path / "seen"
    seen.mkdir()
    names = ["tests/chaos/test_1.py", "tests/chaos/test_2.py", "tests/system/test_3.py", "tests/unit/test_4.py"]
    for name in names:
        (inner / name).parent.mkdir(parents=True, exist_ok=True)
        (inner / name).write_text(FILE.format(folder=str(seen), name=name, seen=3), "utf-8")
    result = inner_run.run(inner, "-n", "3", "--dist", "loadfile", "--import-mode=importlib")
    assert result.returncode == 0, result.stdout
    first = {path.read_text("utf-8").split()[0] for path in seen.iterdir()}
    assert first == {names[0], names[1], names[3]}
