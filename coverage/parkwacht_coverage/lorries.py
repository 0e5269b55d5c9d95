"""
What a parked lorry hides: prisms in the bays of the car parks, asked one at a time.

A lorry of 2.55 x 16.5 x 4 m (the largest articulated one of Directive 96/53/EC) stands along a
bay, in its middle or flush with one of its ends, where it meets no building and no camera. What is
inside its outline is hidden too. Shadows that it throws in the light of lamps are not counted.
"""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry import Polygon, box

from parkwacht_config.site import AreaKind, Building, Site
from parkwacht_coverage._prisms import make_prisms
from parkwacht_coverage._sight import find_hidden
from parkwacht_coverage.preview.ground import BAY_LENGTH_M, Bay, bays

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

WIDTH_M, LENGTH_M, HEIGHT_M = 2.55, 16.5, 4.0


def park_lorries(site: Site, eyes_m: Floats) -> list[Building]:
    """
    Put a lorry in each bay that has room for one.

    Parameters
    ----------
    site
        The park.
    eyes_m
        Cameras (x, y, height), shape (E, 3), that no lorry may hold.

    Returns
    -------
    lorries
        Named after the car park and the number of the bay; each is to be taken alone.
    """
    tree = shapely.STRtree([one.polygon for one in site.buildings])
    low = shapely.points(eyes_m[eyes_m[:, 2] < HEIGHT_M, :2])
    found = []
    for area in site.public_areas:
        if area.kind is not AreaKind.PARKING:
            continue
        for number, bay in enumerate(bays(area.polygon), start=1):
            for polygon in _places(bay):
                meets = len(tree.query(polygon, predicate="intersects"))
                if not meets and not shapely.intersects(polygon, low).any():
                    found.append(Building(f"{area.id}_{number}", polygon, HEIGHT_M))
                    break
    return found


def _places(bay: Bay) -> list[Polygon]:
    """Return the outlines of a lorry in a bay: in its middle, flush with either end."""
    turn = math.radians(bay.azimuth_deg)
    ahead, right = (math.sin(turn), math.cos(turn)), (math.cos(turn), -math.sin(turn))
    free = (LENGTH_M - BAY_LENGTH_M) / 2
    outline = box(-WIDTH_M / 2, -LENGTH_M / 2, WIDTH_M / 2, LENGTH_M / 2)
    matrix = [right[0], ahead[0], right[1], ahead[1]]
    return [
        shapely.affinity.affine_transform(
            outline, [*matrix, bay.x_m + ahead[0] * shift, bay.y_m + ahead[1] * shift]
        )
        for shift in (0.0, free, -free)
    ]


def hidden_by_lorries(eye_m: Floats, points_m: Floats, lorries: Sequence[Building]) -> Bools:
    """
    Find which points each lorry, alone, hides from an eye.

    Parameters
    ----------
    eye_m
        (x, y, height), shape (3,), in metres.
    points_m
        (x, y, height), shape (N, 3), in metres.
    lorries
        L prisms.

    Returns
    -------
    is_hidden
        Shape (L, N), dtype bool.
    """
    prisms, order = make_prisms(lorries)
    hidden = np.zeros((len(lorries), len(points_m)), dtype=np.bool_)
    hidden[order] = find_hidden(eye_m, np.ascontiguousarray(points_m), prisms)
    return hidden
