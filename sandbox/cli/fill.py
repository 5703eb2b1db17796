"""`headrace sandbox fill`: send the events of made-up videos."""

from __future__ import annotations

import time

from botocore.exceptions import BotoCoreError, ClientError
from confluent_kafka import KafkaException

from headrace.connectors.aws.client import AwsSession
from headrace.console.aws import describe_error
from headrace.console.routing.stages import load_stages
from headrace.console.terminal.output import print_line
from headrace.console.terminal.progress_bar import bar
from headrace.sandbox.cluster.contract import apply_contract
from headrace.sandbox.errors import SandboxError
from headrace.sandbox.fill.history import FillPlan
from headrace.sandbox.fill.results import ResultSource
from headrace.sandbox.fill.send import send, store
from headrace.sandbox.fill.skip import check_idle, skip_to_end
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.settings import load


def fill_sandbox(plan: FillPlan) -> None:
    """Store the results, send the events, and print the number of records and the rate.

    Raises:
        SandboxError: Kafka or S3 does not accept them.
    """
    began, records = time.monotonic(), 0
    results = ResultSource(plan.seed).stored(plan.assets)
    settings, stages = load(KafkaSettings), load_stages()
    try:
        apply_contract()
        check_idle(settings, stages)
        with bar("results", len(results)) as advance:
            for number in store(results, AwsSession()):
                advance(number)
        with bar("assets", plan.assets) as advance:
            for progress in send(plan, settings):
                advance(progress.assets)
                records += progress.records
        skip_to_end(settings, stages)
    except (BotoCoreError, ClientError) as error:
        raise SandboxError(f"The results cannot be stored: {describe_error(error)}") from error
    except KafkaException as error:
        raise SandboxError(f"The events cannot be sent: {error.args[0].str()}") from error
    seconds = time.monotonic() - began
    rate = f"{records / seconds:,.0f} records a second"
    print_line(f"{plan.assets:,} assets, {records:,} records, {len(results):,} results in {seconds:.1f} s ({rate})")
