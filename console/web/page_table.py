"""Every page of the console, in the order of the menu."""

from __future__ import annotations

from headrace.console.web.page import WebPage
from headrace.console.web.pages import cost, health, people, pipeline, records, theme
from headrace.console.web.pages.assets.page import PAGE as ASSETS
from headrace.console.web.pages.letters.page import PAGE as LETTERS
from headrace.console.web.pages.machines.page import PAGE as MACHINES
from headrace.console.web.pages.replays.page import PAGE as REPLAYS
from headrace.console.web.pages.rules.page import PAGE as RULES

PAGES: tuple[WebPage, ...] = (
    pipeline.PAGE,
    ASSETS,
    LETTERS,
    REPLAYS,
    RULES,
    MACHINES,
    cost.PAGE,
    health.PAGE,
    people.PAGE,
    records.PAGE,
    theme.PAGE,
)
