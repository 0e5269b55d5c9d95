"""The command `parkwacht preview`: what a planned camera would see."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from parkwacht_api.terminal import open_site, open_terminal, say


def preview(
    camera: Annotated[
        str,
        typer.Argument(
            help=say(
                "Id van een camera van het park, of een nieuwe naam voor een bedachte camera.",
                "Id of a camera of the park, or a new name for an imagined camera.",
            )
        ),
    ],
    site: Annotated[
        Path | None, typer.Option("--site", help=say("Sitebestand (TOML).", "Site file (TOML)."))
    ] = None,
    camera_file: Annotated[
        Path | None,
        typer.Option(
            help=say(
                "Camerabestand (TOML) van een studie; gaat voor het park.",
                "Camera file (TOML) of a study; goes before the park.",
            )
        ),
    ] = None,
    day: Annotated[
        bool, typer.Option("--day", help=say("Alleen overdag.", "By day only."))
    ] = False,
    night: Annotated[
        bool, typer.Option("--night", help=say("Alleen 's nachts.", "By night only."))
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(help=say("PNG-bestand; anders CAMERA.png.", "PNG file; else CAMERA.png.")),
    ] = None,
    labels: Annotated[
        bool,
        typer.Option(
            "--labels/--no-labels",
            help=say("Klasse, afstand en px/m bij elke persoon.", "Class, distance, px/m by all."),
        ),
    ] = True,
    edition: Annotated[
        str | None,
        typer.Option(help=say("Uitgave van IEC 62676-4: 2014 of 2025.", "Edition of IEC 62676-4.")),
    ] = None,
    width_px: Annotated[
        int,
        typer.Option(
            min=320, max=4096, help=say("Breedte van elk beeld.", "Width of each picture.")
        ),
    ] = 1280,
    type_id: Annotated[
        str | None,
        typer.Option("--type", help=say("Cameratype uit de catalogus.", "Type of the catalogue.")),
    ] = None,
    x_m: Annotated[
        float | None, typer.Option(help=say("Plaats, RD New.", "Place, RD New."))
    ] = None,
    y_m: Annotated[
        float | None, typer.Option(help=say("Plaats, RD New.", "Place, RD New."))
    ] = None,
    height_m: Annotated[
        float | None, typer.Option(help=say("Hoogte boven de grond.", "Height above ground."))
    ] = None,
    azimuth_deg: Annotated[
        float | None,
        typer.Option(help=say("Richting, vanaf het noorden.", "Direction, from north.")),
    ] = None,
    tilt_deg: Annotated[
        float | None, typer.Option(help=say("Neiging omlaag.", "Tilt downward."))
    ] = None,
    focal_length_mm: Annotated[
        float | None, typer.Option(help=say("Brandpuntsafstand.", "Focal length."))
    ] = None,
    open_it: Annotated[
        bool, typer.Option("--open", help=say("Open het beeld daarna.", "Open it afterwards."))
    ] = False,
) -> None:
    """Draw what a camera of the park, or an imagined one, would see by day and by night."""
    from parkwacht_coverage.preview.choosing import choose_camera, with_camera_file
    from parkwacht_coverage.preview.command import PreviewRequest, run_preview
    from parkwacht_coverage.preview.picture import LightMode

    terminal = open_terminal()
    park = open_site(site, terminal)
    if camera_file is not None:
        park = with_camera_file(park, camera_file)
    changes = {
        "type_id": type_id,
        "x_m": x_m,
        "y_m": y_m,
        "height_m": height_m,
        "azimuth_deg": azimuth_deg,
        "tilt_deg": tilt_deg,
        "focal_length_mm": focal_length_mm,
    }
    chosen = choose_camera(park, camera, changes, "parkwacht preview")
    wanted = {LightMode.DAY: day, LightMode.NIGHT: night}
    modes = tuple(mode for mode, is_wanted in wanted.items() if is_wanted) or tuple(LightMode)
    request = PreviewRequest(
        site=park,
        camera=chosen,
        out=out or Path(f"{camera}.png"),
        on=datetime.now(UTC).date(),
        modes=modes,
        masks=park.privacy_masks,
        with_labels=labels,
        edition_id=edition,
        width_px=width_px,
        language=terminal.settings.language,
    )
    run_preview(request, terminal.console)
    if open_it and typer.launch(str(request.out)) != 0:
        terminal.warn(
            f"{request.out} kon niet worden geopend", f"{request.out} could not be opened"
        )
        raise typer.Exit(1)
