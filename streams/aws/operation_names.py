"""Find the names of SDK operations, such as `rekognition.detect_labels`, that botocore does not know."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

import botocore.session
from botocore import xform_name


def unknown_operations(names: Iterable[str]) -> list[tuple[str, str]]:
    """Return each name that botocore's models do not have, with the closest one that they have, or an empty text."""
    session, unknown = botocore.session.get_session(), []
    services = session.get_available_services()
    for name in names:
        service, _, method = name.partition(".")
        if service not in services:
            close = get_close_matches(service, services, 1)
            unknown.append((name, f"{close[0]}.{method}" if close and method else ""))
            continue
        methods = [xform_name(each) for each in session.get_service_model(service).operation_names]
        if method not in methods:
            close = get_close_matches(method, methods, 1)
            unknown.append((name, f"{service}.{close[0]}" if close else ""))
    return unknown
