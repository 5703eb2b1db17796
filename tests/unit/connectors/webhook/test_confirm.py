"""Subscriptions are confirmed by an authenticated API call; errors contain no token."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs

import pytest

from headrace.connectors.aws.sns_client import SubscriptionNotConfirmedError, confirm_subscription
from tests.support.fake_sns import TOPIC
from tests.support.http_server import Request, Response, serving

DONE = """<ConfirmSubscriptionResponse><ConfirmSubscriptionResult><SubscriptionArn>arn</SubscriptionArn>
</ConfirmSubscriptionResult></ConfirmSubscriptionResponse>"""
FAILED = """<ErrorResponse><Error><Type>Sender</Type><Code>InvalidParameter</Code><Message>secret-token is old</Message>
</Error></ErrorResponse>"""


class Api:
    """SNS's API on this machine, which gives one answer to everything."""

    def __init__(self) -> None:
        self.says = (200, DONE)
        self.asked: dict[str, list[str]] = {}
        self.signed = ""

    def answer(self, request: Request) -> Response:
        """Give the answer."""
        self.asked = parse_qs(request.body.decode())
        self.signed = request.headers["authorization"]
        status, text = self.says
        return Response(status, text.encode())


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    made = Api()
    with serving(made.answer) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SNS", url)
        yield made


def test_confirmation_requires_authentication_on_unsubscribe(api: Api) -> None:
    confirm_subscription(TOPIC, "secret-token")
    assert api.asked["Action"] == ["ConfirmSubscription"]
    assert (api.asked["TopicArn"], api.asked["Token"]) == ([TOPIC], ["secret-token"])
    assert api.asked["AuthenticateOnUnsubscribe"] == ["true"]


def test_api_of_the_topic_region_is_called(api: Api) -> None:
    confirm_subscription(TOPIC, "secret-token")
    assert "/us-east-1/sns/" in api.signed


@pytest.mark.parametrize(
    ("answer", "reason"), [((400, FAILED), "InvalidParameter"), ((200, "<html"), "ResponseParserError")]
)
def test_sns_error_is_raised_without_the_token(api: Api, answer: tuple[int, str], reason: str) -> None:
    api.says = answer
    with pytest.raises(SubscriptionNotConfirmedError, match=reason) as raised:
        confirm_subscription(TOPIC, "secret-token")
    assert "secret-token" not in str(raised.value)
    assert raised.value.__cause__ is None


def test_unreachable_sns_raises(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SNS", "http://127.0.0.1:9")
    with pytest.raises(SubscriptionNotConfirmedError, match="EndpointConnectionError"):
        confirm_subscription(TOPIC, "secret-token")
