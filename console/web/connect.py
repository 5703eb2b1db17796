"""Create the services of the console for the cluster that the environment names."""

from __future__ import annotations

from functools import cache, partial

from headrace.connectors.aws.client import AwsSession
from headrace.console.kafka.admin import KafkaAdmin
from headrace.console.media.objects import MediaObjects
from headrace.console.routing.stages import load_stages
from headrace.console.views.current import CurrentViews
from headrace.console.views.locations import location
from headrace.console.views.settings import ViewsSettings
from headrace.console.web.cached import cached_for
from headrace.console.web.services import ConsoleServices
from headrace.console.web.settings import WebConsoleSettings
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.settings import load

STAGES_SECONDS = 30.0


def connect_services(settings: WebConsoleSettings) -> ConsoleServices:
    """Create the services. Nothing is read before the first request."""
    current = CurrentViews(location(load(ViewsSettings)))
    kafka = load(KafkaSettings)
    return ConsoleServices(
        kafka=kafka,
        views=current.views,
        connect=current.connect,
        stages=cached_for(STAGES_SECONDS, partial(load_stages)),
        cluster=cache(partial(KafkaAdmin, kafka)),
        objects=MediaObjects(AwsSession()),
        read_only=settings.read_only,
        media_origins=settings.media_origins,
    )
