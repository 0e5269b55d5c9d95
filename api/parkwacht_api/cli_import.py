"""The command `parkwacht import`."""

from pathlib import Path
from typing import Annotated

import typer

from parkwacht_api.terminal import open_terminal, say

IMPORT_HELP = say("Maak een park van kaarten.", "Build a park from maps.")
PANEL_RULES = say("Regels", "Rules")
OutDir = Annotated[
    Path, typer.Argument(help=say("Map voor het nieuwe park.", "Folder for the new park."))
]
Sources = Annotated[
    list[Path],
    typer.Argument(
        help=say(
            "Bestanden of mappen: BGT (SQLite, GeoPackage, GML), 3D BAG en andere CityJSON, BAG, "
            "OSM (.osm, .pbf), GeoJSON, DXF, AHN (.laz).",
            "Files or folders: BGT (SQLite, GeoPackage, GML), 3D BAG and other CityJSON, BAG, "
            "OSM (.osm, .pbf), GeoJSON, DXF, AHN (.laz).",
        )
    ),
]
Crs = Annotated[
    list[str],
    typer.Option(
        help=say(
            "Stelsel van bestanden die er geen noemen: EPSG:n; van één bestand: BESTAND=EPSG:n.",
            "System of files that name none: EPSG:n; of one file: FILE=EPSG:n.",
        )
    ),
]
Heights = Annotated[
    list[Path],
    typer.Option(
        help=say(
            "Hoogten die voorgaan: CityJSON (3D BAG) of puntenwolk (.laz); meer keer te geven.",
            "Heights that go first: CityJSON (3D BAG) or point cloud (.laz); may be repeated.",
        )
    ),
]
Boundary = Annotated[
    Path | None,
    typer.Option(help=say("Terreingrens (één vlak).", "The park's outline (one polygon).")),
]
Mounts = Annotated[
    Path | None,
    typer.Option(help=say("Eigen montagepunten (punten).", "Mounts of your own (points).")),
]
Overrule = Annotated[
    list[str],
    typer.Option(
        help=say(
            "Een laag zelf geven: laag=BESTAND, zoals public_areas=openbaar.geojson.",
            "Give a layer yourself: layer=FILE, such as public_areas=public.geojson.",
        )
    ),
]
LayerThemes = Annotated[
    list[str],
    typer.Option(
        "--layer",
        "--dxf-layer",
        help=say(
            "Wat een laag van een bron is: thema=NAAM, zoals buildings=A-GEBOUW.",
            "What a layer of a source is: theme=NAME, such as buildings=A-GEBOUW.",
        ),
    ),
]
SiteId = Annotated[
    str | None,
    typer.Option("--id", help=say("Id: kleine letters, cijfers en _.", "Id: a-z, 0-9 and _.")),
]
OpenGround = Annotated[
    bool,
    typer.Option(
        "--open-ground",
        help=say(
            "Alle open grond binnen de grens is openbaar.",
            "All open ground inside the outline is public.",
        ),
    ),
]
Relocate = Annotated[
    bool,
    typer.Option(
        "--relocate",
        help=say(
            "Alleen om te proberen: verplaats gegevens uit het buitenland naar RD.",
            "For a trial only: move data from abroad into RD.",
        ),
    ),
]


def import_command(
    out_dir: OutDir,
    sources: Sources,
    name: Annotated[str | None, typer.Option(help=say("Naam van het park.", "Name."))] = None,
    site_id: SiteId = None,
    crs: Crs = [],  # noqa: B006 - typer copies it
    heights: Heights = [],  # noqa: B006
    boundary: Boundary = None,
    mounts: Mounts = None,
    overrule: Overrule = [],  # noqa: B006
    layer: LayerThemes = [],  # noqa: B006
    mast_spacing_m: Annotated[
        float,
        typer.Option(
            min=0,
            max=1000,
            rich_help_panel=PANEL_RULES,
            help=say(
                "Nieuwe masten om de zoveel m; 0: geen.", "New masts every so many m; 0: none."
            ),
        ),
    ] = 10.0,
    facade_spacing_m: Annotated[
        float,
        typer.Option(
            min=0,
            max=1000,
            rich_help_panel=PANEL_RULES,
            help=say("Gevelpunten om de zoveel m; 0: geen.", "Facade mounts every so many m."),
        ),
    ] = 10.0,
    min_facade_height_m: Annotated[
        float,
        typer.Option(
            min=2,
            max=100,
            rich_help_panel=PANEL_RULES,
            help=say("Laagste gebouw met gevelpunten.", "Lowest building with facade mounts."),
        ),
    ] = 3.0,
    snap_m: Annotated[
        float,
        typer.Option(
            min=0,
            max=50,
            rich_help_panel=PANEL_RULES,
            help=say(
                "Eigen montagepunt tot zo diep in een gebouw: naar de gevel; dieper: een fout.",
                "Own mount this deep inside a building: to the facade; deeper: an error.",
            ),
        ),
    ] = 1.0,
    default_height_m: Annotated[
        float,
        typer.Option(
            min=0,
            max=250,
            rich_help_panel=PANEL_RULES,
            help=say(
                "Hoogte waar geen bron er een heeft; 0: weglaten.",
                "Height where no source has one; 0: leave out.",
            ),
        ),
    ] = 6.0,
    margin_m: Annotated[
        float,
        typer.Option(
            min=0,
            max=2000,
            rich_help_panel=PANEL_RULES,
            help=say(
                "Gebouwen en bomen tot zo ver buiten de grens blijven: ze ontnemen zicht.",
                "Buildings and trees this far outside the outline stay: they take away sight.",
            ),
        ),
    ] = 100.0,
    open_ground: OpenGround = False,
    relocate: Relocate = False,
    force: Annotated[
        bool,
        typer.Option("--force", help=say("Zet een map die in de weg staat opzij.", "Move aside.")),
    ] = False,
) -> None:
    """Build a park from maps: TOML, layers and an account of every feature."""
    from parkwacht_coverage.importing.cli import run_import
    from parkwacht_coverage.importing.mounts import MountRules
    from parkwacht_coverage.importing.request import ImportRequest, parse_overrule, parse_themes

    terminal = open_terminal()
    rules = MountRules(mast_spacing_m, facade_spacing_m, min_facade_height_m, snap_m)
    request = ImportRequest(
        out_dir=out_dir,
        sources=tuple(sources),
        name=name,
        site_id=site_id,
        crs=tuple(crs),
        heights=tuple(heights),
        boundary=boundary,
        mounts=mounts,
        overrule=parse_overrule(overrule),
        themes=parse_themes(layer),
        rules=rules,
        default_height_m=default_height_m,
        margin_m=margin_m,
        open_ground=open_ground,
        relocate=relocate,
        force=force,
        language=terminal.settings.language,
    )
    run_import(request, terminal.console)
