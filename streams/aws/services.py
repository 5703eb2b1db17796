"""Build the services of the stages from the AWS adapters."""

from __future__ import annotations

from headrace.streams.aws.bedrock import BedrockTextGenerator
from headrace.streams.aws.client import AwsClient
from headrace.streams.aws.comprehend import Comprehend
from headrace.streams.aws.data_automation import DataAutomation
from headrace.streams.aws.face_collections import RekognitionFaces
from headrace.streams.aws.job_status import AwsJobStatus
from headrace.streams.aws.mediaconvert import MediaConvert
from headrace.streams.aws.polly import Polly
from headrace.streams.aws.rekognition import Rekognition
from headrace.streams.aws.s3 import S3Objects
from headrace.streams.aws.textract import Textract
from headrace.streams.aws.titan import TitanEmbeddings
from headrace.streams.aws.transcribe import Transcribe
from headrace.streams.aws.translate import Translate
from headrace.streams.costs.prices import PriceList
from headrace.streams.media.scanner import ContentScanner
from headrace.streams.results import ResultsBucket, ResultsStore
from headrace.streams.services import Services
from headrace.streams.settings import StreamSettings


def build_services(aws: AwsClient, bucket: ResultsBucket, settings: StreamSettings, prices: PriceList) -> Services:
    """Return the services; calls use `aws` and are metered at `prices`, and results are stored in `bucket`."""
    return Services(
        objects=S3Objects(aws, settings.max_object_bytes),
        blobs=ResultsStore(bucket),
        scanner=ContentScanner(settings.clamd),
        vision=Rekognition(aws, settings, prices),
        people=RekognitionFaces(aws, settings, prices),
        speech=Transcribe(aws, bucket, settings, prices),
        documents=Textract(aws, settings, prices),
        language=Comprehend(aws, settings, prices),
        translator=Translate(aws, prices),
        voice=Polly(aws, bucket, settings, prices),
        transcoder=MediaConvert(aws, bucket, settings, prices),
        writer=BedrockTextGenerator(aws, prices),
        embedder=TitanEmbeddings(aws, prices),
        extractor=DataAutomation(aws, bucket, settings, prices),
        jobs=AwsJobStatus(aws),
    )
