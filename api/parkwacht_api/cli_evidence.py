"""The commands `parkwacht evidence …` and `parkwacht hold …`."""

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from pydantic import ValidationError

from parkwacht_api.auth import Principal
from parkwacht_api.database import Database
from parkwacht_api.keys import Scope
from parkwacht_api.local import find_service
from parkwacht_api.repository_evidence import all_holds, incident_by_number
from parkwacht_api.schemas import LegalBasis
from parkwacht_api.schemas_evidence import DEFAULT_HOURS, EvidenceIn, HoldIn, HoldReleaseIn, LinkIn
from parkwacht_api.state import AppState
from parkwacht_api.terminal import (
    Terminal,
    command_actor,
    open_service_database,
    open_site,
    open_terminal,
    say,
    site_time,
)
from parkwacht_config.clock import SystemClock
from parkwacht_config.errors import ConfigError
from parkwacht_config.text import Text

evidence_app = typer.Typer(no_args_is_help=True)
hold_app = typer.Typer(no_args_is_help=True)

Number = Annotated[int, typer.Argument(help=say("Nummer van het incident.", "Incident number."))]
PackageId = Annotated[UUID, typer.Argument(help=say("Kenmerk van het pakket.", "Package's id."))]
LinkId = Annotated[UUID, typer.Argument(help=say("Kenmerk van de koppeling.", "Link's id."))]
HoldId = Annotated[UUID, typer.Argument(help=say("Kenmerk.", "Its id."))]
Reason = Annotated[str, typer.Option("--reason", help=say("Waarom.", "Why."))]
ForWhom = Annotated[str, typer.Option("--for", help=say("Voor wie.", "For whom."))]


def _open(terminal: Terminal) -> tuple[AppState, Principal]:
    """Open what the service would work with, for the user of this machine."""
    settings, service = terminal.settings, find_service(terminal.settings)
    if service is not None:
        told = {"state_dir": service.state_dir, "api_url": service.url}
        settings = settings.model_copy(update=told)
    database: Database = open_service_database(terminal)
    user = command_actor()
    principal = Principal(
        name=user.name,
        role="",
        scopes=frozenset({Scope.EXPORT, Scope.HOLD}),
        receiver_id=None,
        via=user.via,
        address="",
    )
    return AppState(settings, open_site(None, terminal), SystemClock(), database), principal


def _incident_id(state: AppState, number: int) -> UUID:
    with state.database.reading() as session:
        incident = incident_by_number(session, number)
    if incident is None:
        text = Text(nl=f"incident {number} bestaat niet", en=f"there is no incident {number}")
        raise ConfigError(text)
    return incident.id


def _wrong(command: str, error: ValidationError) -> ConfigError:
    first = error.errors(include_input=False, include_url=False)[0]
    key = "--" + str(first["loc"][0] if first["loc"] else "legal_number").replace("_", "-")
    return ConfigError(
        Text(
            nl=f"{command}: {key} klopt niet: {first['msg']}",
            en=f"{command}: {key} is wrong: {first['msg']}",
        )
    )


@evidence_app.command("make", help=say("Het pakket van een incident.", "An incident's package."))
def make(
    incident: Number,
    out: Annotated[Path, typer.Argument(help=say("Bestand (ZIP).", "File (ZIP)."))],
    for_whom: ForWhom,
    reason: Reason,
    legal_basis: Annotated[LegalBasis, typer.Option(help=say("Grondslag.", "Legal basis."))],
    legal_number: Annotated[
        str, typer.Option(help=say("Nummer van vordering of aangifte.", "Its number."))
    ] = "",
    originals_reason: Annotated[
        str,
        typer.Option(
            help=say(
                "Waarom ook de verzegelde originelen mee moeten.",
                "Why the sealed originals must go with it.",
            )
        ),
    ] = "",
) -> None:
    """Make a package, log it, and copy it to a file."""
    from parkwacht_api.evidence import make_package, package_path
    from parkwacht_api.evidence_signing import ensure_signing_key

    terminal = open_terminal()
    try:
        asked = EvidenceIn(
            for_whom=for_whom,
            reason=reason,
            legal_basis=legal_basis,
            legal_number=legal_number,
            originals_reason=originals_reason,
        )
    except ValidationError as error:
        command = "parkwacht evidence make"
        raise _wrong(command, error) from error
    state, principal = _open(terminal)
    ensure_signing_key(state.settings.state_dir)
    package = make_package(state, _incident_id(state, incident), asked, principal=principal)
    shutil.copyfile(package_path(state.settings.media_dir, package.id), out)
    terminal.say(
        f"{out}: pakket {package.id}, sha256 {package.sha256}",
        f"{out}: package {package.id}, sha256 {package.sha256}",
    )


