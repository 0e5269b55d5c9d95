"""The commands `parkwacht event …` and `parkwacht key …`."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from pydantic import TypeAdapter, ValidationError
from rich.table import Table

from parkwacht_api.client import ServiceClient
from parkwacht_api.keys import bind_certificate, create_key, list_keys, revoke_key
from parkwacht_api.local import OPERATOR_KEY
from parkwacht_api.proxies import read_fingerprint
from parkwacht_api.receivers.words import delivery_word
from parkwacht_api.roles import BOUND_TO_RECEIVER, SCOPES_OF, Role
from parkwacht_api.schemas import (
    EventDetail,
    EventOut,
    FalseCause,
    LegalBasis,
    ReviewState,
    VerdictIn,
)
from parkwacht_api.terminal import (
    Terminal,
    open_service,
    open_service_database,
    open_site,
    open_terminal,
    say,
    site_time,
)
from parkwacht_config.errors import ConfigError, ForwardingError
from parkwacht_config.secrets import read_secret
from parkwacht_config.text import Text
from parkwacht_vision.cli import class_name

event_app = typer.Typer(no_args_is_help=True)
key_app = typer.Typer(no_args_is_help=True)

REVIEW_WORDS: dict[ReviewState, Text] = {
    "unreviewed": Text(nl="te beoordelen", en="to review"),
    "verified": Text(nl="bevestigd", en="verified"),
    "dismissed": Text(nl="afgewezen", en="dismissed"),
    "unclear": Text(nl="onduidelijk", en="unclear"),
}
VERDICTS: TypeAdapter[ReviewState] = TypeAdapter(ReviewState)
EventId = Annotated[
    UUID, typer.Argument(help=say("Kenmerk van de gebeurtenis.", "Id of the event."))
]
Person = Annotated[str, typer.Option("--person", help=say("Wie oordeelt.", "Who judges."))]
Reason = Annotated[str, typer.Option("--reason", help=say("Waarom.", "Why."))]


def open_client(terminal: Terminal) -> ServiceClient:
    """Open the service of this machine with the operator's key."""
    service = open_service(terminal)
    settings = terminal.settings
    state_dir = settings.state_dir if service is None else service.state_dir
    url = settings.api_url if service is None else service.url
    key = settings.operator_key or read_secret(OPERATOR_KEY, state_dir)
    return ServiceClient(url, key.get_secret_value(), language=settings.language)


@event_app.command("list", help=say("De nieuwste gebeurtenissen.", "The newest events."))
def list_events(
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 20,
    site: Annotated[Path | None, typer.Option(help=say("Sitebestand.", "Site file."))] = None,
) -> None:
    """Print the newest events."""
    terminal = open_terminal()
    timezone = open_site(site, terminal).timezone
    with open_client(terminal) as client:
        events = client.events(limit=limit)
    table = terminal.table(
        Text(nl="Gebeurtenissen", en="Events"),
        [
            Text(nl="kenmerk", en="id"),
            Text(nl="begin", en="start"),
            Text(nl="camera", en="camera"),
            Text(nl="zone", en="zone"),
            Text(nl="soort", en="class"),
            Text(nl="zekerheid", en="confidence"),
            Text(nl="oordeel", en="verdict"),
        ],
    )
    table.columns[0].no_wrap = True
    table.columns[0].overflow = "fold"
    for event in events:
        _add_event(table, event, terminal, timezone)
    terminal.console.print(table)


def _add_event(table: Table, event: EventOut, terminal: Terminal, timezone: str) -> None:
    table.add_row(
        str(event.id),
        site_time(event.started_at, timezone),
        event.camera_id,
        event.zone_id,
        class_name(event.object_class).to(terminal.settings.language),
        f"{event.confidence:.2f}",
        REVIEW_WORDS[event.review_state].to(terminal.settings.language),
    )


