"""The commands `parkwacht weights …`: fetch, check and export the weights of a network."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from parkwacht_api.terminal import Terminal, open_site, open_terminal, say
from parkwacht_config.text import Text

weights_app = typer.Typer(
    no_args_is_help=True,
    help=say("Gewichten ophalen, nakijken en omzetten.", "Fetch, check and export weights."),
)
PathArgument = Annotated[
    Path, typer.Argument(help=say(".pt, .onnx of OpenVINO-map.", ".pt, .onnx or OpenVINO folder."))
]


class ExportFormat(StrEnum):
    """What weights can be turned into."""

    OPENVINO = "openvino"
    ONNX = "onnx"


@weights_app.command(help=say("Haal gewichten op bij naam.", "Fetch weights by name."))
def fetch(
    name: Annotated[str, typer.Argument(help=say("Zoals yolo11n.pt.", "Like yolo11n.pt."))],
) -> None:
    """Fetch weights ultralytics publishes into the state folder."""
    from parkwacht_vision.choice import fetch_weights

    terminal = open_terminal()
    path = fetch_weights(name, terminal.settings.state_dir)
    _show(terminal, path)


@weights_app.command(help=say("Laad gewichten veilig en meet ze.", "Load safely and measure."))
def check(path: PathArgument) -> None:
    """Load weights safely, run them, and say what they are."""
    _show(open_terminal(), path)


@weights_app.command(help=say("Zet een .pt om naar OpenVINO of ONNX.", "Export a .pt."))
def export(
    path: PathArgument,
    wanted: Annotated[
        ExportFormat, typer.Option("--format", help=say("Waarheen.", "To what."))
    ] = ExportFormat.OPENVINO,
    *,
    int8: Annotated[
        bool,
        typer.Option("--int8", help=say("In acht bits: sneller.", "In eight bits: faster.")),
    ] = False,
    pictures: Annotated[
        Path | None,
        typer.Option(
            help=say(
                "Map met foto's en opnames van uw camera's om op te ijken.",
                "Folder of stills and recordings of your cameras to calibrate on.",
            )
        ),
    ] = None,
) -> None:
    """Export weights beside themselves, and say what came of it."""
    from parkwacht_vision.weights import export_weights

    terminal = open_terminal()
    if int8 and pictures is None:
        pictures = open_site(None, terminal).path.resolve().parents[2] / "sample_media"
        terminal.warn(
            "geijkt op de getekende voorbeeldopnames; beter op eigen beelden: --pictures MAP",
            "calibrated on the drawn sample recordings; better on your own: --pictures FOLDER",
        )

    def show(what: str, share: float) -> None:
        terminal.console.print(f"{share:4.0%} {what}", markup=False, highlight=False)

    made = export_weights(
        path,
        wanted.value,
        terminal.settings.state_dir,
        pictures=pictures if int8 else None,
        progress=show,
    )
    terminal.say(f"Geschreven: {made}", f"Written: {made}")
    _show(terminal, made)


def _show(terminal: Terminal, path: Path) -> None:
    from parkwacht_vision.weights import inspect_weights

    report = inspect_weights(path, terminal.settings.state_dir)
    nothing = Text(nl="", en="")
    table = terminal.table(Text(nl=f"Gewichten {path}", en=f"Weights {path}"), [nothing, nothing])
    language = terminal.settings.language
    rows = [
        ("sha256", report.sha256),
        (Text(nl="taak", en="task").to(language), "detect"),
        (Text(nl="gebruikte klassen", en="classes used").to(language), ", ".join(report.classes)),
        (Text(nl="draait op", en="runs on").to(language), report.runtime),
    ]
    for cost in report.costs:
        picture = f"{cost.picture_px[1]} x {cost.picture_px[0]}"
        seen = f"{cost.input_px[1]} x {cost.input_px[0]}"
        what = Text(nl=f"beeld van {picture}", en=f"picture of {picture}").to(language)
        took = Text(nl=f"{cost.ms:.1f} ms, invoer {seen}", en=f"{cost.ms:.1f} ms, input {seen}").to(
            language
        )
        rows.append((what, took))
    for row in rows:
        table.add_row(*row)
    terminal.console.print(table)
