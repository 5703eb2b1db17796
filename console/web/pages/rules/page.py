"""The routes of the pages of rules."""

from __future__ import annotations

from headrace.console.web.access.users import UserRole
from headrace.console.web.page import ApiOperation, WebPage, WebRoute
from headrace.console.web.pages.rules import detail, listing

PAGE = WebPage(
    title="Rules",
    path="/rules",
    routes=(
        WebRoute("/rules", listing.show),
        WebRoute("/rules/one", detail.show),
        WebRoute("/rules/test", listing.show_test),
        WebRoute("/rules/edit", detail.edit, role=UserRole.ADMIN),
        WebRoute("/rules/review", detail.review, method="POST", role=UserRole.ADMIN),
        WebRoute("/rules/apply", detail.execute, method="POST", role=UserRole.ADMIN),
    ),
    api=(ApiOperation("/api/rules", listing.list_json, "Export rules", command="headrace rules export"),),
)