@evidence_app.command("verify", help=say("Ga een pakket na, los van alles.", "Verify, offline."))
def verify(
    package: Annotated[Path, typer.Argument(help=say("Het pakket (ZIP).", "The package (ZIP)."))],
    fingerprint: Annotated[
        str | None,
        typer.Option(help=say("Van de sleutel, langs een andere weg.", "Known by another way.")),
    ] = None,
) -> None:
    """Verify a package; exit code 2 names the first file that is not right."""
    from parkwacht_api.evidence_verify import verify_package

    terminal = open_terminal()
    found = verify_package(package, fingerprint=fingerprint)
    if found.trouble is not None:
        terminal.warn(f"{found.broken} {found.trouble.nl}", f"{found.broken} {found.trouble.en}")
        raise typer.Exit(2)
    terminal.say(
        f"Heel: incident {found.incident_number}, gevraagd {found.asked_at}, "
        f"{found.n_files} bestanden. Getekend met sleutel {found.fingerprint}",
        f"Whole: incident {found.incident_number}, asked for {found.asked_at}, "
        f"{found.n_files} files. Signed with key {found.fingerprint}",
    )
    if fingerprint is None:
        terminal.say(
            "Vergelijk die vingerafdruk met wat de beheerder u gaf.",
            "Compare that fingerprint with what the site's manager gave you.",
        )


@evidence_app.command("link", help=say("Koppeling zonder account.", "A link without an account."))
def link(
    package_id: PackageId,
    for_whom: ForWhom,
    hours: Annotated[
        float, typer.Option(help=say("Hoeveel uur.", "How many hours."))
    ] = DEFAULT_HOURS,
) -> None:
    """Make a link to a package and print it once."""
    from parkwacht_api.links import make_link

    terminal = open_terminal()
    try:
        asked = LinkIn(for_whom=for_whom, hours=hours)
    except ValidationError as error:
        command = "parkwacht evidence link"
        raise _wrong(command, error) from error
    state, principal = _open(terminal)
    with state.database.writing() as session:
        made, url = make_link(session, package_id, asked, principal=principal, state=state)
    until = site_time(made.expires_at, state.site.timezone)
    terminal.say(f"Koppeling {made.id}, tot {until}:", f"Link {made.id}, until {until}:")
    typer.echo(url)


@evidence_app.command("revoke", help=say("Koppeling intrekken.", "Withdraw a link."))
def revoke(link_id: LinkId) -> None:
    """Withdraw a link at once."""
    from parkwacht_api.links import revoke_link

    terminal = open_terminal()
    state, principal = _open(terminal)
    with state.database.writing() as session:
        revoke_link(session, link_id, principal=principal, state=state)
    terminal.say(f"Koppeling {link_id} is ingetrokken.", f"Link {link_id} is withdrawn.")


@hold_app.command("place", help=say("Bewaar alles van een incident.", "Keep all of an incident."))
def place(
    incident: Number,
    reason: Reason,
    until: Annotated[
        datetime, typer.Option(formats=["%Y-%m-%d"], help=say("Tot en met welke dag.", "Last day."))
    ],
) -> None:
    """Place a hold that ends by itself after a day."""
    from parkwacht_api.holds import place_hold

    terminal = open_terminal()
    state, principal = _open(terminal)
    ends_at = until.replace(hour=23, minute=59, second=59, tzinfo=UTC)
    try:
        asked = HoldIn(reason=reason, ends_at=ends_at)
    except ValidationError as error:
        command = "parkwacht hold place"
        raise _wrong(command, error) from error
    incident_id = _incident_id(state, incident)
    with state.database.writing() as session:
        hold = place_hold(session, incident_id, asked, principal=principal, state=state)
    terminal.say(f"Bewaarplicht {hold.id}.", f"Hold {hold.id}.")


@hold_app.command("list", help=say("Wat nu bewaard wordt.", "What is held now."))
def list_holds(
    *, every: Annotated[bool, typer.Option("--all", help=say("Ook oude.", "Old ones too."))] = False
) -> None:
    """Print the holds in force, the one that ends first first."""
    terminal = open_terminal()
    timezone = open_site(None, terminal).timezone
    titles = (("kenmerk", "id"), ("incident", "incident"), ("tot", "until"), ("door", "by"))
    columns = [Text(nl=nl, en=en) for nl, en in (*titles, ("waarom", "why"))]
    table = terminal.table(Text(nl="Bewaarplicht", en="Legal holds"), columns)
    with open_service_database(terminal).reading() as session:
        for one in all_holds(session, at=None if every else datetime.now(UTC)):
            until = site_time(one.released_at or one.ends_at, timezone)
            table.add_row(str(one.id), str(one.incident_id), until, one.placed_by, one.reason)
    terminal.console.print(table)


@hold_app.command("lift", help=say("Bewaarplicht opheffen.", "Lift a hold."))
def lift(hold_id: HoldId, reason: Reason) -> None:
    """Lift a hold before its end."""
    from parkwacht_api.holds import lift_hold

    terminal = open_terminal()
    try:
        asked = HoldReleaseIn(reason=reason)
    except ValidationError as error:
        command = "parkwacht hold lift"
        raise _wrong(command, error) from error
    state, principal = _open(terminal)
    with state.database.writing() as session:
        lift_hold(session, hold_id, asked, principal=principal, state=state)
    terminal.say(f"Bewaarplicht {hold_id} is opgeheven.", f"Hold {hold_id} is lifted.")
