"""
What of a verdict is shown to whom: each receiver what its own task needs, the house all of it.

| field                                   | the house | police       | other receivers |
|-----------------------------------------|-----------|--------------|-----------------|
| verdict, cause, person, level, instants | yes       | yes          | yes             |
| reason, as the operator wrote it        | yes       | of verified  | no              |
| legal basis and number                  | yes       | of verified  | no              |

The number of a vordering or aangifte is between the park and the police, and a reason is written
for colleagues: it may name people. Why something was handed over belongs to the hand-over.
"""

from collections.abc import Sequence

from parkwacht_api.auth import Principal
from parkwacht_api.models import Verdict
from parkwacht_api.schemas import VerdictOut

WITHHELD = {"reason": None, "legal_basis": None, "legal_number": None}


def verdicts_out(verdicts: Sequence[Verdict], principal: Principal) -> list[VerdictOut]:
    """Show verdicts to whoever asks."""
    return [_out(one, principal) for one in verdicts]


def _out(verdict: Verdict, principal: Principal) -> VerdictOut:
    shown = VerdictOut.model_validate(verdict, from_attributes=True)
    is_house = principal.receiver_id is None
    if is_house or (principal.is_police and verdict.verdict == "verified"):
        return shown
    return shown.model_copy(update=WITHHELD)
