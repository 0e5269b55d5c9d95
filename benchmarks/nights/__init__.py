"""
Nights that are drawn: recordings of a park after hours whose truth is known exactly.

The scene, its lights and its actors are those of the sample recordings; rain, snow, insects,
headlights, a tree, tampering, the sensor and the encoder are drawn here. Coordinates of actors are
metres right of and ahead of the camera.
"""

import sys
from pathlib import Path

# the generator of the sample recordings is a folder of files, no package
sys.path.insert(0, str(Path(__file__).parents[2] / "sample_media"))
