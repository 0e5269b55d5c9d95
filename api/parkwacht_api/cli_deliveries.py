"""The commands `parkwacht deliveries …`."""

from typing import Annotated
from uuid import UUID

import typer

from parkwacht_api.cli_events import open_client
from parkwacht_api.models import DeliveryState
from parkwacht_api.receivers.words import delivery_word
from parkwacht_api.terminal import open_site, open_terminal, say, site_time
from parkwacht_config.text import Text

deliveries_app = typer.Typer(no_args_is_help=True)


@deliveries_app.command("list", help=say("De nieuwste leveringen.", "The newest deliveries."))
def list_deliveries(
    state: Annotated[
        DeliveryState | None,
        typer.Option(help=say("Alleen in deze toestand.", "Only in this state.")),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 20,
) -> None:
    """Print the newest deliveries."""
    terminal = open_terminal()
    timezone = open_site(None, terminal).timezone
    with open_client(terminal) as client:
        found = client.deliveries(state=None if state is None else state.value, limit=limit)
    table = terminal.table(
        Text(nl="Leveringen", en="Deliveries"),
        [
            Text(nl="kenmerk", en="id"),
            Text(nl="vrijgegeven", en="released"),
            Text(nl="ontvanger", en="receiver"),
            Text(nl="kanaal", en="channel"),
            Text(nl="bericht", en="message"),
            Text(nl="toestand", en="state"),
            Text(nl="pogingen", en="attempts"),
            Text(nl="reden", en="reason"),
        ],
    )
    table.columns[0].no_wrap = True
    table.columns[0].overflow = "fold"
    for one in found:
        table.add_row(
            str(one.id),
            site_time(one.created_at, timezone),
            one.receiver_id,
            one.channel_id,
            one.kind,
            delivery_word(one.state).to(terminal.settings.language),
            str(one.n_attempts),
            one.reason,
        )
    terminal.console.print(table)


@deliveries_app.command(
    "replay", help=say("Probeer leveringen opnieuw.", "Try deliveries once more.")
)
def replay_deliveries(
    delivery_ids: Annotated[
        list[UUID], typer.Argument(help=say("Kenmerken van leveringen.", "Ids of deliveries."))
    ],
    reason: Annotated[str, typer.Option(help=say("Waarom.", "Why."))],
) -> None:
    """Let deliveries be tried anew."""
    terminal = open_terminal()
    with open_client(terminal) as client:
        for delivery_id in delivery_ids:
            one = client.replay(delivery_id, reason)
            word = delivery_word(one.state)
            terminal.say(
                f"{one.id} aan {one.receiver_id}: {word.nl}",
                f"{one.id} to {one.receiver_id}: {word.en}",
            )
