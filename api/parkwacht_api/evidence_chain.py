"""
What a package says of the audit log: the entries about its incident, and the way to them.

The chain file lists, for every entry from the first about the incident to the one in which the
package was asked for, its number and the hash of what it says. So anyone can follow the hashes from
the beginning of the extract to its end, and compare any of them with an anchor that was kept
elsewhere, without reading what was done about other incidents.

    start NUMBER HASH      the entry before the extract
    NUMBER CONTENT-HASH    one line for each entry
    end NUMBER HASH        the last entry
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from parkwacht_api.audit import (
    COLUMNS,
    FIRST_HASH,
    WHO_ID,
    chain_hash,
    content_hash_of,
    content_of,
)
from parkwacht_api.models_access import AuditEntry


@dataclass(frozen=True, slots=True)
class Extract:
    """The two files, and where the chain ends."""

    entries: bytes
    chain: bytes
    end_id: int
    end_hash: str


def make_extract(rows: Iterable[AuditEntry], object_ids: frozenset[str]) -> Extract:
    """
    Write the entries about some things, and the hashes of all.

    Parameters
    ----------
    rows
        The entries from the first to the last, by number.
    object_ids
        What an entry must be about to be written in full.
    """
    entries: list[str] = []
    chain: list[str] = []
    end_id, end_hash = 0, FIRST_HASH
    for row in rows:
        if not chain:
            chain.append(f"start {row.id - 1} {row.previous_hash}")
        chain.append(f"{row.id} {content_hash_of(row)}")
        end_id, end_hash = row.id, row.hash
        if row.object_id in object_ids:
            entries.append(json.dumps(content_of(row), ensure_ascii=True, sort_keys=True))
    chain.append(f"end {end_id} {end_hash}")
    return Extract(_lines(entries), _lines(chain), end_id, end_hash)


def _lines(lines: list[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def check_chain_file(chain: bytes) -> dict[int, str]:
    """
    Follow the hashes from the start of an extract to its end.

    Parameters
    ----------
    chain
        The chain file.

    Returns
    -------
    dict
        The hash of what each entry says, by its number.

    Raises
    ------
    ValueError
        It cannot be read, or the hashes do not lead to its end.
    """
    lines = [line.split(" ") for line in chain.decode("ascii").splitlines()]
    (begin, before, hash_so_far), (end, last, end_hash) = lines[0], lines[-1]
    number, said = int(before), {}
    for one, content_hash in lines[1:-1]:
        if int(one) != number + 1:
            message = f"entry {number + 1} is missing"
            raise ValueError(message)
        number += 1
        said[number] = content_hash
        hash_so_far = chain_hash(hash_so_far, content_hash)
    if (begin, end, int(last), end_hash) != ("start", "end", number, hash_so_far):
        message = f"the hashes do not lead to entry {last}"
        raise ValueError(message)
    return said


def check_entries(entries: bytes, said: dict[int, str]) -> None:
    """
    Insist that every entry says what the chain has the hash of.

    Parameters
    ----------
    entries
        The file of entries.
    said
        The hash of what each says, by its number.

    Raises
    ------
    ValueError
        An entry cannot be read, or says something else.
    """
    for row in _read(entries):
        if said.get(row.id) != content_hash_of(row):
            message = f"entry {row.id} is not the one of the chain"
            raise ValueError(message)


def _read(entries: bytes) -> Iterator[AuditEntry]:
    for line in entries.decode("ascii").splitlines():
        told = json.loads(line)
        if not isinstance(told, dict) or sorted(told.keys() - {WHO_ID}) != sorted(COLUMNS):
            message = "a line is no entry"
            raise ValueError(message)
        yield AuditEntry(**{**told, "at": datetime.fromisoformat(told["at"])})
