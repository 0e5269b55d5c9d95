"""
What became of every feature that was read: kept, repaired, filtered or left out, and why.

Per layer the four together are what was read; `Ledger.close` refuses a feature without an outcome,
so that nothing can be dropped in silence.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np

from parkwacht_config.errors import CoverageError
from parkwacht_config.text import Text
from parkwacht_coverage.importing.model import Bools, Ints, Items, Objects


class Outcome(IntEnum):
    """What became of a feature."""

    UNDECIDED = 0
    KEPT = 1
    REPAIRED = 2
    FILTERED = 3  # not part of the park by a rule
    LEFT_OUT = 4  # it should have been, but its data are broken


OUTCOME_NAMES = {
    Outcome.KEPT: Text(nl="gebruikt", en="kept"),
    Outcome.REPAIRED: Text(nl="hersteld", en="repaired"),
    Outcome.FILTERED: Text(nl="gefilterd", en="filtered"),
    Outcome.LEFT_OUT: Text(nl="weggelaten", en="left out"),
}


@dataclass(slots=True)
class LayerLedger:
    """The account of one layer: an outcome and a reason for each row, shape (N,)."""

    source: str
    name: str
    ids: Objects
    outcome: Ints
    reason: Objects
    notes: dict[Text, list[int]] = field(default_factory=dict)

    def count(self, outcome: Outcome) -> int:
        """How many rows came out like this."""
        return int((self.outcome == outcome).sum())

    def reasons(self, outcome: Outcome) -> Iterator[tuple[Text, Ints]]:
        """Yield each reason for an outcome with its rows, the most frequent first."""
        rows = np.flatnonzero(self.outcome == outcome)
        frequency = Counter(self.reason[rows])
        for reason, _ in sorted(frequency.items(), key=lambda one: (-one[1], str(one[0]))):
            if reason is not None:
                yield reason, rows[[one is reason or one == reason for one in self.reason[rows]]]


class Ledger:
    """The accounts of all layers of one import."""

    def __init__(self) -> None:
        self.layers: list[LayerLedger] = []

    def open(self, source: str, name: str, ids: Objects) -> int:
        """Open the account of a layer; returns its number."""
        undecided = np.full(len(ids), Outcome.UNDECIDED, dtype=np.int64)
        reasons = np.full(len(ids), None, dtype=object)
        self.layers.append(LayerLedger(source, name, ids, undecided, reasons))
        return len(self.layers) - 1

    def mark(self, layer: int, rows: Iterable[int], outcome: Outcome, reason: Text) -> None:
        """Write down what became of some rows of a layer; a later word counts."""
        account = self.layers[layer]
        which = np.fromiter(rows, dtype=np.int64)
        account.outcome[which] = outcome
        account.reason[which] = reason

    def mark_items(self, items: Items, which: Bools, outcome: Outcome, reason: Text) -> None:
        """Write down what became of some items; a row that others stand for too is marked too."""
        chosen = items.take(which)
        for layer in np.unique(chosen.layer):
            self.mark(int(layer), chosen.row[chosen.layer == layer].tolist(), outcome, reason)

    def note_items(self, items: Items, which: Bools, remark: Text) -> None:
        """Remark on some items that stay."""
        chosen = items.take(which)
        for layer, row in zip(chosen.layer.tolist(), chosen.row.tolist(), strict=True):
            self.layers[layer].notes.setdefault(remark, []).append(row)

    def drop(self, items: Items, gone: Bools, outcome: Outcome, reason: Text) -> Items:
        """Take items out and write down why; returns those that stay."""
        if not gone.any():
            return items
        stays = items.take(~gone)
        staying = set(zip(stays.layer.tolist(), stays.row.tolist(), strict=True))
        places = zip(items.layer.tolist(), items.row.tolist(), strict=True)
        # of a feature in parts, one part that stays makes it stay
        whole = np.array([place not in staying for place in places], dtype=np.bool_)
        self.mark_items(items, gone & whole, outcome, reason)
        self.note_items(
            items,
            gone & ~whole,
            Text(nl=f"een deel vervalt: {reason.nl}", en=f"a part is gone: {reason.en}"),
        )
        return stays

    def confirm(self, items: Items) -> None:
        """Write down that these are part of the park."""
        for layer in np.unique(items.layer):
            account = self.layers[int(layer)]
            rows = np.unique(items.row[items.layer == layer])
            undecided = rows[account.outcome[rows] == Outcome.UNDECIDED]
            account.outcome[undecided] = Outcome.KEPT

    def id_of(self, items: Items) -> list[str]:
        """Return the ids that the items' features have in their files."""
        places = zip(items.layer.tolist(), items.row.tolist(), strict=True)
        return [str(self.layers[layer].ids[row]) for layer, row in places]

    def close(self) -> None:
        """
        Check that every feature has an outcome.

        Raises
        ------
        CoverageError
            One has none; a defect of this program.
        """
        for account in self.layers:
            open_rows = np.flatnonzero(account.outcome == Outcome.UNDECIDED)
            if len(open_rows):
                first = account.ids[open_rows[0]]
                where = f"{account.source} [{account.name}]"
                raise CoverageError(
                    Text(
                        nl=f"{where}: van {len(open_rows)} objecten is niet bekend wat ermee "
                        f"gebeurde, te beginnen met {first!r}; dit is een fout in parkwacht",
                        en=f"{where}: {len(open_rows)} features have no outcome, the first is "
                        f"{first!r}; this is a defect of parkwacht",
                    )
                )
