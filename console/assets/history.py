"""The history of assets as commands read it, from the log or from the views."""

from __future__ import annotations

from typing import Protocol

from headrace.console.assets.asset_event import AssetEvent
from headrace.console.assets.projection import AssetVersion


class AssetHistory(Protocol):
    """The versions and events of assets, each named `bucket/key`."""

    def find(self, name: str) -> list[str]:
        """List the assets that match `bucket/key`, `s3://bucket/key` or the key alone, in order."""
        ...

    def versions(self, asset: str) -> list[AssetVersion]:
        """List the versions of an asset, oldest first."""
        ...

    def newest_version(self, asset: str) -> AssetVersion | None:
        """Return the newest version of an asset."""
        ...

    def unreadable_letters(self, asset: str) -> list[AssetEvent]:
        """List the unparseable dead letters with an asset's key; their version is not known."""
        ...


class AssetSource(Protocol):
    """Reads histories of assets. Commands use the views, or the log itself."""

    def progress(self, asset: str) -> AssetHistory:
        """Read the history of every asset that matches a name."""
        ...

    def asset_of_job(self, token: str) -> str | None:
        """Return the asset of a job, `bucket/key`; None if its start is not known."""
        ...
