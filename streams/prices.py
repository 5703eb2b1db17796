"""What paid calls cost: AWS list prices in US dollars, us-east-1, first tier, as published in 2025."""

from __future__ import annotations

from schemas.records import Charge

PER_UNIT = {
    ("rekognition", "DetectLabels"): ("image", 0.001),
    ("rekognition", "DetectModerationLabels"): ("image", 0.001),
    ("rekognition", "StartLabelDetection"): ("minute", 0.10),
    ("rekognition", "StartContentModeration"): ("minute", 0.10),
    ("transcribe", "StartTranscriptionJob"): ("minute", 0.024),
}


def charge(service: str, operation: str, units: float) -> Charge:
    """Price one call. Raises KeyError for a call that has no price."""
    unit, usd = PER_UNIT[service, operation]
    return Charge(service=service, operation=operation, units=units, unit=unit, usd=round(units * usd, 6))
