"""Pagination of results."""

from __future__ import annotations

import pytest

from headrace.sandbox.ai.framework.paging import TOKEN_LIFE_SECONDS, InvalidTokenError, ResultPage, cut

ITEMS = list(range(7))


def pages(size: int) -> list[list[int]]:
    result, token = [], None
    while True:
        items, token = cut(ITEMS, ResultPage("listing", token, size, now=0.0))
        result.append(list(items))
        if token is None:
            return result


def test_pages_contain_all_items() -> None:
    assert pages(3) == [[0, 1, 2], [3, 4, 5], [6]]


def test_full_last_page_has_no_token() -> None:
    assert pages(7) == [ITEMS]


def test_no_items_return_one_empty_page() -> None:
    assert cut([], ResultPage("listing", None, 10, now=0.0)) == ([], None)


@pytest.mark.parametrize("token", ["", "rubbish", "e30=", "WzEsMiwzXQ==", "WyJ4IiwgInkiXQ=="])
def test_rejects_malformed_tokens(token: str) -> None:
    with pytest.raises(InvalidTokenError):
        cut(ITEMS, ResultPage("listing", token, 3, now=0.0))


def test_rejects_a_token_of_another_listing() -> None:
    _, token = cut(ITEMS, ResultPage("listing", None, 3, now=0.0))
    with pytest.raises(InvalidTokenError):
        cut(ITEMS, ResultPage("another", token, 3, now=0.0))


def test_token_expires_after_a_day() -> None:
    _, token = cut(ITEMS, ResultPage("listing", None, 3, now=0.0))
    assert cut(ITEMS, ResultPage("listing", token, 3, now=TOKEN_LIFE_SECONDS - 1))[0] == [3, 4, 5]
    with pytest.raises(InvalidTokenError):
        cut(ITEMS, ResultPage("listing", token, 3, now=TOKEN_LIFE_SECONDS))


def test_token_is_within_the_length_limit_of_rekognition() -> None:
    _, token = cut(range(10**6), ResultPage("x" * 200, None, 999_999, now=1_795_000_000.123456))
    assert token is not None
    assert len(token) <= 255
