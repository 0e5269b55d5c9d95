"""The commands of who may see what: `parkwacht accounts` and `parkwacht audit`."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.orm import Session

from parkwacht_api.accounts import (
    ACCOUNT,
    NewAccount,
    account_state,
    add_account,
    disable_account,
    normal_name,
    reset_account,
    unlock,
)
from parkwacht_api.errors import not_found
from parkwacht_api.factor_seal import factor_key, is_readable
from parkwacht_api.models_access import Account
from parkwacht_api.repository_access import (
    AuditFilter,
    account_by_name,
    all_accounts,
    audit_entries,
    audit_page,
    last_audit_entry,
)
from parkwacht_api.roles import ROLE_NAMES, Role
from parkwacht_api.terminal import (
    command_actor,
    open_service_database,
    open_site,
    open_terminal,
    say,
    site_time,
    state_dir_of,
)
from parkwacht_config.errors import ConfigError
from parkwacht_config.secrets import read_secret
from parkwacht_config.text import Text

accounts_app = typer.Typer(no_args_is_help=True)
audit_app = typer.Typer(no_args_is_help=True)
Name = Annotated[str, typer.Argument(help=say("Accountnaam.", "Account name."))]


def _find(session: Session, name: str) -> Account:
    account = account_by_name(session, normal_name(name), lock=True)
    if account is None:
        raise not_found(ACCOUNT, name)
    return account


@accounts_app.command("add", help=say("Een account maken.", "Make an account."))
def add(
    name: Name,
    role: Annotated[Role, typer.Option(help=say("Wat het mag.", "What it may."))],
    person: Annotated[str, typer.Option(help=say("Van wie het is.", "Whose it is."))] = "",
    receiver: Annotated[
        str | None, typer.Option(help=say("Ontvanger, bij police_reader.", "Its receiver."))
    ] = None,
) -> None:
    """Make an account and print its password for one log-in, once."""
    terminal = open_terminal()
    known = [one.id for one in open_site(None, terminal).receivers]
    if receiver is not None and receiver not in known:
        right = Text(nl=f"een van: {', '.join(known)}", en=f"one of: {', '.join(known)}")
        where = "parkwacht accounts add"
        raise ConfigError.at(where, "--receiver", receiver, right)
    new = NewAccount(normal_name(name), person, role, receiver)
    with open_service_database(terminal).writing() as session:
        _, password = add_account(session, new, by=command_actor(), at=datetime.now(UTC))
    terminal.say("Wachtwoord voor één keer:", "Password for one log-in:")
    typer.echo(password)


def _factor_word(account: Account, key: bytes | None) -> Text:
    if account.totp_confirmed_at is None:
        return Text(nl="nee", en="no")
    return (
        Text(nl="ja", en="yes")
        if is_readable(account, key)
        else Text(nl="andere sleutel", en="other key")
    )


@accounts_app.command("list", help=say("Alle accounts.", "All accounts."))
def list_all() -> None:
    """Print every account."""
    terminal = open_terminal()
    at = datetime.now(UTC)
    table = terminal.table(
        Text(nl="Accounts", en="Accounts"),
        [
            Text(nl="naam", en="name"),
            Text(nl="wie", en="who"),
            Text(nl="rol", en="role"),
            Text(nl="ontvanger", en="receiver"),
            Text(nl="tweede factor", en="second factor"),
            Text(nl="toestand", en="state"),
        ],
    )
    key = factor_key(state_dir_of(terminal))
    with open_service_database(terminal).reading() as session:
        for one in all_accounts(session):
            state = account_state(session, one, at=at)
            language = terminal.settings.language
            factor = _factor_word(one, key)
            role = ROLE_NAMES[Role(one.role)].to(language)
            shown = (one.receiver_id or "-", factor.to(language), state.to(language))
            table.add_row(one.name, one.person, role, *shown)
    terminal.console.print(table)


@accounts_app.command("disable", help=say("Een account sluiten.", "Shut an account."))
def disable(name: Name) -> None:
    """Shut an account at once; its sessions end."""
    terminal = open_terminal()
    with open_service_database(terminal).writing() as session:
        disable_account(session, _find(session, name), by=command_actor(), at=datetime.now(UTC))
    terminal.say(f"Account {name} is gesloten.", f"Account {name} is disabled.")


@accounts_app.command("reset", help=say("Nieuw wachtwoord, weer open.", "New password, open."))
def reset(name: Name) -> None:
    """Give a new password for one log-in; second factor and sessions are gone."""
    terminal = open_terminal()
    with open_service_database(terminal).writing() as session:
        account = _find(session, name)
        password = reset_account(session, account, by=command_actor(), at=datetime.now(UTC))
    terminal.say("Wachtwoord voor één keer:", "Password for one log-in:")
    typer.echo(password)


@accounts_app.command("unlock", help=say("Blokkade opheffen.", "Forget wrong log-ins."))
def unlock_one(name: Name) -> None:
    """Forget an account's wrong log-ins."""
    terminal = open_terminal()
    with open_service_database(terminal).writing() as session:
        unlock(session, _find(session, name), by=command_actor(), at=datetime.now(UTC))
    terminal.say(f"Account {name} is vrij.", f"Account {name} is unlocked.")


