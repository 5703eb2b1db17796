"""Patterns of secrets, one row each: name, what every match contains, pattern, examples and source. Data.

Every pattern takes linear time: a repeated character class is possessive (`*+`) or bounded, and nothing that can fail
follows an unbounded one. `make bench-hostile` measures the worst texts; `tests/unit/schemas/test_redaction.py` compares
two lengths. The text of an example that has to disappear is between `«` and `»`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from headrace.schemas.secret_tokens import TOKENS, TokenFormat

NAMES = (
    r"(?:a(?:uthori[sz]ation|(?:pi|ccess|ccount)[_-]?key)|s(?:ecret|ignature|(?:hared|igning)[_-]?key|asl[._-]jaas[._-]config)"
    r"|token|p(?:ass(?:w(?:or)?d|phrase|code)|wd|rivate[_-]?key)|c(?:redential|ookie)|encryption[_-]?key"
    r"|basic[._-]auth[._-]user[._-]info)"
)
"""Names of secrets, in lower case. Grouped by the first letter, which `re` looks for."""
NAME_HINTS = "authori secret token passw passphrase passcode pwd signature credential cookie key auth jaas"

# `NAME = value`, `"name": "value"`, `\"name\": \"value\"`, `('name', b'value')`, `name%3Dvalue`, `name => value`.
_NOT_A_COUNT = r"(?!(?<=tokens)[\"']?\s{0,4}[:=]\s{0,4}[0-9]{1,12}(?![\w.]))"
_NAME = rf"{NAMES}[a-z0-9_-]{{0,32}}+(?<!exception)(?<!error)(?<!fault)(?<!match){_NOT_A_COUNT}"
_EQUALS = r"(?:\\{0,8}[\"'])?\]?\s{0,4}(?:=>|[:=]{1,3}|%3d)\s{0,4}"
_COMMA = r"[\"'],\s{0,4}(?=[bru]{0,2}[\"'])"
_OPENING = r"(?:[bru]{0,2}(?:(?P<escaped>\\{1,8})|)(?P<quote>[\"']))?"
_ESCAPED_VALUE = r"(?:[^\"'\\\r\n]++|\\(?![\"']))*+"
_QUOTED_VALUE = r"(?:[^\"'\\\r\n]++|\\.|(?!(?P=quote))[\"'])*+"
_LIST = r"\[(?:[^\[\]]++|\[[^\[\]]*+\]?)*+\]?|\{(?:[^{}]++|\{[^{}]*+\}?)*+\}?|\([^()]*+\)?"
_BARE_VALUE = r"(?:[^\s\"'<>,;&]++|[,;&](?!\s?[\w.-]{1,40}[=:]))++"
_VALUE = (
    rf"(?P<secret>(?(escaped){_ESCAPED_VALUE}|(?(quote){_QUOTED_VALUE}|(?:{_LIST}|{_BARE_VALUE})(?:{_BARE_VALUE})?)))"
)


@dataclass(frozen=True, slots=True)
class SecretPattern:
    """One kind of secret. `hints` are in lower case: each match contains one. The group `secret` is replaced.

    A pattern without capital letters is `folded`: it is searched in the text in lower case.
    """

    name: str
    hints: tuple[str, ...]
    expression: str
    examples: tuple[str, ...]
    source: str
    folded: bool = False

    @property
    def pattern(self) -> re.Pattern[str]:
        """The compiled expression. Few texts need one, and compiling all of them delays each command."""
        return _compiled(self.expression)


@cache
def _compiled(expression: str) -> re.Pattern[str]:
    return re.compile(expression)


def _row(name: str, hints: str, pattern: str, examples: tuple[str, ...], source: str) -> SecretPattern:
    return SecretPattern(name, tuple(hints.split()), pattern, examples, source)


def _folded(name: str, hints: str, pattern: str, examples: tuple[str, ...], source: str) -> SecretPattern:
    return SecretPattern(name, tuple(hints.split()), pattern, examples, source, folded=True)


def _token(kind: TokenFormat) -> SecretPattern:
    """Return the pattern of a token format. It begins with the prefix, which `re` finds fastest."""
    branches = "|".join(f"{re.escape(prefix)}(?<![A-Za-z0-9]{re.escape(prefix)})" for prefix in kind.prefixes)
    hints = tuple(prefix.lower() for prefix in kind.prefixes)
    examples = tuple(f"the token «{prefix}{kind.example}» was refused" for prefix in kind.prefixes)
    return SecretPattern(kind.name, hints, f"(?P<secret>(?:{branches}){kind.body})", examples, kind.source)


_RFC_BEARER = "RFC 6750, 2.1 (bearer tokens)"
_AWS_SIGNING = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-authentication-methods.html"
_AWS_IDS = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html"
_AZURE = "https://learn.microsoft.com/azure/storage/common/storage-configure-connection-string"

PATTERNS: tuple[SecretPattern, ...] = (
    _row(
        "private_key",
        "private",
        r"-{4,5}\s?BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?\s?-{4,5}(?P<secret>(?:[^-]++|-(?!-{3,4}\s?END))++)",
        (
            "-----BEGIN RSA PRIVATE KEY-----«\nMIICANARY\nMIICANARY\n»-----END RSA PRIVATE KEY-----",
            '{"key": "-----BEGIN PRIVATE KEY-----«\\nMIICANARY\\n»-----END PRIVATE KEY-----\\n"}',
            "-----BEGIN OPENSSH PRIVATE KEY-----«\nb3BlbnCANARY»",
            "-----BEGIN PGP PRIVATE KEY BLOCK-----«\n\nlQOYBCANARY\n»-----END PGP PRIVATE KEY BLOCK-----",
        ),
        "RFC 7468 (PEM), RFC 9580 (OpenPGP)",
    ),
    _row(
        "url_login",
        ":/",
        r":/{1,3}(?:(?P<secret>[^\s\"/:@]*+:[^\s\"]*(?=@)|[^\s\"/:@]{16,}+(?=@))|[^\s\"]*+)",
        (
            "amqp://«user:CANARY»@host/",
            "postgres://«u:CANARY/CANARY»@h refused",
            "https://«u:CAN@RY:CANARY/?#»@h/k.jpg",
            "redis://«:CANARY»@h",
            "file postgres:/«u:CANARY/CANARY»@h",
            "https://«CANARYCANARYCANARY»@github.com/x",
        ),
        "RFC 3986, 3.2.1 (user information)",
    ),
    _row(
        "query_string",
        "?",
        r"\?(?P<secret>[^\s\"'<>?=&]++=[^\s\"'<>]*+)",
        (
            "GET https://b.s3.amazonaws.com/k.jpg?«X-Amz-Credential=CANARY&X-Amz-Signature=CANARY» failed",
            "https://b.s3.amazonaws.com/k.jpg?«AWSAccessKeyId=CANARY&Signature=CANARY&Expires=1»",
        ),
        _AWS_SIGNING,
    ),
    _folded(
        "presigned_parameter",
        "x-amz- x-goog- key-pair-id sig",
        r"(?:(?:x-amz-|x-goog-)[a-z0-9-]{1,40}+|(?<![a-z0-9_-])(?:key-pair-id|sig))(?:=|%3d)(?P<secret>[^\s\"'<>&;]++)",
        (
            "parameters X-Amz-Credential=«CANARY/20260314/eu-central-1/s3»&X-Amz-Date=«20260314T000000Z»&x=1",
            "X-Amz-Security-Token%3D«CANARY%2F» again",
            "x-goog-signature=«CANARY»",
            "sv=2026&sig=«CANARY%3D»",
        ),
        _AWS_SIGNING,
    ),
    _folded(
        "authorization_header",
        "authorization cookie",
        r"(?:(?:authorization|cookie)[\"']?\s{0,4}(?:[:=]|,(?=\s{0,4}b?[\"']))\s{0,4}b?(?:\[(?!redacted\]))?[\"']?)(?P<secret>[^\"'\r\n]++)",
        (
            "Authorization: «Bearer CANARY.CANARY.CANARY»",
            '{"Authorization": "«Basic Q0FOQVJZ»"}',
            "[('proxy-authorization', b'«Digest username=CANARY, response=CANARY»')]",
            "Cookie: «a=CANARY; b=CANARY»\nHost: h",
        ),
        "RFC 9110, 11.6.2 (Authorization); RFC 6265, 4.2 (Cookie)",
    ),
    _folded(
        "bearer_token",
        "bearer",
        r"(?:\bbearer\s{1,4}(?!(?:auth|token|cred)[a-z]*\b))(?P<secret>[\w.~+/=-]{8,}+)",
        ("called with bearer «CANARYCANARY»", "Bearer «CANARY.CANARY-CANARY~+/==» expired"),
        _RFC_BEARER,
    ),
    _row(
        "basic_credentials",
        "basic",
        r"\b[Bb][Aa][Ss][Ii][Cc]\s{1,4}(?P<secret>(?=[A-Za-z+/]{0,64}[0-9=]|[A-Z+/]{0,64}+[a-z][a-z+/]{0,63}+[A-Z]|[A-Z]{0,64}+[+/]{1,64}+[A-Z]|[A-Za-z][A-Z+/]{1,64}[a-z])"
        r"[A-Za-z0-9+/]{4,}+={0,2}+)",
        ("Basic «dXNlcjpwYXNz» was refused", "basic «Q0FOQVJZOkNBTkFSWQ==»", "header Basic «YTpi»"),
        "RFC 7617 (the 'Basic' scheme)",
    ),
    _row(
        "json_web_token",
        "eyj",
        r"(?<![A-Za-z0-9])(?P<secret>eyJ(?:[\w-]++\.(?:eyJ[\w-]*+|[\w-]{16,}+|(?=\.))|[\w-]{20,}+)(?:\.[\w-]*+)*+)",
        ("refused «eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.c2ln-bmF0» today", "«eyJDQU5BUllDQU5BUllDQU5BUlk»"),
        "RFC 7519 (JSON Web Token), RFC 7516 (five parts)",
    ),
    _row(
        "aws_access_key",
        "akia asia abia acca",
        r"(?<![A-Z0-9])(?P<secret>A(?:KI|SI|BI|CC)A[A-Z0-9]{16}(?![A-Z0-9])(?:[\s,:;|\"']{1,5}[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+]))?)",
        (
            "the key «AKIACANARYCANARY0000» is not allowed",
            "temporary «ASIACANARYCANARY0000»",
            f"«AKIACANARYCANARY0000,{'CANARY/+' * 5}»",
        ),
        _AWS_IDS,
    ),
    _folded(
        "azure_signature",
        "sharedaccesssignature",
        r"(?:sharedaccesssignature\s?=?\s?)(?P<secret>[^\s\"';]++)",
        (
            "BlobEndpoint=https://h;SharedAccessSignature=«sv=2026&sig=CANARY»;Version=1",
            "SharedAccessSignature «sr=h&sig=CANARY»",
        ),
        _AZURE,
    ),
    _folded(
        "webhook_url",
        "hooks. webhook",
        r"(?:hooks\.slack(?:-gov)?\.com/[a-z]{1,20}/|discord(?:app)?\.com/api/webhooks/|webhook\.office\.com/[a-z0-9]{1,20}/)"
        r"(?P<secret>[^\s\"'<>]++)",
        (
            "POST https://hooks.slack.com/services/«T0CANARY/B0CANARY/CANARYCANARY» failed",
            "https://discord.com/api/webhooks/«1234/CANARY-CANARY»",
            "https://example.webhook.office.com/webhookb2/«CANARY@CANARY/IncomingWebhook/CANARY»",
        ),
        "https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks",
    ),
    _folded(
        "xml_element",
        ">",
        rf"(?:{NAMES}[a-z0-9_-]{{0,32}}+)>(?P<secret>[^<\r\n]++)",
        ("<SecretAccessKey>«CANARY/CANARY»</SecretAccessKey>", "<SessionToken>«CANARY CANARY»</SessionToken>"),
        "https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html",
    ),
    _folded(
        "command_line_option",
        "--",
        rf"(?:--(?<![a-z0-9_-]--)[a-z0-9_-]{{0,32}}?{NAMES}[a-z0-9_-]{{0,32}}+)\s{{1,4}}(?P<secret>(?!-)[^\s\"']++)",
        ("ran tool --db-password «CANARY» --verbose",),
        "POSIX.1-2024, 12.2 (utility syntax), with long options",
    ),
    _folded(
        "named_value",
        NAME_HINTS,
        rf"(?:{_NAME}(?:{_EQUALS}|{_COMMA}){_OPENING}{_VALUE})",
        (
            "password=«CANARY» refused",
            "aws_secret_access_key = «CANARY/CANARY»",
            "x-amz-security-token: «CANARY»",
            '"password":"«CANARY CANARY»","user":"u"',
            '{\\"client_secret\\": \\"«CANARY CANARY»\\", \\"user\\": \\"u\\"}',
            "{'api-key': b'«CANARY»'}",
            "('X-Api-Key', '«CANARY»')",
            '"tokens": «["CANARY", "CANARY"]»',
            '"credentials": «{"a": "CANARY", "b": {"c": "CANARY"}}»',
            "AccountName=a;AccountKey=«CANARY+/==»;EndpointSuffix=core.windows.net",
            "Endpoint=sb://h/;SharedAccessKeyName=«Root»;SharedAccessKey=«CANARY=»",
            "token%3D«CANARY»",
            "passphrase => «CANARY»",
            "password=«CANARY,CANARY» refused",
            'sasl.jaas.config=«org.apache.kafka» username="u" password="«CANARY»"',
        ),
        "OWASP, Logging Cheat Sheet, 'Data to exclude'",
    ),
    *map(_token, TOKENS),
)