@event_app.command(
    "show", help=say("Eén gebeurtenis met leveringen.", "One event with deliveries.")
)
def show_event(event_id: EventId) -> None:
    """Print one event, its verdicts and its deliveries."""
    terminal = open_terminal()
    timezone = open_site(None, terminal).timezone
    with open_client(terminal) as client:
        _print_detail(terminal, client.event(event_id), timezone)


def _print_detail(terminal: Terminal, event: EventDetail, timezone: str) -> None:
    console, language = terminal.console, terminal.settings.language
    console.print(f"[bold]{event.id}[/]  {event.camera_id} / {event.zone_id}")
    console.print(
        f"{class_name(event.object_class).to(language)} {event.confidence:.2f}  "
        f"{site_time(event.started_at, timezone)}  {REVIEW_WORDS[event.review_state].to(language)}"
    )
    for verdict in event.verdicts:
        word = REVIEW_WORDS[VERDICTS.validate_python(verdict.verdict)]
        console.print(f"  {word.to(language)}: {verdict.person}, {verdict.reason or '-'}")
    table = terminal.table(
        Text(nl="Leveringen", en="Deliveries"),
        [
            Text(nl="ontvanger", en="receiver"),
            Text(nl="toestand", en="state"),
            Text(nl="aangekomen", en="arrived"),
            Text(nl="gezien door", en="acknowledged by"),
            Text(nl="pogingen", en="attempts"),
            Text(nl="reden", en="reason"),
        ],
    )
    for delivery in event.deliveries:
        arrived = delivery.delivered_at
        table.add_row(
            delivery.receiver_id,
            delivery_word(delivery.state).to(language),
            site_time(arrived, timezone) if arrived else "-",
            delivery.acknowledged_by or "-",
            str(delivery.n_attempts),
            delivery.reason,
        )
    console.print(table)


def _checked(given: dict[str, object]) -> VerdictIn:
    try:
        return VerdictIn.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        option = "--" + str(first["loc"][0] if first["loc"] else "legal_number").replace("_", "-")
        rules = {
            "--person": Text(nl="een naam van 2 tot 120 tekens", en="a name of 2-120 characters"),
            "--reason": Text(nl="een reden van 3 tekens of meer", en="a reason of 3 characters up"),
            "--legal-number": Text(
                nl="bij een vordering of aangifte hoort haar nummer",
                en="a vordering or aangifte comes with its number",
            ),
        }
        right = rules.get(option, Text(nl=first["msg"], en=first["msg"]))
        value = given.get(option[2:].replace("-", "_"), "")
        where = "parkwacht event"
        raise ConfigError.at(where, option, value, right) from error


def _judge(event_id: UUID, given: dict[str, object]) -> None:
    terminal = open_terminal()
    verdict = _checked(given)
    timezone = open_site(None, terminal).timezone
    with open_client(terminal) as client:
        event = client.event(event_id)
        judged = client.judge(event_id, verdict, version=event.version)
    _print_detail(terminal, judged, timezone)


@event_app.command(
    "verify", help=say("Bevestigen; geeft vrij aan de politie.", "Verify; releases.")
)
def verify_event(
    event_id: EventId,
    person: Person,
    reason: Reason,
    avs_level: Annotated[
        int, typer.Option(min=2, max=4, help=say("AVS-01-niveau.", "AVS-01 level."))
    ] = 2,
    legal_basis: Annotated[
        LegalBasis, typer.Option(help=say("Grondslag.", "Legal basis."))
    ] = LegalBasis.OWN_INITIATIVE,
    legal_number: Annotated[
        str, typer.Option(help=say("Nummer van vordering of aangifte.", "Its number."))
    ] = "",
) -> None:
    """Judge an event to be real."""
    _judge(
        event_id,
        {
            "verdict": "verified",
            "person": person,
            "reason": reason,
            "avs_level": avs_level,
            "legal_basis": legal_basis,
            "legal_number": legal_number,
        },
    )


