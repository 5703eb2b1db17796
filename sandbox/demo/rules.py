"""The rules of the demo: one to SNS, one to SQS, one to HTTP, with the addresses of this sandbox."""

from __future__ import annotations

from pathlib import Path

from headrace.sandbox import names
from headrace.sandbox.access.keys import CONTROL_HEADER, CONTROL_VARIABLE
from headrace.sandbox.names import FOLDER
from headrace.sandbox.paths import write_private

WATCHED = ("scan", "probe", "thumbnails")
"""The stages whose dead letters a rule forwards."""

_DONE = """description = "Completed objects to SNS subscribers"
reads = ["media.completed"]

[target]
sns = "{topic}"
"""
_FAILED = """description = "Dead letters to the on-call queue"
reads = [{letters}]

[pattern.headrace.dead-letter]
code = [{{ exists = true }}]

[target]
sqs = "{queue}"

[target.input]
paths = {{ key = "$.detail.asset.key", why = "$.headrace['dead-letter'].message" }}
template = '{{"file": <key>, "why": <why>}}'
"""
_SPOKEN = """description = "Transcripts to a web application"
reads = ["media.transcribed"]

[pattern.detail]
words = [{{ numeric = [">", 0] }}]

[target]
http = "{inbox}"
headers = {{ {header} = "env:{token}" }}
"""


def write(folder: Path, ai_port: int) -> None:
    """Write the rules to a sandbox's folder."""
    rules_folder = folder / FOLDER
    rules_folder.mkdir(exist_ok=True)
    addresses = {
        "letters": ", ".join(f'"{stage}.dlq"' for stage in WATCHED),
        "topic": names.topic_arn(names.ROUTED),
        "queue": names.queue_arn(names.ROUTED),
        "inbox": f"{names.endpoint(ai_port)}/inbox",
        "header": CONTROL_HEADER,
        "token": CONTROL_VARIABLE,
    }
    for name, text in {"done": _DONE, "failed": _FAILED, "spoken": _SPOKEN}.items():
        write_private(rules_folder / f"{name}.toml", text.format(**addresses))
