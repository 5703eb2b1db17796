"""The price, the pipeline file, the report and the clean-up of a smoke test, and its command."""

from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from headrace.connectors.aws.client import AwsSession
from headrace.console.app.main import app
from headrace.console.assets.asset_event import AssetEvent
from headrace.console.assets.projection import AssetVersion
from headrace.console.kafka.entry import LetterInfo
from headrace.sandbox.smoke import run
from headrace.sandbox.smoke.config import smoke_pipeline
from headrace.sandbox.smoke.price import SmokePrice, smoke_price
from headrace.sandbox.smoke.report import SmokeReport, as_text
from headrace.sandbox.smoke.temporary import SmokePlace, TemporaryResources
from headrace.streams import pipeline, pipeline_config
from headrace.streams.costs.prices import PriceList, load_price_list
from tests.support.records import asset
from tests.support.stages import get_stages

PRICE = SmokePrice({"labels": 0.1}, ())


def test_price_covers_media_and_texts() -> None:
    stages = {stage.name: stage for stage in pipeline.all_stages()}
    found = smoke_price([stages["labels"], stages["entities"], stages["thumbnails"]], load_price_list())
    assert found.by_stage.keys() == {"labels", "entities"}
    assert 0.05 < found.by_stage["labels"] < 0.2, "an image and a minute of video"
    assert found.unknown == ()


def test_stage_without_a_price_is_named() -> None:
    assert smoke_price(get_stages(["labels"]), PriceList({})).unknown == ("labels",)


def test_pipeline_has_the_ceiling_as_budget_and_stores_no_faces(tmp_path: Path) -> None:
    file = tmp_path / "pipeline.toml"
    file.write_text(
        '[stages.faces]\non = true\nwhen = { kind = ["video"], duration_seconds = [{ numeric = ["<", 3600] }] }\n'
        '[stages.face-search]\non = true\nconsent = ["s3://b"]\n[budget]\nday = 100.0\n'
    )
    found = smoke_pipeline(str(file), 0.5)
    (tmp_path / "smoke.toml").write_text(found)
    config = pipeline_config.read(str(tmp_path / "smoke.toml"))
    assert (config.budget.asset, config.budget.day) == (0.5, 0.5)
    names = {stage.name for stage in pipeline.stages(config)}
    assert "faces" in names
    assert "face-search" not in names
    given = tomllib.loads(file.read_text())["stages"]
    assert tomllib.loads(found)["stages"]["faces"] == given["faces"]


def version(state: Any, reason: str = "") -> AssetVersion:
    letter = LetterInfo("labels", "AccessDeniedException", reason, 1, "", "", "") if reason else None
    fact = AssetEvent(0.0, "t/0/0", stage="labels", status=None if letter else "done", letter=letter, usd_nanos=10**6)
    return AssetVersion(asset("a.jpg"), state, (fact,))


def report(versions: dict[str, AssetVersion], left: tuple[str, ...] = ()) -> SmokeReport:
    names = {"my-bucket": "BUCKET", "arn:aws:sns:r:111122223333:topic": "TOPIC", "": "ROLE"}
    return SmokeReport("eu-central-1", 0.5, PRICE, 61.25, versions, left, names)


def test_report_can_be_shared() -> None:
    reason = "arn:aws:iam::111122223333:user/x AKIAABCDEFGHIJKLMNOP password=hunter22 my-bucket"
    reason += " arn:aws:sns:r:111122223333:topic"
    text = as_text(report({"a.jpg": version("completed", reason)}, ("queue q: arn:aws:sqs:r:111122223333:q",)))
    for secret in ("111122223333", "AKIAABCDEFGHIJKLMNOP", "hunter22", "my-bucket", ":topic"):
        assert secret not in text
    found = json.loads(text)
    assert (found["region"], found["seconds"], found["ceiling_usd"], found["usd"]) == ("eu-central-1", 61.2, 0.5, 0.0)
    assert len(found["failures"]) == 2
    assert "face-search" in found["not_run"]


def test_report_of_a_success_has_no_failures() -> None:
    good = report({"a.jpg": version("completed")})
    assert good.failures == []
    assert json.loads(as_text(good))["files"]["a.jpg"]["stages"] == {"labels": {"outcome": "done", "usd": 0.001}}
    assert report({"a.jpg": version("processing")}).failures == ["a.jpg: not completed"]


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit, RuntimeError])
def test_interruption_cleans_up(
    interruption: type[BaseException],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    place = SmokePlace("run", "bucket", "1", "aws", "r", "")
    deleted = []

    def interrupt(*_: object) -> None:
        raise interruption

    def clean_up(_: TemporaryResources) -> list[str]:
        deleted.append(True)
        return ["queue run: denied"]

    monkeypatch.setattr(run, "smoke_place", lambda *_: place)
    monkeypatch.setattr(run, "isolate_environment", lambda *_, **__: None)
    monkeypatch.setattr(run, "start", interrupt)
    monkeypatch.setattr(TemporaryResources, "create", lambda _: "url")
    monkeypatch.setattr(TemporaryResources, "clean_up", clean_up)
    with pytest.raises(interruption):
        run.smoke(run.SmokePlan("bucket", PRICE, 0.5, 1.0, ""), AwsSession(), tmp_path, lambda _: None)
    assert deleted == [True]
    assert "not deleted: queue run: denied" in capsys.readouterr().err


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[run.SmokePlan]:
    """Collect the plans of tests, which are not run."""
    plans: list[run.SmokePlan] = []

    def smoke(plan: run.SmokePlan, *_: object) -> SmokeReport:
        plans.append(plan)
        return report({})

    monkeypatch.delitem(os.environ, "HEADRACE_PIPELINE", raising=False)
    monkeypatch.setattr(run, "smoke", smoke)
    return plans


def test_command_asks_first(started: list[run.SmokePlan], tmp_path: Path) -> None:
    arguments = ["sandbox", "smoke-aws", "bucket", "--report", str(tmp_path / "report.json")]
    result = CliRunner().invoke(app, arguments, input="n\n")
    assert (result.exit_code, started) == (1, [])
    assert "at most" in result.stdout
    assert "labels" in result.stdout
    assert CliRunner().invoke(app, arguments, input="y\n").exit_code == 0
    assert CliRunner().invoke(app, [*arguments, "--yes"]).exit_code == 0
    assert [plan.bucket for plan in started] == ["bucket", "bucket"]
    assert json.loads((tmp_path / "report.json").read_text())["failures"] == []


def test_command_refuses_a_price_above_the_ceiling(started: list[run.SmokePlan]) -> None:
    result = CliRunner().invoke(app, ["sandbox", "smoke-aws", "bucket", "--yes", "--ceiling", "0.01"])
    assert (result.exit_code, started) == (1, [])
    assert "above the ceiling of $0.01: raise --ceiling" in result.output
