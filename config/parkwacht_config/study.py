"""
What a study of a park is asked and what things cost there: the [study] and [costs] tables.

Everything has a default, so that a park without these tables can be studied at once. Amounts are
euro without VAT, estimates to be replaced by an offer: together they give EUR 11,000-16,000 per
camera on a mast of its own and EUR 1,500-3,000 a year, what the Assen Noord pilot came to
(design/coverage.md, section 7).
"""

from typing import Annotated, Literal

from pydantic import Field

from parkwacht_config.kinds import AreaKind, Frozen, MountKind

Eur = Annotated[float, Field(ge=0, le=10_000_000)]
Share = Annotated[float, Field(ge=0, le=1)]


class Costs(Frozen):
    """
    What opening a site, digging and hanging a view cost.

    A site (mount) costs by its kind, plus power and network once, plus its trench to the nearest
    power cabinet; one that no cabinet reaches stands alone instead. A view costs the camera's own
    price, its hanging and its licence.
    """

    facade_eur: Eur = 900.0  # bracket, drilling, agreement with the owner
    lamp_post_eur: Eur = 1_200.0  # clamp, permanent power converter
    mast_eur: Eur = 4_500.0  # mast, foundation, civil works
    power_eur: Eur = 1_800.0  # connection in the cabinet, box at the site
    network_eur: Eur = 1_200.0  # switch, radio or fibre end
    stand_alone_eur: Eur = 6_000.0  # sun, battery and 4G instead of both, where no cabinet reaches
    carriageway_trench_eur_per_m: Eur = 95.0
    parking_trench_eur_per_m: Eur = 75.0
    footpath_trench_eur_per_m: Eur = 55.0
    green_trench_eur_per_m: Eur = 30.0
    hanging_eur: Eur = 450.0  # per view: hanging, aiming, commissioning
    licence_eur: Eur = 180.0  # per view
    site_yearly_eur: Eur = 650.0  # line, power, inspection
    view_yearly_eur: Eur = 900.0  # maintenance and read-out, on top of the catalogue's figure

    def site_eur(self, kind: MountKind) -> float:
        """Return what a site of this kind costs without its trench."""
        by_kind = {
            MountKind.FACADE: self.facade_eur,
            MountKind.LAMP_POST: self.lamp_post_eur,
            MountKind.MAST: self.mast_eur,
        }
        return by_kind[kind] + self.power_eur + self.network_eur

    def trench_eur_per_m(self, kind: AreaKind) -> float:
        """Return what a metre of trench costs in this kind of ground."""
        by_kind = {
            AreaKind.CARRIAGEWAY: self.carriageway_trench_eur_per_m,
            AreaKind.PARKING: self.parking_trench_eur_per_m,
            AreaKind.FOOTPATH: self.footpath_trench_eur_per_m,
            AreaKind.GREEN: self.green_trench_eur_per_m,
        }
        return by_kind[kind]


class Redundancy(Frozen):
    """Ground of one kind is to be seen by at least `fold` cameras."""

    kind: AreaKind
    fold: Annotated[int, Field(ge=2, le=5)] = 2


class PrivacyCeilings(Frozen):
    """
    What a placement may see at most of what is not its business; None sets no ceiling.

    `private_m2` is private ground seen by all cameras together, `camera_private_m2` by any one;
    `dwelling_window_m` is the length of windows of dwellings seen at observe (or the edition's
    nearest class) or better; `recognisable_share` is the share of passers-by outside the purpose
    area whose face would be recognisable.
    """

    private_m2: Annotated[float, Field(ge=0)] | None = None
    camera_private_m2: Annotated[float, Field(ge=0)] | None = None
    dwelling_window_m: Annotated[float, Field(ge=0)] | None = None
    recognisable_share: Share | None = None


class StudyGoals(Frozen):
    """
    What the working group asks of a placement.

    `priorities` is the order in which goals are served. `min_area_share` is what "cheapest that
    meets the goals" must see of the weighted public ground by `condition`, `max_unseen_m` the
    longest stretch of a route that nobody sees. Cameras of today are kept unless `released` names
    them; mounts of `excluded_mounts` are never used.
    """

    edition: Literal["2014", "2025"] = "2014"
    target_class: str | None = None  # None: the edition's default
    target_height_m: Annotated[float, Field(ge=0, le=3)] = 1.5
    condition: Literal["day", "night"] = "night"
    priorities: Annotated[
        tuple[Literal["gates", "routes", "area"], ...], Field(min_length=1, max_length=3)
    ] = ("gates", "routes", "area")
    budget_eur: Eur | None = None
    max_cameras: Annotated[int, Field(ge=0, le=500)] | None = None
    min_area_share: Share = 0.5
    max_unseen_m: Annotated[float, Field(gt=0)] = 60.0
    gate_plate: bool = True
    gate_overview: bool = True
    redundancy: tuple[Redundancy, ...] = ()
    privacy: PrivacyCeilings = PrivacyCeilings()
    released: tuple[str, ...] = ()
    excluded_mounts: tuple[str, ...] = ()
    camera_types: tuple[str, ...] = ()  # candidates; empty: the study's default list