@event_app.command("dismiss", help=say("Afwijzen als vals alarm.", "Dismiss as a false alarm."))
def dismiss_event(
    event_id: EventId,
    person: Person,
    reason: Reason,
    cause: Annotated[FalseCause, typer.Option(help=say("Oorzaak.", "Cause."))] = "other",
) -> None:
    """Judge an event to be false."""
    _judge(event_id, {"verdict": "dismissed", "cause": cause, "person": person, "reason": reason})


def _fingerprint_of(path: Path) -> str:
    try:
        sha256 = read_fingerprint(path.read_text())
    except (OSError, UnicodeDecodeError):
        sha256 = None
    if sha256 is None:
        right = Text(
            nl="een bestand met een certificaat (PEM)", en="a file with a certificate (PEM)"
        )
        where = "parkwacht key create"
        raise ConfigError.at(where, "--certificate", str(path), right)
    return sha256


@key_app.command("create", help=say("Een sleutel maken; hij verschijnt één keer.", "Make a key."))
def create(
    name: Annotated[str, typer.Option(help=say("Van wie hij is.", "Whose key it is."))],
    role: Annotated[Role, typer.Option(help=say("Waarvoor.", "What for."))],
    receiver: Annotated[
        str | None, typer.Option(help=say("Ontvanger van een partner.", "A partner's receiver."))
    ] = None,
    certificate: Annotated[
        Path | None,
        typer.Option(
            help=say(
                "Certificaat (PEM) dat een proxy voor deze sleutel aanneemt.",
                "Certificate (PEM) that a proxy takes for this key.",
            )
        ),
    ] = None,
) -> None:
    """Make a key and print it once."""
    terminal = open_terminal()
    sha256 = None if certificate is None else _fingerprint_of(certificate)
    if (role in BOUND_TO_RECEIVER) != (receiver is not None):
        bound = ", ".join(sorted(BOUND_TO_RECEIVER))
        raise ForwardingError(
            Text(
                nl=f"--receiver hoort bij --role {bound}, en alleen daarbij",
                en=f"--receiver belongs to --role {bound}, and to nothing else",
            )
        )
    known = [one.id for one in open_site(None, terminal).receivers]
    if receiver is not None and receiver not in known:
        right = Text(nl=f"een van: {', '.join(known)}", en=f"one of: {', '.join(known)}")
        where = "parkwacht key create"
        raise ConfigError.at(where, "--receiver", receiver, right)
    database = open_service_database(terminal)
    key = create_key(
        database,
        name,
        SCOPES_OF[role],
        at=datetime.now(UTC),
        receiver_id=receiver,
        role=role.value,
    )
    if sha256 is not None:
        bind_certificate(database, key, sha256, at=datetime.now(UTC))
    terminal.say("Bewaar deze sleutel nu; hij is niet terug te halen:", "Keep this key now:")
    typer.echo(key)


@key_app.command("list", help=say("Alle sleutels, zonder geheim.", "All keys, without secrets."))
def list_all() -> None:
    """Print every key."""
    terminal = open_terminal()
    table = terminal.table(
        Text(nl="Sleutels", en="Keys"),
        [
            Text(nl="kenmerk", en="id"),
            Text(nl="naam", en="name"),
            Text(nl="rol", en="role"),
            Text(nl="mag", en="may"),
            Text(nl="ontvanger", en="receiver"),
            Text(nl="ingetrokken", en="revoked"),
        ],
    )
    for key in list_keys(open_service_database(terminal)):
        revoked = key.revoked_at.isoformat(timespec="seconds") if key.revoked_at else "-"
        scopes = ", ".join(sorted(key.scopes))
        table.add_row(key.id, key.name, key.role or "-", scopes, key.receiver_id or "-", revoked)
    terminal.console.print(table)


@key_app.command("revoke", help=say("Een sleutel intrekken.", "Revoke a key."))
def revoke(key_id: Annotated[str, typer.Argument()]) -> None:
    """Withdraw a key at once."""
    terminal = open_terminal()
    revoke_key(open_service_database(terminal), key_id, at=datetime.now(UTC))
    terminal.say(f"Sleutel {key_id} is ingetrokken.", f"Key {key_id} is revoked.")
