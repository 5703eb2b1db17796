"""The webhook as a process, between an SNS of our own and a real broker; the way out of the machine is watched."""

from __future__ import annotations

import json
import socket
import ssl
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any

import pytest

from headrace.console.kafka.log_reader import LogReader
from headrace.schemas import topics
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.messages import ConsumerRecord
from headrace.streams import pipeline
from tests.support.aws_clients import new_client
from tests.support.brokers import brokers
from tests.support.egress_guard import Egress, egress
from tests.support.emulators import EMULATORS, on_emulator
from tests.support.fake_sns import Authority, Sns, body_of, headers_of
from tests.support.http_server import Request, Response, serving
from tests.support.process import Headrace, headrace, run, wait_for
from tests.unit.connectors.webhook.sns_messages import notification, record

SNS_HOST = "sns.us-east-1.amazonaws.com"
METADATA = "http://169.254.169.254/latest/meta-data/"


class Site:
    """A webhook process, the SNS that it believes, and the log that it writes to."""

    def __init__(self, environment: dict[str, str], topic_arn: str, folder: Path) -> None:
        self.sns = Sns(Authority(now=datetime.now(UTC)))
        self.topic_arn = topic_arn
        self.folder = folder
        self.port = _free_port()
        self.egress: Egress
        self.process: Headrace
        self._log = LogReader(KafkaSettings(bootstrap_servers=environment["HEADRACE_BOOTSTRAP_SERVERS"]))
        self._environment = environment
        self._tls = ssl.create_default_context(cadata=self.sns.authority.root.pem.decode())

    @contextmanager
    def running(self) -> Iterator[Site]:
        """Run the webhook while the block lasts."""
        authority = self.sns.authority
        (self.folder / "root.pem").write_bytes(authority.root.pem)
        for name in ("localhost", SNS_HOST):
            (self.folder / f"{name}.pem").write_bytes(authority.issue(name).pem_with_key + authority.issuer.pem)
        with ExitStack() as stack:
            self.egress = stack.enter_context(egress(self.sns.responses, self.folder / f"{SNS_HOST}.pem"))
            environment = {
                **self._environment,
                **self.egress.variables,
                "HEADRACE_WEBHOOK_TOPIC_ARNS": self.topic_arn,
                "HEADRACE_WEBHOOK_HOST": "127.0.0.1",
                "HEADRACE_WEBHOOK_PORT": str(self.port),
                "HEADRACE_WEBHOOK_TLS_FILE": str(self.folder / "localhost.pem"),
                "HEADRACE_WEBHOOK_CA_FILE": str(self.folder / "root.pem"),
            }
            self.process = stack.enter_context(headrace(environment, self.folder, "webhook"))
            wait_for(lambda: self.process.process.poll() is not None or self.listens(), "the webhook to listen")
            yield self

    def listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def signed(self, message: str, **changes: Any) -> dict[str, Any]:
        return self.sns.notification(message, TopicArn=self.topic_arn, **changes)

    def post(self, message: dict[str, Any], **headers: str) -> tuple[int, str]:
        """Deliver a message."""
        changed = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.ask("POST", "/sns", body_of(message), {**headers_of(message), **changed})

    def health(self) -> tuple[int, str]:
        return self.ask("GET", "/health")

    def ask(self, method: str, path: str, body: bytes = b"", headers: Any = None) -> tuple[int, str]:
        connection = HTTPSConnection("localhost", self.port, timeout=30, context=self._tls)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def keys(self, topic: str) -> set[bytes | None]:
        """Every key on a topic."""
        return {entry.record.key for entry in self._log.read([topic])}

    def records(self, topic: str, key: str) -> list[ConsumerRecord]:
        """What is on the log under a key."""
        return [entry.record for entry in self._log.read([topic], lambda found: found == key.encode())]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module", params=EMULATORS)
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with on_emulator(request) as environment:
        topic_arn = new_client("sns").create_topic(Name="webhook")["TopicArn"]
        with Site(environment, topic_arn, tmp_path_factory.mktemp("webhook")).running() as site:
            site.process.ready()
            yield site
            assert site.process.stop() == 0


