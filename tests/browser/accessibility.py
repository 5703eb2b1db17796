"""What is wrong with a page in a browser: accessibility, contrast and width."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import Page

AXE = Path(__file__).parent / "vendor" / "axe.min.js"


def layout_problems(page: Page, url: str) -> list[str]:
    """Return what is wrong with a page: on a narrow dark screen its contrast and width, and all else on a wide one."""
    page.goto(url)
    page.set_viewport_size({"width": 375, "height": 800})
    page.emulate_media(color_scheme="dark")
    narrow, dark = overflow(page), violations(page, "color-contrast")
    page.set_viewport_size({"width": 1440, "height": 900})
    page.emulate_media(color_scheme="light")
    return [*violations(page), *dark, *([f"{narrow} pixels too wide"] if narrow > 0 else [])]


def violations(page: Page, *rules: str) -> list[str]:
    """Return what axe-core finds: the rule, and the first element that breaks it."""
    options = {"runOnly": {"type": "rule", "values": list(rules)}} if rules else {}
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text("utf-8"))
    found: list[dict[str, Any]] = page.evaluate("options => axe.run(options)", options)["violations"]
    return [f"{each['id']}: {each['nodes'][0]['html'][:200]}" for each in found]


def overflow(page: Page) -> int:
    """Return how many pixels the page is wider than the window."""
    width: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return width
