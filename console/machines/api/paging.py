"""Pages of lists: their sizes, and the tokens that name the place behind a page."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec

from headrace.console.machines.errors import MachineServiceError
from headrace.console.machines.port import ApiParams

DEFAULT = 100
Item = TypeVar("Item")


def size(params: ApiParams) -> int:
    """Return the number of items on a page."""
    number: int = params.get("maxResults") or DEFAULT
    return number


def encode_token(kind: str, place: Any) -> str:
    """Return the token of a place in a list of a kind."""
    return base64.urlsafe_b64encode(msgspec.json.encode((kind, place))).decode()


def decode_token(params: ApiParams, kind: str, form: Any) -> Any:
    """Return the place of the request's token; None without one.

    Raises:
        MachineServiceError: It is no token of such a list.
    """
    token = params.get("nextToken")
    if token is None:
        return None
    try:
        own, place = msgspec.json.decode(base64.urlsafe_b64decode(token), type=tuple[str, form])
    except (ValueError, msgspec.DecodeError):
        own, place = "", None
    if own != kind:
        raise MachineServiceError("InvalidToken", "Invalid Token: 'Invalid token'")
    return place


def page(
    params: ApiParams, kind: str, items: Sequence[Item], key: Callable[[Item], str]
) -> tuple[list[Item], ApiParams]:
    """Return the items of a page, and the member with the token of the next one.

    `key` identifies an item: the page begins behind the one that the token names, or at the start if it is gone.
    """
    after = decode_token(params, kind, str)
    keys = [key(item) for item in items]
    first = keys.index(after) + 1 if after in keys else 0
    chosen = list(items[first : first + size(params)])
    more = first + len(chosen) < len(items)
    return chosen, {"nextToken": encode_token(kind, key(chosen[-1]))} if more else {}