def test_signed_s3_notification_is_on_the_topic_before_the_response(site: Site) -> None:
    assert site.health() == (200, "ok")
    message = site.signed(notification(record("webhook/a+b.jpg")))
    assert site.post(message) == (200, "accepted")
    assert len(site.records("media.uploaded", "media/webhook/a+b.jpg")) == 1
    assert site.post(message) == (200, "duplicate")
    assert len(site.records("media.uploaded", "media/webhook/a+b.jpg")) == 1


def test_unparseable_message_becomes_an_unchanged_dead_letter(site: Site) -> None:
    message = site.signed(json.dumps({"Records": [{"eventSource": "aws:ses"}]}))
    assert site.post(message) == (200, "unreadable")
    [letter] = site.records("bridge.dlq", message["MessageId"])
    assert letter.value == body_of(message)


def test_forged_messages_are_rejected_without_outgoing_requests(site: Site) -> None:
    good = site.signed(notification(record("webhook/forged.jpg")), Subject="Amazon S3 Notification")
    certificate = good["SigningCertURL"]
    assert site.post({**good, "Message": notification(record("webhook/evil.jpg"))}) == (403, "forged")
    for url in (
        certificate.replace(SNS_HOST, "sns.s3-us-west-2.amazonaws.com"),
        certificate.replace(SNS_HOST, f"{SNS_HOST}.evil.com"),
        certificate.replace("https", "http"),
        certificate.replace(SNS_HOST, f"{SNS_HOST}:8443"),
        METADATA,
    ):
        assert site.post({**good, "SigningCertURL": url}) == (403, "forged")
    foreign = site.sns.notification("{}", TopicArn=site.topic_arn + "-of-others")
    assert site.post(foreign) == (403, "foreign_topic")
    assert site.post(foreign, x_amz_sns_topic_arn=site.topic_arn) == (403, "forged")
    assert site.post(good, x_amz_sns_rawdelivery="true") == (403, "raw")
    assert site.post(site.signed("{}", Timestamp="2020-01-01T00:00:00.000Z")) == (403, "stale")
    assert site.ask("POST", "/sns", b"{}") == (403, "not_sns")
    assert site.ask("POST", "/sns", b"x" * 2_000_001, headers_of(good)) == (413, "too_large")
    for key in ("webhook/forged.jpg", "webhook/evil.jpg"):
        assert site.records("media.uploaded", f"media/{key}") == []
    assert_nobody_else_was_asked(site)


def test_failed_certificate_fetch_is_retried(site: Site) -> None:
    url = site.sns.signed({"Type": "Notification"})["SigningCertURL"].replace("0001.pem", "0002.pem")
    message = site.signed(notification(record("webhook/later.jpg")), SigningCertURL=url)
    assert site.post(message) == (503, "certificate")
    site.sns.responses[url] = site.sns.holder.pem
    assert site.post(message) == (200, "accepted")
    assert_nobody_else_was_asked(site)


@pytest.mark.moto_lacks("it confirms subscriptions itself and sends no token")
def test_subscription_is_confirmed_by_the_api_and_not_by_its_url(site: Site) -> None:
    """The local SNS does not sign: another endpoint gets its token, and the message is signed with that token in it."""
    sns, got = new_client("sns"), list[Request]()

    def remember(request: Request) -> Response:
        got.append(request)
        return Response(200)

    with serving(remember) as endpoint:
        arn = sns.subscribe(TopicArn=site.topic_arn, Protocol="http", Endpoint=endpoint, ReturnSubscriptionArn=True)
        wait_for(lambda: got, "the local SNS to ask for a confirmation")
    unsigned = json.loads(got[0].body)
    assert site.post(unsigned) == (403, "forged")
    signed = site.sns.confirmation(unsigned["Token"], TopicArn=site.topic_arn, SubscribeURL=METADATA)
    assert site.post(signed) == (200, "subscribed")
    confirmed = sns.list_subscriptions_by_topic(TopicArn=site.topic_arn)["Subscriptions"]
    assert [each["SubscriptionArn"] for each in confirmed if each["Endpoint"] == endpoint] != ["PendingConfirmation"]
    assert arn
    assert site.post(signed) == (503, "not_confirmed")
    assert unsigned["Token"] not in site.process.log.read_text()
    assert_nobody_else_was_asked(site)


