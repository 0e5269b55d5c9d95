"""What an import is asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from parkwacht_config.errors import ConfigError
from parkwacht_config.text import Language
from parkwacht_config.validation import one_of
from parkwacht_coverage.importing.model import Theme
from parkwacht_coverage.importing.mounts import MountRules

COMMAND = "parkwacht import"
# layers that the user may give instead of what would be derived; public_areas has kinds per feature
OVERRULABLE: Mapping[str, Theme | None] = {
    "public_areas": None,
    "private_areas": Theme.PRIVATE,
    "purpose_areas": Theme.PURPOSE,
    "buildings": Theme.BUILDING,
    "lamp_posts": Theme.LAMP,
    "power_cabinets": Theme.CABINET,
    "trees": Theme.TREE,
    "gates": Theme.GATE,
    "routes": Theme.ROUTE,
    "mounts": Theme.MOUNT,
}


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """
    One import: from which files, to which folder, by which rules.

    `crs` holds "EPSG:n" or "FILE=EPSG:n"; `overrule` files by layer; `themes` what layers of the
    sources are, by their name in lower case.
    """

    out_dir: Path
    sources: tuple[Path, ...]
    name: str | None = None
    site_id: str | None = None
    crs: tuple[str, ...] = ()
    heights: tuple[Path, ...] = ()
    boundary: Path | None = None
    mounts: Path | None = None
    overrule: Mapping[str, Path] = field(default_factory=dict)
    themes: Mapping[str, Theme] = field(default_factory=dict)
    rules: MountRules = field(default_factory=MountRules)
    default_height_m: float = 6.0
    margin_m: float = 100.0
    open_ground: bool = False
    relocate: bool = False
    force: bool = False
    language: Language = Language.NL


def parse_overrule(given: Sequence[str]) -> dict[str, Path]:
    """
    Read what `--overrule` said: "public_areas=FILE".

    Raises
    ------
    ConfigError
        It is written otherwise, or the layer cannot be overruled.
    """
    found: dict[str, Path] = {}
    for one in given:
        layer, equals, path = one.partition("=")
        if not equals or not path or layer not in OVERRULABLE:
            right = one_of([f"{name}=FILE" for name in OVERRULABLE], one)
            raise ConfigError.at(COMMAND, "--overrule", one, right)
        found[layer] = Path(path)
    return found


def parse_themes(given: Sequence[str]) -> dict[str, Theme]:
    """
    Read what `--layer` said: "buildings=A-GEBOUW".

    Raises
    ------
    ConfigError
        It is written otherwise, or there is no such theme.
    """
    found: dict[str, Theme] = {}
    for one in given:
        theme, equals, name = one.partition("=")
        if not equals or not name or theme not in [each.value for each in Theme]:
            right = one_of([f"{each.value}=NAME" for each in Theme], one)
            raise ConfigError.at(COMMAND, "--layer", one, right)
        found[name.lower()] = Theme(theme)
    return found
