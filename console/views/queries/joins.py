"""How the tables of assets belong together. They have no foreign keys, which would slow the projector down."""

from __future__ import annotations

from sqlalchemy import and_, join

from headrace.console.views.tables import assets, completions, jobs, removals, timeline, versions

VERSIONS = join(assets, versions, versions.c.asset_id == assets.c.id)
"""Each asset with each of its versions."""

NEWEST = join(
    assets,
    versions,
    and_(
        versions.c.asset_id == assets.c.id,
        versions.c.sequencer_order == assets.c.newest_order,
        versions.c.version == assets.c.newest_version,
    ),
)
"""Each asset with its newest version."""

TIMELINE = VERSIONS.join(timeline, timeline.c.version_id == versions.c.id)
JOBS = VERSIONS.join(jobs, jobs.c.version_id == versions.c.id)
COMPLETIONS = JOBS.join(completions, completions.c.job == jobs.c.id)
REMOVALS = join(assets, removals, removals.c.asset_id == assets.c.id)
