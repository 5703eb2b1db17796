"""Find broken promises in the facts of a proof. Every check is a query, so that its memory is bounded.

lost upload              SQS accepted it, and media.uploaded does not have it
unfinished upload        the newest version of an asset has no summary, or a summary with failures
record without cause     a record of media.uploaded that was never uploaded
two results              one cause with two different results of one stage
key order broken         a result before that of an earlier record of its key, without a retry
duplicate job            two jobs under one token, or more jobs for an asset than versions
dead letter altered      a dead letter that differs from its original record
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from headrace.schemas import topics
from headrace.schemas.topics import dead_letters, retry
from headrace.streams.stage import Stage
from tests.chaos.proof.facts import Facts

SHOWN = 5
"""Examples of one anomaly that are reported; all are counted."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A broken promise: its name, how often, and some examples."""

    name: str
    count: int
    examples: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.name}: {self.count}, such as {'; '.join(self.examples)}"


LOST = """
SELECT root FROM uploads u WHERE NOT EXISTS (SELECT 1 FROM records r WHERE r.topic = :uploaded AND r.id = u.root)
"""
NEWEST = "NOT EXISTS (SELECT 1 FROM uploads n WHERE n.asset = u.asset AND n.version > u.version)"
UNFINISHED = f"""
SELECT asset || ' version ' || version FROM uploads u WHERE {NEWEST} AND COALESCE((
    SELECT failed FROM records r WHERE r.topic = :completed AND r.root = u.root ORDER BY partition, offset DESC LIMIT 1
), 1) > 0
"""
NO_CAUSE = """
SELECT id FROM records r WHERE topic = :uploaded AND NOT EXISTS (SELECT 1 FROM uploads u WHERE u.root = r.id)
"""
TWO_RESULTS = """
SELECT topic || ' ' || cause FROM records WHERE topic = :topic GROUP BY cause HAVING count(DISTINCT id) > 1
"""
ORDER = """
WITH first AS (
    SELECT key, partition, root, min(offset) AS at FROM records r
    WHERE topic = :topic AND NOT EXISTS (SELECT 1 FROM records d WHERE d.topic = :retry AND d.id = r.cause)
    GROUP BY key, partition, root
), original AS (
    SELECT id, partition, min(offset) AS at FROM records WHERE topic = :uploaded GROUP BY id, partition
), ordered AS (
    SELECT f.key AS key, f.at AS at, o.at AS cause, lag(o.at) OVER (PARTITION BY f.key ORDER BY f.at) AS earlier
    FROM first f JOIN original o ON o.id = f.root
)
SELECT key || ' at offset ' || at FROM ordered WHERE earlier > cause
"""
TWO_JOBS = """
SELECT service || ' ' || token FROM ledger.jobs WHERE token IS NOT NULL
GROUP BY service, operation, token HAVING count(*) > 1
"""
MORE_JOBS = """
SELECT j.service || ' ' || j.asset FROM ledger.jobs j GROUP BY service, operation, asset
HAVING count(*) > (SELECT count(*) FROM uploads u WHERE j.asset IN (u.asset, 's3://' || u.asset))
"""
ALTERED = """
SELECT l.id FROM records l JOIN records o ON o.topic = :topic AND o.id = l.id
WHERE l.topic = :letters GROUP BY l.id HAVING sum(l.digest = o.digest) = 0
"""


def findings(facts: Facts, stages: tuple[Stage, ...]) -> list[Finding]:
    """Return every broken promise of records and jobs."""
    return [each for each in _all(facts, stages) if each.count]


def _all(facts: Facts, stages: tuple[Stage, ...]) -> Iterator[Finding]:
    uploaded, completed = topics.UPLOADED.name, topics.COMPLETED.name
    yield _find(facts, "lost upload", LOST, uploaded=uploaded)
    yield _find(facts, "unfinished upload", UNFINISHED, completed=completed)
    yield _find(facts, "record without cause", NO_CAUSE, uploaded=uploaded)
    for stage in stages:
        if stage.writes:
            yield _find(facts, "two results", TWO_RESULTS, topic=stage.writes.name)
        if stage.writes and topics.UPLOADED in stage.reads:
            names = {"topic": stage.writes.name, "retry": retry(stage.name).name, "uploaded": uploaded}
            yield _find(facts, "key order broken", ORDER, **names)
        for topic in stage.reads:
            names = {"topic": topic.name, "letters": dead_letters(stage.name).name}
            yield _find(facts, "dead letter altered", ALTERED, **names)
    yield _find(facts, "duplicate job", TWO_JOBS)
    yield _find(facts, "duplicate job", MORE_JOBS)


def _find(facts: Facts, name: str, sql: str, **values: str) -> Finding:
    count = facts.number(f"SELECT count(*) FROM ({sql})", values)
    examples = facts.rows(f"{sql} LIMIT {SHOWN}", values) if count else []
    return Finding(name, count, tuple(str(row[0]) for row in examples))
