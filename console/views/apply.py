"""Apply a batch to the tables of assets: read the rows it touches, merge them, and write them. Pure, given a store."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from headrace.console.views import apply_operations, specs
from headrace.console.views.apply_executions import apply_executions
from headrace.console.views.batch import AssetKey, Batch, VersionKey
from headrace.console.views.merges import (
    merge_facts,
    merge_jobs,
    merge_removals,
    merge_stages,
    merge_versions,
    text_order,
)
from headrace.console.views.rows import AssetRow, FactRow, JobRow, StageRow, VersionRow, stage_row
from headrace.console.views.store import Key, Store, Values, put


def apply(batch: Batch, store: Store, expected: Mapping[tuple[str, int], int], now: float) -> None:
    """Apply a batch within a transaction. `expected` are the offsets from which its records were read.

    Raises:
        OffsetMovedError: another projector has applied some of the records.
    """
    apply_operations.apply_offsets(batch, store, expected)
    _Assets(batch, store, now).apply()
    apply_operations.apply_rest(batch, store)
    apply_executions(batch.executions, store)


class _Assets:
    """One batch, and the numbers of the rows that it touches."""

    def __init__(self, batch: Batch, store: Store, now: float) -> None:
        self._batch = batch
        self._store = store
        self._now = now
        self._asset_numbers: dict[AssetKey, int] = {}
        self._version_numbers: dict[VersionKey, int] = {}
        self._new_versions: set[int] = set()
        self._unchanged: set[VersionKey] = set()
        self._stages: dict[tuple[int, str], StageRow] = {}
        self._costs: dict[Key, tuple[int, int, int]] = {}
        self._usd: dict[AssetKey, int] = {}

    def apply(self) -> None:
        """Write everything about assets."""
        known = self._load_assets()
        versions = self._merge_versions(known)
        removed = self._removals()
        self._facts()
        self._jobs()
        self._write_assets(known, versions, removed)
        self._write_versions(versions)
        put(self._store, specs.STAGES, self._stages, merge_stages, StageRow, lambda key: key[0] in self._new_versions)
        self._store.add(specs.COSTS, self._costs)
        self._texts()

    def _load_assets(self) -> dict[AssetKey, AssetRow]:
        """Load the assets of the batch, and number the new ones."""
        keys = {key.asset for key in self._batch.versions} | {key[0] for key in self._batch.removals}
        found = self._store.load(specs.ASSETS, sorted(keys))
        known = {}
        for key, (number, *values) in found.items():
            asset = AssetKey(*key)
            self._asset_numbers[asset] = number
            known[asset] = AssetRow(*values)
        new = [key for key in self._keys_in_order() if key not in known]
        numbers = self._store.new_numbers(specs.ASSETS, len(new))
        self._asset_numbers |= zip(new, numbers, strict=True)
        return known

    def _keys_in_order(self) -> list[AssetKey]:
        keys = [key.asset for key in self._batch.versions] + [key[0] for key in self._batch.removals]
        return list(dict.fromkeys(keys))

    def _merge_versions(self, known: Mapping[AssetKey, AssetRow]) -> dict[VersionKey, tuple[VersionRow, bool]]:
        """Return the rows of versions, merged with those of the store, and whether they are new."""
        keys = {(self._asset_numbers[key.asset], key.order, key.version): key for key in self._batch.versions}
        found = self._store.load(specs.VERSIONS, [own for own, key in keys.items() if key.asset in known])
        rows = {}
        for own, (number, *values) in found.items():
            key = keys[own]
            self._version_numbers[key] = number
            before = VersionRow(*values)
            rows[key] = (merge_versions(before, self._batch.versions[key]), False)
            if rows[key][0] == before:
                self._unchanged.add(key)
        new = [key for key in self._batch.versions if key not in rows]
        numbers = self._store.new_numbers(specs.VERSIONS, len(new))
        self._version_numbers |= zip(new, numbers, strict=True)
        self._new_versions.update(numbers)
        return rows | {key: (self._batch.versions[key], True) for key in new}

    def _removals(self) -> dict[Key, Values]:
        rows = {(self._asset_numbers[asset], version): row for (asset, version), row in self._batch.removals.items()}
        return rows | put(self._store, specs.REMOVALS, rows, merge_removals)

    def _facts(self) -> None:
        """Write events; count the cost of new results."""
        numbers, new = self._version_numbers, self._new_versions
        rows = {(numbers[key], identity): row for (key, identity), row in self._batch.facts.items()}
        known = put(self._store, specs.TIMELINE, rows, merge_facts, FactRow, lambda key: key[0] in new)
        for (key, identity), row in self._batch.facts.items():
            if (row.usd_nanos or row.saved_nanos) and row.status == "done" and (numbers[key], identity) not in known:
                self._charge(key.asset, row)
        self._stages = {(numbers[key], stage): row for (key, stage), row in self._batch.stages.items()}

    def _charge(self, asset: AssetKey, row: FactRow) -> None:
        day = _day(row.at)
        usd, results, saved = self._costs.get((day, row.stage, row.partition), (0, 0, 0))
        sums = usd + row.usd_nanos, results + bool(row.usd_nanos), saved + row.saved_nanos
        self._costs[day, row.stage, row.partition] = sums
        self._usd[asset] = self._usd.get(asset, 0) + row.usd_nanos

    def _jobs(self) -> None:
        """Write jobs and their completions. A completion with a status changes a stage once its version is known."""
        tokens = {(token,): row for token, row in self._batch.jobs.items()}
        found = self._store.load(specs.JOBS, sorted(tokens))
        known = {key: (values[0], JobRow(*values[1:])) for key, values in found.items()}
        new = [key for key in tokens if key not in known]
        numbers = dict(zip(new, self._store.new_numbers(specs.JOBS, len(new)), strict=True))
        merged, assigned = {}, {}
        for key, row in tokens.items():
            own = row._replace(version=self._version_numbers[row.version]) if row.version is not None else row
            if key in known:
                numbers[key], before = known[key]
                merged[key] = merge_jobs(before, own)
                if before.version is None and merged[key].version is not None:
                    assigned[numbers[key]] = merged[key].version
            else:
                merged[key] = own
        rows = {key: (numbers[key], *row) for key, row in merged.items()}
        self._store.insert(specs.JOBS, {key: rows[key] for key in new})
        self._store.update(specs.JOBS, {key: row for key, row in rows.items() if key in known})
        for (job, _), values in self._store.completions_of(assigned).items():
            self._add_stage(assigned[job], FactRow(*values))
        self._completions(numbers, merged)

    def _completions(self, numbers: Mapping[Key, int], jobs: Mapping[Key, JobRow]) -> None:
        rows = {}
        for (token, identity), row in self._batch.completions.items():
            rows[numbers[token,], identity] = row
            if jobs[token,].version is not None:
                self._add_stage(jobs[token,].version, row)
        put(self._store, specs.COMPLETIONS, rows, merge_facts, FactRow)

    def _add_stage(self, version: int, fact: FactRow) -> None:
        if fact.status:
            row = stage_row(fact)
            known = self._stages.get((version, fact.stage))
            self._stages[version, fact.stage] = row if known is None else merge_stages(known, row)

    def _write_assets(
        self,
        known: Mapping[AssetKey, AssetRow],
        versions: Mapping[VersionKey, tuple[VersionRow, bool]],
        removed: Mapping[Key, Values],
    ) -> None:
        """Write assets. The state of an asset is that of its newest version."""
        rows: dict[AssetKey, AssetRow] = dict(known)
        for key, (row, new) in versions.items():
            before = rows.get(key.asset) or AssetRow("", "", "processing", None, 0, None, None, 0, 0, 0.0)
            count = before.versions + new
            if (key.order, key.version) >= (before.newest_order, before.newest_version):
                shown = (key.order, key.version, _state(row), row.kind, row.size, row.uploaded_at, row.completed_at)
                rows[key.asset] = AssetRow(*shown, count, before.usd_nanos, self._now)
            else:
                rows[key.asset] = before._replace(versions=count, updated=self._now)
        for asset in self._asset_numbers:
            rows.setdefault(asset, AssetRow("", "", "deleted", None, 0, None, None, 0, 0, self._now))
        newest = {(self._asset_numbers[asset], row.newest_version): asset for asset, row in rows.items()}
        for version in {**self._store.load(specs.REMOVALS, newest), **removed}:
            if hidden := newest.get((version[0], version[1])):
                rows[hidden] = rows[hidden]._replace(state="deleted", updated=self._now)
        for asset, usd in self._usd.items():
            rows[asset] = rows[asset]._replace(usd_nanos=rows[asset].usd_nanos + usd)
        numbered = {asset: (self._asset_numbers[asset], *row) for asset, row in rows.items()}
        self._store.insert(specs.ASSETS, {asset: row for asset, row in numbered.items() if asset not in known})
        self._store.update(specs.ASSETS, {asset: row for asset, row in numbered.items() if asset in known})

    def _write_versions(self, versions: Mapping[VersionKey, tuple[VersionRow, bool]]) -> None:
        inserted: dict[Key, Values] = {}
        updated: dict[Key, Values] = {}
        for key, (row, new) in versions.items():
            if key in self._unchanged:
                continue
            own = (self._asset_numbers[key.asset], key.order, key.version)
            (inserted if new else updated)[own] = (self._version_numbers[key], *row)
        self._store.insert(specs.VERSIONS, inserted)
        self._store.update(specs.VERSIONS, updated)

    def _texts(self) -> None:
        """Write the sources of searchable text. A newer event of a source is pending again."""
        sources = {
            (self._version_numbers[key], stage, variant): (self._asset_numbers[key.asset], *row)
            for (key, stage, variant), row in self._batch.texts.items()
        }
        known = self._store.load(specs.TEXTS, [key for key in sources if key[0] not in self._new_versions])
        new = [key for key in sources if key not in known]
        numbers = self._store.new_numbers(specs.TEXTS, len(new))
        pending = ("pending", None, None)
        inserted = {key: (number, *sources[key], *pending) for key, number in zip(new, numbers, strict=True)}
        self._store.insert(specs.TEXTS, inserted)
        changed = {key: row for key, row in sources.items() if key in known and _is_newer(row, known[key][1:])}
        self._store.update(specs.TEXTS, {key: (known[key][0], *row, *pending) for key, row in changed.items()})


def _state(row: VersionRow) -> str:
    if row.deleted_at is not None:
        return "deleted"
    return "processing" if row.completed_at is None else "completed"


def _is_newer(source: Values, known: Values) -> bool:
    """Whether a source is another event than the known one, and later."""
    return text_order(source[1:]) > text_order(known[1:])


def _day(at: float) -> str:
    try:
        return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")
    except (ValueError, OverflowError, OSError):  # out of range
        return "1970-01-01"
