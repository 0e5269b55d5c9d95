"""What the marks on a map mean, in the reader's language."""

from parkwacht_config.site import BuildingUse
from parkwacht_coverage.reporting import palette
from parkwacht_coverage.reporting.canvas import Handle, line, mark, patch
from parkwacht_coverage.reporting.layers import HATCH
from parkwacht_coverage.reporting.words import Words
from parkwacht_coverage.results import Study

Handles = list[tuple[str, Handle]]


class Legends:
    """Makes the parts of legends for one study in one language."""

    def __init__(self, study: Study, words: Words) -> None:
        self.study = study
        self.words = words

    def states(self) -> Handles:
        """Return what today and a proposal see."""
        say = self.words.say
        return [
            (say("nu al gezien", "seen already"), patch(palette.SEEN_TODAY)),
            (say("komt erbij", "added"), patch(palette.SEEN_NEW)),
            (
                say("openbaar, niet gezien", "public, not seen"),
                patch(palette.UNSEEN, hatch=HATCH, edge=palette.UNSEEN_HATCH),
            ),
        ]

    def classes(self) -> Handles:
        """Return a mark per class, the highest first."""
        edition, words = self.study.edition, self.words
        colours = palette.class_colours(edition)
        handles: Handles = [
            (
                f"{words.text(one.name)}, ≥ {words.short(one.min_px_per_m)} px/m",
                patch(colours[one.id]),
            )
            for one in reversed(edition.classes)
        ]
        unseen = patch(palette.UNSEEN, hatch=HATCH, edge=palette.UNSEEN_HATCH)
        return [*handles, (words.say("openbaar, niet gezien", "public, not seen"), unseen)]

    def base(self, *, with_ground: bool = True) -> Handles:
        """Return what stands on every map."""
        say, site = self.words.say, self.study.site
        handles: Handles = []
        if not with_ground:
            handles.append((say("openbare ruimte", "public ground"), patch("#eceae4")))
        handles.append((say("bedrijfsgebouw", "business building"), patch(palette.BUILDING)))
        if any(one.use is BuildingUse.DWELLING for one in site.buildings):
            handles.append((say("woning", "dwelling"), patch(palette.DWELLING)))
        if site.private_areas:
            handles.append((say("privéterrein", "private ground"), patch(palette.PRIVATE)))
        edge = line(palette.MUTED, width_pt=0.8, style=(0, (4, 2)))
        handles.append((say("grens van het park", "boundary of the park"), edge))
        handles.append((say("toegang", "gate"), line(palette.INK, width_pt=2.6)))
        return handles

    def cameras(self) -> Handles:
        """Return the cameras."""
        say, wanted = self.words.say, self.words.text(self.study.target_class.name)
        outline = patch("white", edge=palette.PROPOSED)
        return [
            (say("A  camera van nu", "A  camera of today"), mark("o", palette.EXISTING)),
            (say("N1  nieuwe camera", "N1  new camera"), mark("o", palette.PROPOSED)),
            (
                say(
                    f"omlijnd: in beeld\noverdag, ten minste\n{wanted}",
                    f"outlined: in view\nby day, at least\n{wanted}",
                ),
                outline,
            ),
        ]
