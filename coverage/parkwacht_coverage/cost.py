"""
What a proposal costs, roughly: cameras from the catalogue, and a fixed sum per new location.

The fixed charge per location (mast or bracket, trench, power, network, commissioning) dominates.
The Assen Noord pilot came to EUR 11,000-16,000 per installed camera all-in and EUR 1,500-3,000 a
year (design/coverage.md, section 7); the defaults are the lower ends, per location and per camera.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from parkwacht_config.site import CameraType

SITE_EUR = 11_000.0
CAMERA_YEARLY_EUR = 1_500.0


@dataclass(frozen=True, slots=True)
class Cost:
    """What a set of new cameras costs, without VAT."""

    n_cameras: int
    n_sites: int
    cameras_eur: float
    sites_eur: float
    yearly_eur: float

    @property
    def total_eur(self) -> float:
        """What is paid once."""
        return self.cameras_eur + self.sites_eur


def compute_cost(
    cameras: Iterable[tuple[str, CameraType]],
    *,
    site_eur: float = SITE_EUR,
    camera_yearly_eur: float = CAMERA_YEARLY_EUR,
) -> Cost:
    """
    Add up what new cameras cost.

    Parameters
    ----------
    cameras
        Of each camera the id of its mount and its type; cameras on one mount share a location.
    site_eur
        Fixed charge per location.
    camera_yearly_eur
        Maintenance, line and read-out per camera per year, on top of the catalogue's figure.

    Returns
    -------
    cost
        In euro.
    """
    chosen = list(cameras)
    sites = {mount_id for mount_id, _ in chosen}
    return Cost(
        n_cameras=len(chosen),
        n_sites=len(sites),
        cameras_eur=sum(one.price_eur for _, one in chosen),
        sites_eur=site_eur * len(sites),
        yearly_eur=sum(one.yearly_eur + camera_yearly_eur for _, one in chosen),
    )
