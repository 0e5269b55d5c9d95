"""
The words of the BGT (IMGeo): which objects exist at ground level, and what they are to a park.

Public ground is what has a traffic function (`wegdeel`, `ondersteunendwegdeel`) and green of the
kinds that are laid out for the public (`begroeidterreindeel`). All bare ground without a traffic
function (`onbegroeidterreindeel`: yards, and paving of companies) is private until overruled: on
a business park it mostly belongs to a company, and a camera must not watch ground that nobody
declared public. The same holds of CityJSON made from the BGT.
"""

import numpy as np

from parkwacht_config.text import Text
from parkwacht_coverage.importing.model import (
    Family,
    Layer,
    Objects,
    Theme,
    objects,
    plain_name,
)

# names of tables and of GML elements, by the BGT's own name
LAYERS = {
    "pand": "pand buildingpart building",
    "wegdeel": "wegdeel trafficarea road transportsquare",
    "ondersteunendwegdeel": "ondersteunendwegdeel auxiliarytrafficarea",
    "begroeidterreindeel": "begroeidterreindeel plantcover",
    "onbegroeidterreindeel": "onbegroeidterreindeel landuse",
    "waterdeel": "waterdeel waterbody",
    "ondersteunendwaterdeel": "ondersteunendwaterdeel",
    "vegetatieobject": "vegetatieobject solitaryvegetationobject",
    "paal": "paal",
    "mast": "mast",
    "kast": "kast",
    "scheiding": "scheiding overigescheiding",
    "overbruggingsdeel": "overbruggingsdeel bridgeconstructionelement bridge",
    "tunneldeel": "tunneldeel tunnelpart tunnel",
    "spoor": "spoor railway",
    "overig": "overigbouwwerk kunstwerkdeel gebouwinstallatie buildinginstallation bord sensor "
    "straatmeubilair bak put installatie functioneelgebied weginrichtingselement "
    "waterinrichtingselement openbareruimte openbareruimtelabel stadsdeel wijk buurt "
    "plaatsbepalingspunt ongeclassificeerdobject genericcityobject cityfurniture",
}
BY_NAME = {name: layer for layer, names in LAYERS.items() for name in names.split()}
ROAD_KINDS = {
    "rijbaan": Theme.CARRIAGEWAY,
    "ov-baan": Theme.CARRIAGEWAY,
    "overweg": Theme.CARRIAGEWAY,
    "inrit": Theme.CARRIAGEWAY,
    "woonerf": Theme.CARRIAGEWAY,
    "parkeervlak": Theme.PARKING,
    "voetpad": Theme.FOOTPATH,
    "voetgangersgebied": Theme.FOOTPATH,
    "fietspad": Theme.FOOTPATH,
    "ruiterpad": Theme.FOOTPATH,
    "verkeerseiland": Theme.FOOTPATH,
    "berm": Theme.GREEN,
}
PRIVATE_GREEN = ("grasland agrarisch", "bouwland", "fruitteelt", "boomteelt")
LAMP_TYPES = ("lichtmast",)
CABINET_TYPES = ("elektrakast", "openbare verlichtingkast")
NOT_USED = Text(nl="soort object niet gebruikt", en="kind of object not used")


def layer_of_bgt(layer: Layer) -> str | None:
    """Return which layer of the BGT this is, or None where it is none."""
    if layer.family not in (Family.BGT, Family.CITYJSON):
        return None
    name = plain_name(layer.name).removeprefix("bgt_")
    found = BY_NAME.get(name)
    if found is None and layer.family is Family.CITYJSON:
        return "overig"
    return found if found is not None else "overig"


def hidden_reasons(layer: Layer) -> Objects:
    """
    Say which rows are not (or no longer) there at ground level, shape (N,) of Text or None.

    Kept are relatievehoogteligging 0, eindregistratie and termination empty, status bestaand.
    """
    reasons = objects([None] * len(layer.ids))
    status = layer.column("bgt_status")
    for row in range(len(reasons)):
        if str(status[row] or "bestaand") != "bestaand":
            reasons[row] = Text(nl=f"bgt_status {status[row]}", en=f"bgt_status {status[row]}")
    ended = Text(nl="eindregistratie gevuld (vervallen)", en="eindregistratie filled (expired)")
    for name in ("eindregistratie", "terminationdate", "objecteindtijd"):
        reasons[[one not in (None, "") for one in layer.column(name)]] = ended
    levels = layer.column("relatievehoogteligging")
    off = np.array([str(one) not in ("None", "", "0", "0.0") for one in levels], dtype=np.bool_)
    reasons[off] = Text(nl="relatievehoogteligging niet 0", en="relatievehoogteligging not 0")
    return reasons


def bgt_theme(name: str, layer: Layer, row: int) -> tuple[Theme | None, Text | None]:
    """
    Say what a row of a BGT layer is.

    Parameters
    ----------
    name
        Which layer of the BGT.
    layer, row
        The row.

    Returns
    -------
    theme, reason
        One of the two; the reason says why it is not used.
    """
    simple = {
        "pand": Theme.BUILDING,
        "waterdeel": Theme.WATER,
        "ondersteunendwaterdeel": Theme.WATER,
        "mast": Theme.MAST,
        "onbegroeidterreindeel": Theme.PRIVATE,
    }
    if name in simple:
        return simple[name], None
    if name in ("wegdeel", "ondersteunendwegdeel"):
        return _road(name, layer, row)
    if name == "begroeidterreindeel":
        word = str(layer.value(row, "class", "bgt_fysiekvoorkomen") or "").lower()
        return (Theme.PRIVATE if word in PRIVATE_GREEN else Theme.GREEN), None
    return _furniture(name, layer, row)


def _road(name: str, layer: Layer, row: int) -> tuple[Theme | None, Text | None]:
    """Say what kind of ground a traffic function is."""
    word = str(layer.value(row, "function", "bgt_functie", "functie") or "").lower()
    for start, theme in ROAD_KINDS.items():
        if word.startswith(start):
            return theme, None
    if word in ("", "none", "transitie", "waardeonbekend"):
        return (Theme.CARRIAGEWAY if name == "wegdeel" else Theme.GREEN), None
    return None, Text(nl=f"geen openbare grond: {word}", en=f"no public ground: {word}")


def _furniture(name: str, layer: Layer, row: int) -> tuple[Theme | None, Text | None]:
    """Say what poles, cabinets and plants are; everything else is not used."""
    word = str(layer.value(row, "plus_type", "bgt_type", "type", "class") or "").lower()
    if name == "paal" and word in LAMP_TYPES:
        return Theme.LAMP, None
    if name == "kast" and word in CABINET_TYPES:
        return Theme.CABINET, None
    if name == "vegetatieobject" and word != "haag":
        return Theme.TREE, None
    label = f"{name} {word}".strip() if name != "overig" else layer.name
    return None, Text(nl=f"{NOT_USED.nl}: {label}", en=f"{NOT_USED.en}: {label}")
