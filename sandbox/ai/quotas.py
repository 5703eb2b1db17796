"""Service Quotas: the default quotas of concurrent jobs, under AWS's names."""

from __future__ import annotations

from headrace.sandbox.ai.framework.errors import ServiceError
from headrace.sandbox.ai.framework.ledger import JobSubject
from headrace.sandbox.ai.framework.paging import InvalidTokenError, ResultPage, cut
from headrace.sandbox.ai.framework.service import Params, Service, ServiceContext
from headrace.sandbox.names import REGION
from headrace.schemas.jobs import concurrent_jobs

MAX_RESULTS = 100
_NAMES = {
    "rekognition": "Maximum number of concurrent stored video jobs per account",
    "transcribe": "Number of concurrent batch transcription jobs",
    "textract": "Maximum number of asynchronous jobs per account that can simultaneously exist",
    "mediaconvert": "Concurrent jobs per on-demand queue, baseline",
}
_WITHOUT_QUOTAS = ("polly", "comprehend", "translate", "bedrock")


def list_service_quotas(params: Params, context: ServiceContext) -> Params:
    """Return the quotas of a service, which this account has not changed."""
    code = params["ServiceCode"]
    if code not in (*_NAMES, *_WITHOUT_QUOTAS):
        raise ServiceError("NoSuchResourceException", f"The request failed because service {code} does not exist.")
    quotas = [
        {
            "ServiceCode": code,
            "QuotaCode": f"L-{number:08d}",
            "QuotaName": name,
            "Value": float(concurrent_jobs(REGION)[service]),
            "Unit": "None",
            "Adjustable": True,
            "GlobalQuota": False,
        }
        for number, (service, name) in enumerate(_NAMES.items(), 1)
        if service == code
    ]
    page = ResultPage(code, params.get("NextToken"), params.get("MaxResults", MAX_RESULTS), context.clock())
    try:
        found, token = cut(quotas, page)
    except InvalidTokenError as error:
        raise ServiceError("InvalidPaginationTokenException", "Invalid token was provided.") from error
    return {"Quotas": list(found)} | ({"NextToken": token} if token else {})


SERVICE = Service(
    name="service-quotas",
    invalid="IllegalArgumentException",
    failure="ServiceException",
    operations={"ListServiceQuotas": list_service_quotas, "ListAWSDefaultServiceQuotas": list_service_quotas},
    jobs={},
    subject=lambda params, answer: JobSubject(),
)
