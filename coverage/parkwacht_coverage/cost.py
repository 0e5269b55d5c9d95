"""
What a proposal costs: sites, trenches and views, from the price list of the park.

A site (mount) is paid once however many cameras it carries: its kind, power, network and trench;
trenches are shared between sites (`trench`). A view is paid each time: camera, hanging, licence.
What stands in the park today costs nothing more. The fixed charge per site dominates: the Assen
Noord pilot came to EUR 11,000-16,000 per installed camera and EUR 1,500-3,000 a year
(design/coverage.md, section 7). Amounts are euro without VAT.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from parkwacht_config.site import CameraType, MountKind, Site
from parkwacht_coverage.trench import TrenchForest


@dataclass(frozen=True, slots=True)
class Cost:
    """
    What a set of new cameras costs.

    `sites_by_kind_eur` are masts, brackets and clamps; `stand_alone_eur` is sun, battery and 4G at
    sites without a cabinet, which pay neither power nor network nor trench.
    """

    n_cameras: int = 0
    n_sites: int = 0
    cameras_eur: float = 0.0
    hanging_eur: float = 0.0
    licences_eur: float = 0.0
    sites_by_kind_eur: Mapping[MountKind, float] = field(default_factory=dict)
    power_eur: float = 0.0
    network_eur: float = 0.0
    stand_alone_eur: float = 0.0
    trench_eur: float = 0.0
    trench_m: float = 0.0
    yearly_eur: float = 0.0

    @property
    def sites_eur(self) -> float:
        """What opening the sites costs: everything but cameras, hanging and licences."""
        opened = self.power_eur + self.network_eur + self.stand_alone_eur + self.trench_eur
        return sum(self.sites_by_kind_eur.values()) + opened

    @property
    def views_eur(self) -> float:
        """What the cameras cost once the sites are there."""
        return self.cameras_eur + self.hanging_eur + self.licences_eur

    @property
    def total_eur(self) -> float:
        """What is paid once."""
        return self.sites_eur + self.views_eur


def compute_cost(
    site: Site, chosen: Sequence[tuple[str, CameraType]], forest: TrenchForest
) -> Cost:
    """
    Add up what new cameras cost.

    Parameters
    ----------
    site
        The park, with its price list and mounts.
    chosen
        Of each new camera the id of its mount and its type; cameras on one mount share the site.
    forest
        The trenches to the park's mounts.

    Returns
    -------
    cost
        In euro.
    """
    costs = site.costs
    kind_of = {one.id: one.kind for one in site.mounts}
    opened = sorted({mount_id for mount_id, _ in chosen})
    alone = [one for one in opened if one in forest.stand_alone]
    n_wired = len(opened) - len(alone)
    by_kind: dict[MountKind, float] = {}
    for mount_id in opened:
        kind = kind_of[mount_id]
        by_kind[kind] = by_kind.get(kind, 0.0) + kind_eur(site, kind)
    return Cost(
        n_cameras=len(chosen),
        n_sites=len(opened),
        cameras_eur=sum(one.price_eur for _, one in chosen),
        hanging_eur=costs.hanging_eur * len(chosen),
        licences_eur=costs.licence_eur * len(chosen),
        sites_by_kind_eur=by_kind,
        power_eur=costs.power_eur * n_wired,
        network_eur=costs.network_eur * n_wired,
        stand_alone_eur=costs.stand_alone_eur * len(alone),
        trench_eur=forest.cost_eur(opened),
        trench_m=forest.length_m(opened),
        yearly_eur=sum(one.yearly_eur + costs.view_yearly_eur for _, one in chosen)
        + costs.site_yearly_eur * len(opened),
    )


def kind_eur(site: Site, kind: MountKind) -> float:
    """Return what the mast, bracket or clamp itself costs."""
    return site.costs.site_eur(kind) - site.costs.power_eur - site.costs.network_eur


def site_opening_eur(site: Site, mount_id: str, kind: MountKind, forest: TrenchForest) -> float:
    """Return what opening a site costs without its trench, which others may share."""
    if mount_id in forest.stand_alone:
        return kind_eur(site, kind) + site.costs.stand_alone_eur
    return site.costs.site_eur(kind)


def view_eur(site: Site, camera_type: CameraType) -> float:
    """Return what one more camera on an open site costs."""
    return camera_type.price_eur + site.costs.hanging_eur + site.costs.licence_eur
