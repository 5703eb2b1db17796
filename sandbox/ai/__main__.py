"""`python -m headrace.sandbox.ai --port N [--data DIR]`: the AI endpoint on 127.0.0.1."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import uvicorn

from headrace.connectors.aws.request_guard import RequestGuard
from headrace.connectors.aws.sigv4 import AwsCredentials
from headrace.sandbox import names
from headrace.sandbox.access.hosts import accepted_hosts
from headrace.sandbox.ai.app import AiSettings, access_policy, create_app
from headrace.sandbox.ai.framework.aws_clients import AwsClients, CloudError

JOB_SECONDS = "HEADRACE_SANDBOX_JOB_SECONDS"


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM or Ctrl-C.

    The AWS SDK's variables have the endpoints of the other services and the access key, which clients need too.
    """
    prog, about = "python -m headrace.sandbox.ai", "Local emulation of the AWS AI services."
    parser = argparse.ArgumentParser(prog=prog, description=about)
    parser.add_argument("--port", type=int, required=True, help="TCP port on 127.0.0.1")
    parser.add_argument("--host", default=names.HOST, help="address to listen on")
    parser.add_argument("--data", type=Path, help="folder of the ledger (default: in memory)")
    options = parser.parse_args(arguments)
    try:
        settings = AiSettings(options.data, float(os.environ.get(JOB_SECONDS, "1")))
        keys = AwsCredentials(os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"])
        cloud = AwsClients()
    except ValueError:
        parser.error(f"{JOB_SECONDS} is a number of seconds")
    except KeyError as error:
        parser.error(f"{error.args[0]} is not set. `headrace sandbox env` prints it.")
    except CloudError as error:
        parser.error(f"{error} `headrace sandbox env` prints what is needed.")
    if options.data:
        options.data.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    policy = access_policy(keys, accepted_hosts(os.environ))
    app = RequestGuard(create_app(settings, cloud, time.time), policy, lambda: datetime.now(UTC))
    uvicorn.run(app, host=options.host, port=options.port, log_level="warning", access_log=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
