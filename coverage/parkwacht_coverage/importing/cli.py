"""
The import from end to end, for a command line: read, build, write, say what became of everything.

The command itself, `parkwacht import`, is in `parkwacht_api.cli_import`.
"""

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from parkwacht_config.loader import load_site
from parkwacht_config.site import Site
from parkwacht_config.text import Text
from parkwacht_coverage.importing.account import (
    crs_line,
    height_lines,
    to_json,
    to_markdown,
    to_table,
)
from parkwacht_coverage.importing.build import Park, build_park
from parkwacht_coverage.importing.gather import Gathered, gather
from parkwacht_coverage.importing.ledger import LayerLedger, Outcome
from parkwacht_coverage.importing.placing import REPORT_NAME, place, require_free
from parkwacht_coverage.importing.request import ImportRequest
from parkwacht_coverage.importing.site_files import (
    SiteName,
    caveats,
    count_features,
    describe,
    park_layers,
    site_name,
    site_toml,
)

LARGE_KM2 = 10.0
WRITING = Text(nl="Schrijven en controleren", en="Writing and checking")


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What an import wrote: the site's TOML, what is in its layers, and the account per layer."""

    site_path: Path
    counts: dict[str, int]
    layers: tuple[LayerLedger, ...]
    site: Site
    aside: Path | None


def run_import(request: ImportRequest, console: Console) -> ImportResult:
    """
    Build a park from its sources, write it, and print what came of every layer.

    Parameters
    ----------
    request
        What is asked.
    console
        Where progress and tables are shown.

    Returns
    -------
    result
        What was written.

    Raises
    ------
    ConfigError
        A source, an option or the target folder is wrong.
    CoverageError
        No park can be made of it, or it cannot be written.
    """
    say = request.language
    require_free(request.out_dir, force=request.force)
    name = site_name(request)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as progress:
        tasks = {}

        def on_step(what: Text, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(what.to(say), total=total)
            progress.update(tasks[what], completed=done, total=total)

        found = gather(request, on_step)
        park = build_park(found, request, on_step)
        on_step(WRITING, 0, 1)
        result = _write(park, found, request, name)
        on_step(WRITING, 1, 1)
    _print(result, park, found, request, console)
    return result


def _write(park: Park, found: Gathered, request: ImportRequest, name: SiteName) -> ImportResult:
    """Write the park and check that it can be read; all or nothing."""
    layers = park_layers(park, found.ledger, name)
    counts = count_features(layers)
    description = describe(park, found, request)
    is_illustrative = found.frame.is_relocated
    toml = site_toml(name, layers, description, is_illustrative=is_illustrative)
    files = {f"layers/{layer}.geojson": content for layer, content in layers.items()}
    files[f"{name.id}.toml"] = toml
    title = Text(nl=f"Import van {name.name}", en=f"Import of {name.name}").to(request.language)
    files["import_report.md"] = to_markdown(park, found, request, title, counts)
    report = to_json(park, found, request, files, counts)
    sites: list[Site] = []
    aside = place(
        request.out_dir,
        {**files, REPORT_NAME: report},
        lambda folder: sites.append(load_site(folder / f"{name.id}.toml")),
        force=request.force,
    )
    path = request.out_dir / f"{name.id}.toml"
    return ImportResult(path, counts, tuple(found.ledger.layers), sites[0], aside)


def _print(
    result: ImportResult, park: Park, found: Gathered, request: ImportRequest, console: Console
) -> None:
    """Say what came of every layer, what was written, what to look at and what to do next."""
    say = request.language
    console.print(to_table(result.layers, say))
    for account in result.layers:
        for reason, rows in account.reasons(Outcome.LEFT_OUT):
            ids = ", ".join(str(account.ids[row]) for row in rows[:5])
            more = ", ..." if len(rows) > 5 else ""  # noqa: PLR2004 - the report has them all
            left = Text(nl="weggelaten", en="left out").to(say)
            where = f"{account.source} [{account.name}]"
            line = f"! {where}: {len(rows)} {left}, {reason.to(say)}: {ids}{more}"
            console.print(f"[yellow]{escape(line)}[/]", soft_wrap=True)
    lines = [crs_line(found, say)]
    heights = ", ".join(height_lines(park, say))
    if heights:
        lines.append(Text(nl=f"Hoogten: {heights}.", en=f"Heights: {heights}.").to(say))
    rule = park.outline.rule
    lines.append(Text(nl=f"Grens: {rule.nl}.", en=f"Outline: {rule.en}.").to(say))
    lines.append(
        Text(nl="Geschreven: ", en="Written: ").to(say)
        + ", ".join(f"{name} {count}" for name, count in result.counts.items())
        + "."
    )
    for line in lines:
        console.print(escape(line), soft_wrap=True)
    _print_warnings(result, found, request, console)
    _print_next(result, request, console)


def _print_warnings(
    result: ImportResult, found: Gathered, request: ImportRequest, console: Console
) -> None:
    """Say what is not real, missing, or was moved aside."""
    say = request.language
    warnings: list[str] = []
    warnings += [one.to(say) for one in caveats(found, request)]
    area_km2 = result.site.boundary.area / 1e6
    if area_km2 > LARGE_KM2:
        warnings.append(
            Text(
                nl=f"De grens omvat {area_km2:.0f} km², veel groter dan een park; geef --boundary.",
                en=f"The outline holds {area_km2:.0f} km², far more than a park; give --boundary.",
            ).to(say)
        )
    if not result.counts.get("gates"):
        warnings.append(
            Text(
                nl="Geen toegangsweg gevonden; geef --overrule gates=BESTAND.",
                en="No road into the park found; give --overrule gates=FILE.",
            ).to(say)
        )
    if not result.counts.get("lamp_posts"):
        warnings.append(
            Text(
                nl="Geen lichtmast gelezen: 's nachts telt alleen infrarood.",
                en="No lamp read: by night only infrared counts.",
            ).to(say)
        )
    if result.aside is not None:
        warnings.append(
            Text(
                nl=f"De oude map staat in {result.aside}.", en=f"The old folder is {result.aside}."
            ).to(say)
        )
    for line in warnings:
        console.print(f"[bold yellow]! {escape(line)}[/]", soft_wrap=True)


def _print_next(result: ImportResult, request: ImportRequest, console: Console) -> None:
    """Say what to do next."""
    say = request.language
    report = request.out_dir / "import_report.md"
    console.print(
        escape(
            Text(nl=f"Verantwoording per object: {report}", en=f"Account per feature: {report}").to(
                say
            )
        ),
        soft_wrap=True,
    )
    following = f"parkwacht study {result.site_path}"
    heading = Text(nl="Nu verder met:", en="Next:").to(say)
    console.print(f"{heading} [bold]{escape(following)}[/]", soft_wrap=True)