def assert_nobody_else_was_asked(site: Site) -> None:
    assert set(site.egress.asked) <= {f"{SNS_HOST}:443", "crt.test01.amazontrust.com"}
    assert site.egress.asked


def test_requests_in_progress_finish_before_shutdown(site: Site, tmp_path: Path) -> None:
    with Site(site._environment, site.topic_arn, tmp_path).running() as second, ThreadPoolExecutor(20) as threads:
        second.process.ready()
        names = [f"webhook/drain-{number}.jpg" for number in range(40)]
        answers = [threads.submit(second.post, second.signed(notification(record(name)))) for name in names]
        wait_for(lambda: any(each.done() for each in answers), "the first answer")
        assert second.process.stop() == 0
        taken = [
            name
            for name, each in zip(names, answers, strict=True)
            if each.exception() is None and each.result()[0] == 200
        ]
        assert taken
        assert {f"media/{name}".encode() for name in taken} <= second.keys("media.uploaded")
        assert second.process.says("stopped")


def test_messages_get_503_without_a_broker(cluster_env: dict[str, str], tmp_path: Path) -> None:
    nowhere = {**cluster_env, "HEADRACE_BOOTSTRAP_SERVERS": "127.0.0.1:9"}
    with Site(nowhere, "arn:aws:sns:us-east-1:000000000000:webhook", tmp_path).running() as site:
        assert site.post(site.signed(notification())) == (503, "not_ready")
        wait_for(lambda: site.process.says("no Kafka at 127.0.0.1:9"), "the webhook to say what is missing")
        status, said = site.health()
        assert (status, "no Kafka at 127.0.0.1:9" in said) == (503, True)
        assert site.process.stop() == 0


def test_sns_retries_until_a_killed_broker_is_back(tmp_path: Path) -> None:
    with brokers(tmp_path) as cluster:
        settings = KafkaSettings(bootstrap_servers=cluster.bootstrap_servers)
        names = (stage.name for stage in pipeline.stages())
        clients.create_topics(clients.admin(settings), topics.table(names), 1)
        environment = {"HEADRACE_BOOTSTRAP_SERVERS": cluster.bootstrap_servers}
        with Site(environment, "arn:aws:sns:us-east-1:000000000000:webhook", tmp_path).running() as site:
            site.process.ready()
            assert site.post(site.signed(notification(record("before.jpg")))) == (200, "accepted")
            cluster.kill(0)
            message = site.signed(notification(record("during.jpg")))
            began = time.monotonic()
            assert site.post(message) == (503, "not_sent")
            assert time.monotonic() - began < 15.0
            cluster.start()
            wait_for(lambda: site.post(message)[0] == 200, "the broker to take it")
            assert site.records("media.uploaded", "media/during.jpg")
            assert site.process.stop() == 0


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"HEADRACE_WEBHOOK_TOPIC_ARNS": ""}, "HEADRACE_WEBHOOK_TOPIC_ARNS is not set"),
        ({"HEADRACE_WEBHOOK_TLS_FILE": __file__}, "HEADRACE_WEBHOOK_TLS_FILE"),
        ({"HEADRACE_WEBHOOK_CA_FILE": __file__}, "HEADRACE_WEBHOOK_CA_FILE"),
        ({"HEADRACE_WEBHOOK_PORT": "many"}, "HEADRACE_WEBHOOK_PORT"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_invalid_setting_prints_one_line(cluster_env: dict[str, str], variables: dict[str, str], said: str) -> None:
    given = {"HEADRACE_WEBHOOK_TOPIC_ARNS": "arn:aws:sns:us-east-1:000000000000:webhook", **variables}
    done = run({**cluster_env, **given}, "webhook")
    assert done.returncode == 1
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_port_in_use_is_reported(cluster_env: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        given = {"HEADRACE_WEBHOOK_TOPIC_ARNS": "arn:aws:sns:us-east-1:000000000000:webhook"}
        place = {"HEADRACE_WEBHOOK_HOST": "127.0.0.1", "HEADRACE_WEBHOOK_PORT": port}
        done = run({**cluster_env, **given, **place}, "webhook")
    assert done.returncode == 1
    assert f"127.0.0.1:{port}: Address already in use" in done.stderr
    assert len(done.stderr.splitlines()) == 1
