"""
Numbers that go on over restarts: of incidents, and of what was told of already.

A number is taken in the transaction that uses it. Its row is locked until the end of that one, so
two writers never get the same, and one that is rolled back leaves no gap.
"""

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from parkwacht_api.models_incidents import Counter

# The same words on both engines. The first number follows what an older version has given.
NEXT_NUMBER = text(
    "INSERT INTO counter (name, value) "
    "VALUES ('incident', (SELECT COALESCE(MAX(number), 0) + 1 FROM incident)) "
    "ON CONFLICT (name) DO UPDATE SET value = counter.value + 1 RETURNING value"
)


def next_number(session: Session) -> int:
    """Return the number of the next incident, in a writing transaction."""
    return int(session.scalars(NEXT_NUMBER).one())


def values_of(session: Session, prefix: str) -> dict[str, int]:
    """Return the counters whose names begin so, by the rest of their names."""
    rows = session.scalars(select(Counter).where(Counter.name.startswith(prefix, autoescape=True)))
    return {row.name.removeprefix(prefix): row.value for row in rows}


def set_value(session: Session, name: str, value: int) -> None:
    """Set a counter, in a writing transaction; it is made where it is not there."""
    session.merge(Counter(name=name, value=value))