@accounts_app.command(
    "link",
    help=say("Laat de aanmelddienst voor iemand instaan.", "Let the log-in service vouch for one."),
)
def link(
    name: Name,
    subject: Annotated[
        str,
        typer.Option(
            help=say(
                "Nummer (sub) bij de dienst; leeg: ontkoppel.",
                "Number (sub) at the service; empty: unlink.",
            )
        ),
    ] = "",
) -> None:
    """Let the park's log-in service vouch for an account; without a subject it no longer does."""
    from parkwacht_api.sign_in import link_account

    terminal = open_terminal()
    told = open_site(None, terminal).oidc
    if told is None:
        text = Text(nl="dit park heeft geen [oidc]", en="this park has no [oidc]")
        raise ConfigError(text)
    with open_service_database(terminal).writing() as session:
        account, at = _find(session, name), datetime.now(UTC)
        link_account(session, account, told.issuer, subject, by=command_actor(), at=at)
    if subject:
        terminal.say(f"{told.name} staat in voor {name}.", f"{told.name} vouches for {name}.")
    else:
        terminal.say(f"Account {name} is ontkoppeld.", f"Account {name} is unlinked.")


@audit_app.command("list", help=say("De nieuwste regels.", "The newest entries."))
def list_entries(
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 50,
    who: Annotated[str | None, typer.Option(help=say("Alleen van deze.", "Only of."))] = None,
    what: Annotated[str | None, typer.Option(help=say("Alleen deze daad.", "Only this."))] = None,
) -> None:
    """Print the newest entries of the audit log."""
    terminal = open_terminal()
    timezone = open_site(None, terminal).timezone
    titles = ("nr", "tijd", "wie", "account of sleutel", "rol", "via", "wat", "waarop", "waarom")
    english = ("no", "time", "who", "account or key", "role", "via", "what", "object", "why")
    columns = [Text(nl=nl, en=en) for nl, en in zip(titles, english, strict=True)]
    table = terminal.table(Text(nl="Auditlog", en="Audit log"), columns)
    with open_service_database(terminal).reading() as session:
        wanted = AuditFilter(who=who, what=what)
        for one in audit_page(session, wanted, before_id=None, limit=limit)[0]:
            thing = f"{one.object_kind} {one.object_id}"
            at = site_time(one.at, timezone)
            actor = (one.who, one.who_id or "", one.role)
            table.add_row(str(one.id), at, *actor, one.via, one.what, thing, one.why)
    terminal.console.print(table)


@audit_app.command("anchor", help=say("Schrijf op waar het log staat.", "Note where it stands."))
def anchor(
    out: Annotated[
        Path | None, typer.Option(help=say("Bestand, elders te bewaren.", "File to keep."))
    ] = None,
) -> None:
    """Print the newest entry's number and hash, signed where there is a key."""
    from parkwacht_api.audit_verify import AUDIT_KEY, make_anchor, write_anchor

    terminal = open_terminal()
    try:
        key = read_secret(AUDIT_KEY, terminal.settings.state_dir).get_secret_value()
    except ConfigError:
        key = None
    with open_service_database(terminal).reading() as session:
        made = make_anchor(last_audit_entry(session), key, at=datetime.now(UTC))
    if out is None:
        typer.echo(write_anchor(made))
    else:
        out.write_text(write_anchor(made) + "\n")


@audit_app.command("verify", help=say("Ga na of het log heel is.", "Verify the log is whole."))
def verify(
    anchor_file: Annotated[
        Path | None, typer.Option("--anchor", help=say("Anker van elders.", "An anchor."))
    ] = None,
    public_key: Annotated[
        str | None, typer.Option(help=say("Van wie het anker tekende.", "Of its signer."))
    ] = None,
) -> None:
    """Check the whole chain; exit code 2 names the first entry that is not right."""
    from parkwacht_api.audit_verify import check_chain, check_signature, read_anchor

    terminal = open_terminal()
    known = None if anchor_file is None else read_anchor(anchor_file)
    if public_key is not None and (known is None or not check_signature(known, public_key)):
        terminal.warn(
            "Het anker is niet met deze sleutel getekend.",
            "The anchor was not signed with this key.",
        )
        raise typer.Exit(2)
    with open_service_database(terminal).reading() as session:
        found = check_chain(audit_entries(session), known)
    if found.trouble is not None:
        terminal.warn(
            f"Auditlog: regel {found.broken_id} {found.trouble.nl}",
            f"Audit log: entry {found.broken_id} {found.trouble.en}",
        )
        raise typer.Exit(2)
    told = json.dumps({"id": found.n_entries, "hash": found.last_hash})
    terminal.say(
        f"Auditlog heel: {found.n_entries} regels. {told}",
        f"Audit log whole: {found.n_entries} entries. {told}",
    )
    if known is None:
        terminal.say(
            "Zonder --anchor blijft onzichtbaar wat er aan het eind af is.",
            "Without --anchor, what was cut off at the end stays unseen.",
        )
