"""
The colours of maps and charts, that a colour-blind reader can tell apart.

The classes take seven steps of viridis, made to keep apart in lightness as well as in hue (Smith
and Van der Walt, 2015); markers take colours of Okabe and Ito. What nobody sees is hatched as well,
so that it reads in a grey print. A test looks at all pairs through simulated colour-blind eyes.
"""

from collections.abc import Sequence

from parkwacht_coverage.density import Edition

CLASS_COLOURS = ("#ece51b", "#7fd34e", "#2eb37c", "#228d8d", "#32658e", "#453882", "#440154")
UNSEEN = "#f7f5f0"
UNSEEN_HATCH = "#a59f92"
SEEN_TODAY = "#2b5c8a"
SEEN_NEW = "#f2a93b"
BUILDING = "#c4c4c4"
BUILDING_EDGE = "#8a8a8a"
DWELLING = "#b85c93"
PRIVATE = "#f5edf2"
INK = "#222222"
MUTED = "#666666"
PROPOSED = "#d55e00"
EXISTING = "#222222"
TRENCH = "#7a4a1e"
CABINET = "#cc79a7"
SEEN_WAY = "#0072b2"
UNSEEN_WAY = "#d55e00"
PAPER = "#ffffff"


def class_colours(edition: Edition) -> dict[str, str]:
    """Return a colour per class of an edition, the darkest for the highest."""
    picked = CLASS_COLOURS[-len(edition.classes) :]
    return {one.id: colour for one, colour in zip(edition.classes, picked, strict=True)}


def told_apart() -> Sequence[Sequence[str]]:
    """Return the sets of colours that stand beside one another on one map."""
    around = (UNSEEN, BUILDING)
    return (
        (*CLASS_COLOURS, *around),
        (SEEN_TODAY, SEEN_NEW, *around),
        (SEEN_WAY, UNSEEN_WAY, TRENCH, UNSEEN, BUILDING),
        (DWELLING, BUILDING, UNSEEN),
    )
