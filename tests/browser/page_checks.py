"""What is wrong with a page in a browser at every width and in both themes: layout, targets, contrast, structure."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from playwright.sync_api import Page

from tests.browser.accessibility import violations

HERE = Path(__file__).parent
LAYOUT = HERE / "layout.js"
PHONE, DESKTOP = 375, 1280
WIDTHS = (PHONE, 768, DESKTOP, 2560)
"""From a phone to a large screen, in pixels."""
HEIGHT = 900
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
LARGEST_SHIFT = 0.1
"""Cumulative layout shift that Web Vitals calls good. On a busy machine, times are localised after the first frame."""
SHIFT = """() => new Promise((resolve) => {
  let sum = 0;
  new PerformanceObserver((list) => {
    for (const each of list.getEntries()) sum += each.hadRecentInput ? 0 : each.value;
  }).observe({ type: "layout-shift", buffered: true });
  requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => resolve(sum))));
})"""


def page_problems(page: Page, url: str) -> list[str]:
    """Return what is wrong with a page, each with the width of the window in pixels and the theme."""
    return [problem for width in WIDTHS for problem in _at_width(page, url, width)]


def _at_width(page: Page, url: str, width: int) -> Iterator[str]:
    page.set_viewport_size({"width": width, "height": HEIGHT})
    page.emulate_media(color_scheme=THEMES[0])
    page.goto(url)
    shift: float = page.evaluate(SHIFT)
    if shift > LARGEST_SHIFT:
        yield f"{width}: its layout shifts by {shift:.3f}"
    yield from (f"{width}: {each}" for each in [*layout_problems(page), *violations(page, "target-size")])
    if width == DESKTOP:
        yield from violations(page)
    if width in (PHONE, DESKTOP):  # the others have the elements of one of these
        for theme in THEMES:
            page.emulate_media(color_scheme=theme)
            yield from (f"{width} {theme}: {each}" for each in violations(page, "color-contrast"))


def layout_problems(page: Page) -> list[str]:
    """Return what is cut off, overlaps, or is outside of the window as it is."""
    found: list[str] = page.evaluate(LAYOUT.read_text("utf-8"))
    return found
