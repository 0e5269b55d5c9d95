"""Where an eye may be: above the ground and outside every building."""

from parkwacht_config.errors import CoverageError
from parkwacht_config.text import Text
from parkwacht_coverage.plan import require_outside
from parkwacht_coverage.visibility import Scene


def require_eye(scene: Scene, eye_m: tuple[float, float, float], what: Text) -> None:
    """
    Refuse a camera or mount from which nothing can be seen.

    Parameters
    ----------
    scene
        The buildings.
    eye_m
        (x, y, height above ground) in metres.
    what
        What a message calls it.

    Raises
    ------
    CoverageError
        It is inside a building, or not above the ground.
    """
    if not eye_m[2] > 0:
        where = f"({eye_m[0]:.2f}, {eye_m[1]:.2f})"
        raise CoverageError(
            Text(
                nl=f"{what.nl} op {where} hangt op {eye_m[2]:g} m hoogte: dat moet boven de grond "
                "zijn, dus meer dan 0 m",
                en=f"{what.en} at {where} hangs at a height of {eye_m[2]:g} m: it must be above "
                "the ground, so more than 0 m",
            )
        )
    require_outside(scene.building_at(*eye_m), what, eye_m)
