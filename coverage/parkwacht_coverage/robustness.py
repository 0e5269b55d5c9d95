"""
What is left of a placement when something goes wrong: the worst case next to the nominal one.
"""

from dataclasses import dataclass

from parkwacht_config.text import Text
from parkwacht_coverage.evaluate import Condition


@dataclass(frozen=True, slots=True)
class RobustnessCase:
    """
    One thing that can go wrong, at its worst.

    Shares are of the weighted public ground that reaches the target class; `what` is the camera or
    parking bay at which the worst happens, empty where it happens to all at once.
    """

    id: str
    name: Text
    condition: Condition
    nominal_share: float
    worst_share: float
    what: str
