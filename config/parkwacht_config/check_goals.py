"""What must hold for the goals of a study: they name what exists, each thing once."""

from collections.abc import Sequence

from parkwacht_config.errors import ConfigError
from parkwacht_config.site import Site
from parkwacht_config.text import Text
from parkwacht_config.validation import one_of

MAX_LISTED = 20  # a park has hundreds of mounts; a message that lists them all helps nobody


def check_goals(site: Site) -> None:
    """
    Check what the [study] table names.

    Parameters
    ----------
    site
        The park.

    Raises
    ------
    ConfigError
        The first thing that is wrong.
    """
    goals = site.goals
    _check_once(site, "priorities", goals.priorities)
    _check_once(site, "redundancy.kind", [one.kind.value for one in goals.redundancy])
    named: list[tuple[str, Sequence[str], Sequence[str]]] = [
        ("released", goals.released, [one.id for one in site.cameras]),
        ("excluded_mounts", goals.excluded_mounts, [one.id for one in site.mounts]),
        ("camera_types", goals.camera_types, list(site.camera_types)),
    ]
    for key, given, known in named:
        _check_once(site, key, given)
        exists = set(known)
        for one in given:
            if one not in exists:
                right = _known_text(known, one)
                raise ConfigError.at(str(site.path), f"study.{key}", one, right)


def _check_once(site: Site, key: str, given: Sequence[str]) -> None:
    """Refuse a list in which something stands twice."""
    twice = next((one for number, one in enumerate(given) if one in given[:number]), None)
    if twice is not None:
        right = Text("hoogstens één keer in deze lijst", "at most once in this list")
        raise ConfigError.at(str(site.path), f"study.{key}", twice, right)


def _known_text(known: Sequence[str], given: str) -> Text:
    """Say what could stand here; of a long list only what looks like it."""
    if len(known) <= MAX_LISTED:
        return one_of(known, given)
    start = f"{known[0]} ... {known[-1]}"
    text = Text(
        f"één van de {len(known)} id's van deze laag ({start})",
        f"one of the {len(known)} ids of this layer ({start})",
    )
    found = one_of(known, given)
    if ";" not in found.nl:
        return text
    return Text(
        text.nl + ";" + found.nl.rsplit(";", 1)[1], text.en + ";" + found.en.rsplit(";", 1)[1]
    )
