"""`headrace pipeline capacity` as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from bench import capacity_data
from headrace.console.app.main import app
from headrace.console.capacity.assumptions import reasons
from headrace.console.capacity.measured import SOURCES, Measured, read_measured

ALL = str(Path(__file__).parents[4] / "sandbox" / "demo" / "all_stages.toml")
RESULTS = Path(__file__).parents[4]


def run(*arguments: str, **variables: str) -> Result:
    return CliRunner().invoke(app, ["pipeline", "capacity", *arguments], env={"COLUMNS": "80", **variables})


def output(*arguments: str, **variables: str) -> str:
    done = run(*arguments, **variables)
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.mark.parametrize("files", ["10000", "1e6", "1e9", "1e12"])
def test_output_fits_into_80_columns(files: str) -> None:
    lines = output(ALL, "--assets-per-day", files, "--explain").splitlines()
    assert max(map(len, lines)) <= 80
    names = [line.split()[0] for line in lines if line]
    assert "rekognition.start_celebrity_recognition" in names or files == "10000"
    assert {"thumbnails", "media.labelled", "bridge", "ai-seconds"} <= set(names)


def test_first_limit_is_named() -> None:
    assert "First limit: rekognition jobs, " in output("--assets-per-day", "1e6")
    few = output("--assets-per-day", "100")
    assert "No known quota is exceeded in the peak hour." in few


def test_json_has_the_whole_forecast() -> None:
    plan = json.loads(output("--json", "--assets-per-day", "1e6", "--replicas", "2"))
    assert plan["workload"]["assets_per_day"] == 1e6
    assert plan["first_limit"]["name"] == "rekognition"
    assert plan["first_limit"]["backlog_days_per_day"] > 1
    assert {each["stage"] for each in plan["workers"]} >= {"bridge", "labels", "completed"}
    assert plan["policy"]["replicas"] == 2
    assert plan["assumptions"]["ai-seconds"] == 0.5
    assert any(each["quota"] is None for each in json.loads(output(ALL, "--json"))["quotas"])


def test_settings_of_quotas_are_todays_quotas() -> None:
    plan = json.loads(output("--json", HEADRACE_SLOTS="labels=15", HEADRACE_RATES="rekognition.detect_labels=7"))
    quotas = {each["name"]: each["quota"] for each in plan["quotas"]}
    assert (quotas["labels"], quotas["rekognition.detect_labels"]) == (15, 7)


def test_daily_budget_is_read_by_every_worker_of_a_paid_stage(tmp_path: Path) -> None:
    file = tmp_path / "pipeline.toml"
    file.write_text("[budget]\nday = 5\n")
    consumers = [
        {each["topic"]: each["consumers"] for each in json.loads(output(*path, "--json"))["topics"]}
        for path in ((), (str(file),))
    ]
    assert consumers[1]["media.labelled"] > consumers[0]["media.labelled"]


def test_assumption_is_replaced() -> None:
    plan = json.loads(output("--json", "--assume", "job-seconds=0", "--assume", "job-seconds-per-minute=0"))
    assert {each["peak"] for each in plan["quotas"] if each["unit"] == "jobs"} == {0.0}


def test_explanation_names_every_assumption_and_source() -> None:
    text = output("--explain")
    assert all(name in text for name in reasons())
    assert all(source in text for source in SOURCES.values())
    assert read_measured().date in text


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["--assets-per-day", "0"], "--assets-per-day 0: use 1 to 1,000,000,000,000"),
        (["--assets-per-day", "nan"], "--assets-per-day nan: use 1 to 1,000,000,000,000"),
        (["--assets-per-day", "inf"], "--assets-per-day inf: use 1 to"),
        (["--size", "-1"], "--size -1: use 0 to 50,000,000 MB"),
        (["--minutes", "1e9"], "--minutes 1e+09: use 0 to 100,000"),
        (["--peak", "0.5"], "--peak 0.5: use 1 to 1,000"),
        (["--retention", "0"], "--retention 0: use 0.01 to 36,500 days"),
        (["--replicas", "0"], "--replicas 0: use 1 to 100"),
        (["--mix", "film=1"], "--mix film=1: use each of image, video, audio, document once"),
        (["--mix", "image=1,image=2"], "use each of image, video, audio, document once"),
        (["--mix", "image=x"], "use each of image, video, audio, document once"),
        (["--mix", "image=0"], "at least one share must be above 0"),
        (["--mix", ""], "at least one share must be above 0"),
        (["--assume", "speed=1"], "--assume speed=1: use NAME=NUMBER with one of words-per-minute"),
        (["--assume", "utilisation=0"], "--assume utilisation=0: use a number above 0"),
        (["--assume", "utilisation=2"], "--assume utilisation=2: use a share above 0, at most 1"),
        (["--assume", "ai-seconds=nan"], "--assume ai-seconds=nan: use a number of at least 0"),
        (["missing.toml"], "missing.toml"),
    ],
)
def test_invalid_input_is_one_clear_error(arguments: list[str], error: str) -> None:
    done = run(*arguments)
    assert done.exit_code == 1
    assert done.stdout == ""
    assert error in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_coefficients_are_those_of_the_results() -> None:
    assert capacity_data.TARGET.read_text("utf-8") == capacity_data.render(capacity_data.read_results()), (
        "run `python -m bench.capacity_data`"
    )


def test_every_coefficient_has_a_source() -> None:
    assert SOURCES.keys() == set(Measured.__struct_fields__) - {"date", "machine"}
    assert all((RESULTS / source).exists() for source in SOURCES.values())
