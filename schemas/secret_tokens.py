"""Formats of tokens that begin with a fixed prefix, one row each. Data."""

from __future__ import annotations

from dataclasses import dataclass

_WORD = "[A-Za-z0-9_-]"
_ALNUM = "[A-Za-z0-9]"
_HEX = "[0-9a-f]"


@dataclass(frozen=True, slots=True)
class TokenFormat:
    """Prefixes, the pattern of what follows, an example of what follows, and the page that documents it."""

    name: str
    prefixes: tuple[str, ...]
    body: str
    example: str
    source: str


def _row(name: str, prefixes: str, body: str, example: str, source: str) -> TokenFormat:
    return TokenFormat(name, tuple(prefixes.split()), body, example, source)


_GITHUB = "https://github.blog/engineering/behind-githubs-new-authentication-token-formats/"
_GITLAB = "https://docs.gitlab.com/security/tokens/#token-prefixes"
_SCANNED = "https://docs.github.com/code-security/secret-scanning/introduction/supported-secret-scanning-patterns"

TOKENS: tuple[TokenFormat, ...] = (
    _row("github", "ghp_ gho_ ghu_ ghs_ ghr_", f"{_ALNUM}{{20,}}+", "CANARY" * 6, _GITHUB),
    _row("github_fine_grained", "github_pat_", f"{_WORD}{{20,}}+", "CANARY" * 4 + "_" + "CANARY" * 9, _GITHUB),
    _row(
        "gitlab",
        "glpat- gldt- glrt- glrtr- glptt- glft- glsoat- glcbt- glimt- glagent- gloas- glffct- glwt-",
        "[A-Za-z0-9_.-]{16,}+",
        "CANARY_CANARY-CANARY",
        _GITLAB,
    ),
    _row(
        "slack",
        "xoxa- xoxb- xoxc- xoxd- xoxe- xoxe. xoxo- xoxp- xoxr- xoxs- xapp- xwfp-",
        r"[A-Za-z0-9.%-]{10,}+",
        "1234567890-CANARYCANARY",
        "https://docs.slack.dev/authentication/tokens",
    ),
    _row(
        "stripe",
        "sk_live_ sk_test_ rk_live_ rk_test_ whsec_",
        r"[A-Za-z0-9+/=]{10,}+",
        "CANARY" * 4,
        "https://docs.stripe.com/keys",
    ),
    _row(
        "google_api_key",
        "AIza",
        f"{_WORD}{{30,}}+",
        "CANARY_" * 5,
        "https://cloud.google.com/docs/authentication/api-keys",
    ),
    _row("google_oauth", "ya29. GOCSPX-", "[A-Za-z0-9_.-]{20,}+", "CANARY_" * 5, _SCANNED),
    _row(
        "vault",
        "hvs. hvb. hvr.",
        f"{_WORD}{{20,}}+",
        "CANARY_" * 4,
        "https://developer.hashicorp.com/vault/docs/concepts/tokens",
    ),
    _row("npm", "npm_", f"{_ALNUM}{{30,}}+", "CANARY" * 6, _SCANNED),
    _row("pypi", "pypi-", f"AgE{_WORD}{{30,}}+", "AgEIcHlwaS5vcmc" + "CANARY" * 4, _SCANNED),
    _row("twilio", "SK", f"{_HEX}{{32}}(?![A-Za-z0-9])", "c0ffee00" * 4, "https://www.twilio.com/docs/iam/api-keys"),
    _row(
        "sendgrid",
        "SG.",
        f"{_WORD}{{16,64}}\\.{_WORD}{{16,64}}",
        "CANARY_" * 3 + ".CANARY" + "_CANARY" * 5,
        "https://www.twilio.com/docs/sendgrid/ui/account-and-settings/api-keys",
    ),
    _row("mailgun", "key-", f"{_HEX}{{32}}(?![A-Za-z0-9])", "c0ffee00" * 4, _SCANNED),
    _row(
        "aws_session_token",
        "IQoJb3JpZ2lu FwoGZXIvYXdz FQoGZXIvYXdz FQoDYXdz",
        r"[A-Za-z0-9+/=_%-]{16,}+",
        "CANARY/+" * 6,
        "https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html",
    ),
    _row(
        "bedrock_api_key",
        "ABSK bedrock-api-key-",
        r"[A-Za-z0-9+/=]{40,}+",
        "CANARY+/" * 6,
        "https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys.html",
    ),
    _row("openai", "sk-proj- sk-svcacct- sk-admin- sk-ant- sk-or-", f"{_WORD}{{20,}}+", "CANARY_" * 4, _SCANNED),
    _row("openai_legacy", "sk-", f"{_ALNUM}{{40,}}+", "CANARY" * 8, _SCANNED),
    _row("hugging_face", "hf_", f"{_ALNUM}{{30,}}+", "CANARY" * 6, "https://huggingface.co/docs/hub/security-tokens"),
    _row("digitalocean", "dop_v1_ doo_v1_ dor_v1_", f"{_HEX}{{40,}}+", "c0ffee00" * 8, _SCANNED),
    _row("docker_hub", "dckr_pat_ dckr_oat_", f"{_WORD}{{20,}}+", "CANARY_" * 4, _SCANNED),
    _row("shopify", "shpat_ shpss_ shpca_ shppa_", "[0-9a-fA-F]{32,}+", "c0ffee00" * 4, _SCANNED),
    _row("databricks", "dapi", f"{_HEX}{{32}}(?:-[0-9])?", "c0ffee00" * 4, _SCANNED),
    _row("grafana", "glsa_ glc_", "[A-Za-z0-9_+/=]{20,}+", "CANARY_" * 5, _SCANNED),
    _row("new_relic", "NRAK- NRJS-", f"{_ALNUM}{{19,}}+", "CANARY" * 5, _SCANNED),
    _row("atlassian", "ATATT3 ATCTT3 ATBB", "[A-Za-z0-9_=-]{20,}+", "CANARY_" * 5, _SCANNED),
    _row("terraform_cloud", "atlasv1.", "[A-Za-z0-9_=-]{30,}+", "CANARY_" * 5, _SCANNED),
    _row("square", "sq0atp- sq0csp- EAAA", f"{_WORD}{{22,}}+", "CANARY_" * 4, _SCANNED),
    _row("linear", "lin_api_ lin_oauth_", f"{_ALNUM}{{30,}}+", "CANARY" * 6, _SCANNED),
    _row("rubygems", "rubygems_", f"{_HEX}{{40,}}+", "c0ffee00" * 6, _SCANNED),
    _row("postman", "PMAK-", f"{_WORD}{{30,}}+", "CANARY_" * 6, _SCANNED),
    _row("sentry", "sntrys_ sntryu_", r"[A-Za-z0-9+/=_]{30,}+", "CANARY_" * 6, _SCANNED),
    _row("pulumi", "pul-", f"{_HEX}{{40}}(?![A-Za-z0-9])", "c0ffee00" * 5, _SCANNED),
    _row("age", "AGE-SECRET-KEY-1", "[A-Z0-9]{30,}+", "CANARY" * 9, "https://age-encryption.org/v1"),
)
