"""Build the services of the stages from the AWS adapters."""

from __future__ import annotations

from headrace.streams.aws.bedrock import BedrockTextGenerator
from headrace.streams.aws.client import AwsClient
from headrace.streams.aws.comprehend import Comprehend
from headrace.streams.aws.job_status import AwsJobStatus
from headrace.streams.aws.mediaconvert import MediaConvert
from headrace.streams.aws.polly import Polly
from headrace.streams.aws.rekognition import Rekognition
from headrace.streams.aws.s3 import S3Objects
from headrace.streams.aws.textract import Textract
from headrace.streams.aws.transcribe import Transcribe
from headrace.streams.aws.translate import Translate
from headrace.streams.media.scanner import ContentScanner
from headrace.streams.results import ResultsBucket, ResultsStore
from headrace.streams.services import Services
from headrace.streams.settings import StreamSettings


def build_services(aws: AwsClient, bucket: ResultsBucket, settings: StreamSettings) -> Services:
    """Return the services; calls use `aws`, and results are stored in `bucket`."""
    return Services(
        objects=S3Objects(aws, settings.max_object_bytes),
        blobs=ResultsStore(bucket),
        scanner=ContentScanner(settings.clamd),
        vision=Rekognition(aws, settings),
        speech=Transcribe(aws, bucket, settings),
        documents=Textract(aws, settings),
        language=Comprehend(aws, settings),
        translator=Translate(aws),
        voice=Polly(aws, bucket, settings),
        transcoder=MediaConvert(aws, bucket, settings),
        writer=BedrockTextGenerator(aws),
        jobs=AwsJobStatus(aws),
    )
