"""
Which targets a camera would still show once its privacy masks are on it.

Masks are made for a chosen camera (`masks`); while twenty thousand candidates are compared, this
tells what they will hide: a target is masked when the ground behind it, where the line of sight
through it ends, is private, in sight, and shown at observe or better. Masks are grown a little
beyond that ground and cover walls of dwellings too, so that a few targets more are hidden in the
end.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

from parkwacht_config.site import Lens
from parkwacht_coverage.camera import CameraModel
from parkwacht_coverage.density import DensityClass, find_edition
from parkwacht_coverage.evaluate import Evaluator
from parkwacht_coverage.privacy import PrivacyLevel, privacy_levels
from parkwacht_coverage.privacy_ground import find_areas
from parkwacht_coverage.visibility import Scene

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


class FutureMasks:
    """
    What the masks of candidate cameras will hide.

    Parameters
    ----------
    scene
        What stands in the way.
    private
        Ground to be masked, in EPSG:28992.
    observe
        The class from which on it is.
    """

    def __init__(self, scene: Scene, private: BaseGeometry, observe: DensityClass) -> None:
        self._scene = scene
        self._private = private
        self._observe = observe.threshold_px_per_m
        shapely.prepare(private)

    @classmethod
    def of(cls, evaluator: Evaluator) -> "FutureMasks":
        """Tell what the masks of whatever is chosen in a park will hide."""
        observe = privacy_levels(find_edition(evaluator.site.goals.edition))[PrivacyLevel.OBSERVE]
        return cls(evaluator.scene, find_areas(evaluator.site).private, observe)

    def unmasked(
        self, models: Sequence[CameraModel], hits: Sequence[Ints], points_m: Floats
    ) -> list[Ints]:
        """
        Take out of what cameras see the targets that their masks will hide.

        Parameters
        ----------
        models
            The cameras, for visible light.
        hits
            Of each the targets it sees, indices of `points_m`.
        points_m
            The targets (x, y, height), shape (N, 3), in metres.

        Returns
        -------
        hits
            What is left, in the same order.
        """
        places: dict[tuple[float, float, float], list[int]] = {}
        for index, model in enumerate(models):
            places.setdefault((model.x_m, model.y_m, model.height_m), []).append(index)
        found: list[Ints] = [np.asarray(one, dtype=np.int64) for one in hits]
        for eye, here in places.items():
            seen = np.unique(np.concatenate([found[one] for one in here]))
            private, behind = self._behind(eye, points_m[seen])
            if not private.any():
                continue
            of_seen = np.full(len(points_m), -1, dtype=np.int64)
            of_seen[seen] = np.arange(len(seen))
            for one in here:
                rows = of_seen[found[one]]
                hidden = private[rows]
                shown = self._is_dense(models[one], behind[rows[hidden]])
                hidden[hidden] = shown
                found[one] = found[one][~hidden]
        return found

    def _behind(self, eye: tuple[float, float, float], points_m: Floats) -> tuple[Bools, Floats]:
        """Return which lines of sight end on private ground in sight, and where lines end."""
        height = eye[2]
        foot = np.array(eye[:2])
        is_below = points_m[:, 2] < height - 1e-6
        scale = height / np.where(is_below, height - points_m[:, 2], 1.0)
        ends = foot + (points_m[:, :2] - foot) * scale[:, None]
        private: Bools = is_below & shapely.contains_xy(self._private, ends[:, 0], ends[:, 1])
        ground = np.column_stack((ends, np.zeros(len(ends))))
        if private.any():
            private[private] = self._scene.is_visible(eye, self._scene.targets(ground[private]))
        return private, ground

    def _is_dense(self, model: CameraModel, ground_m: Floats) -> Bools:
        """Return where ground is shown at observe or better, the edge of the image disregarded."""
        offset = ground_m - [model.x_m, model.y_m, model.height_m]
        if model.lens is Lens.F_THETA:
            reach = np.linalg.norm(offset, axis=1)
        else:
            reach = offset @ model.axes()[2]
        dense: Bools = (reach > 0) & (reach * self._observe <= model.f_px)
        return dense
