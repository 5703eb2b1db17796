"""Every page of the console, in the order of the menu."""

from __future__ import annotations

from headrace.console.web.page import WebPage
from headrace.console.web.pages import pipeline

PAGES: tuple[WebPage, ...] = (pipeline.PAGE,)
