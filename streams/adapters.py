"""Every service that a stage can reach, over the adapters to AWS: the one place that knows which of them does what."""

from __future__ import annotations

from streams.aws import Aws
from streams.bedrock import Bedrock
from streams.comprehend import Comprehend
from streams.jobs import AwsJobs
from streams.mediaconvert import MediaConvert
from streams.polly import Polly
from streams.rekognition import Rekognition
from streams.results import Bucket, Results
from streams.scanner import ContentScanner
from streams.services import Services
from streams.settings import StreamSettings
from streams.storage import S3Objects
from streams.textract import Textract
from streams.transcribe import Transcribe
from streams.translate import Translate


def services(aws: Aws, bucket: Bucket, settings: StreamSettings) -> Services:
    """Wire the services up: calls go through `aws`, results lie in `bucket`."""
    return Services(
        objects=S3Objects(aws, settings.max_object_bytes),
        blobs=Results(bucket),
        scanner=ContentScanner(settings.clamd),
        vision=Rekognition(aws, settings),
        speech=Transcribe(aws, bucket, settings),
        documents=Textract(aws, settings),
        language=Comprehend(aws, settings),
        translator=Translate(aws),
        voice=Polly(aws, bucket, settings),
        transcoder=MediaConvert(aws, bucket, settings),
        writer=Bedrock(aws),
        jobs=AwsJobs(aws),
    )
