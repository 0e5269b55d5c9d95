"""The commands `parkwacht cameras …`: find the cameras of a network, and their streams."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from parkwacht_api.terminal import Terminal, open_site, open_terminal, say, site_time
from parkwacht_config.clock import SystemClock
from parkwacht_config.errors import ConfigError
from parkwacht_config.secrets import SECRETS_FILE, read_secret
from parkwacht_config.text import Text

if TYPE_CHECKING:
    from parkwacht_vision.onvif import OnvifDevice, OnvifLogin
    from parkwacht_vision.onvif_choice import StreamChoice
    from parkwacht_vision.onvif_discovery import FoundDevice

# ONVIF tells whole seconds: less than this may be its rounding and the way there.
MAX_CLOCK_OFF_S = 2.0
# The tier of key frames wants them at most this far apart.
MAX_GOP_S = 2.0
TIMEOUT_HELP = say("Hoe lang een antwoord mag duren, in s.", "How long an answer may take, in s.")

cameras_app = typer.Typer(
    no_args_is_help=True,
    help=say("Camera's vinden, aansluiten, nagaan.", "Find, connect and look after cameras."),
)
JsonOption = Annotated[
    bool, typer.Option("--json", help=say("Als JSON, voor programma's.", "As JSON, for programs."))
]


@cameras_app.command(
    "list",
    help=say(
        "Kijken de camera's, wat scheelt eraan, en wat wordt van elke stream gedecodeerd.",
        "Do the cameras watch, what troubles them, and how much of each stream is decoded.",
    ),
)
def list_cameras(
    site: Annotated[
        Path | None, typer.Option("--site", help=say("Sitebestand (TOML).", "Site file (TOML)."))
    ] = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Print how the cameras are, as the service knows it."""
    from parkwacht_api.cli_events import open_client
    from parkwacht_api.console.words import word

    terminal = open_terminal()
    language = terminal.settings.language
    timezone = open_site(site, terminal).timezone
    with open_client(terminal) as client:
        cameras = client.cameras()
    if as_json:
        typer.echo(json.dumps([one.model_dump(mode="json") for one in cameras], indent=1))
        return
    headings = [
        Text(nl="camera", en="camera"),
        Text(nl="nu", en="now"),
        Text(nl="storing", en="trouble"),
        Text(nl="bekeken tot", en="watched until"),
        Text(nl="gedecodeerd", en="decoded"),
    ]
    table = terminal.table(Text(nl="Camera's", en="Cameras"), headings)
    for one in cameras:
        why = one.decoding
        table.add_row(
            escape(one.name),
            word(one.state, language),
            ", ".join(word(trouble.cause, language) for trouble in one.troubles) or "-",
            "-" if one.watched_until is None else site_time(one.watched_until, timezone),
            "-" if why is None else escape(Text(nl=why.nl, en=why.en).to(language)),
        )
    terminal.console.print(table)


@cameras_app.command(
    help=say(
        "Zoek ONVIF-camera's op het netwerk van deze machine.",
        "Search the network of this machine for ONVIF cameras.",
    )
)
def discover(
    timeout: Annotated[
        float,
        typer.Option(min=0.1, max=60, help=say("Hoe lang luisteren, in s.", "How long, in s.")),
    ] = 3.0,
    interface: Annotated[
        str | None,
        typer.Option(
            help=say(
                "Adres van deze machine op het netwerk van de camera's; zonder: elk netwerk.",
                "Address of this machine on the cameras' network; none: every network.",
            )
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Ask the network which ONVIF devices there are, and print what answers."""
    from parkwacht_vision.onvif_discovery import find_devices

    terminal = open_terminal()
    devices = find_devices(timeout_s=timeout, interface_ip=interface)
    if as_json:
        print(json.dumps([asdict(one) for one in devices], ensure_ascii=False, indent=2))
    elif devices:
        _show_devices(terminal, devices)
    else:
        terminal.say(
            "Geen ONVIF-apparaat antwoordde. Dat kan komen doordat\n"
            "- de camera's in een ander netwerk of VLAN zitten: deze vraag gaat door geen router; "
            "loop de opdracht daar, of kies een netwerk met --interface;\n"
            "- ONVIF in de camera uit staat, of eerst een eigen gebruiker wil;\n"
            "- een firewall of switch multicast tegenhoudt (239.255.255.250, UDP 3702).\n"
            "Het adres van een camera weten is genoeg: `parkwacht cameras streams ADRES`.",
            "No ONVIF device answered. That may be because\n"
            "- the cameras are on another network or VLAN: this question passes no router; run "
            "the command there, or choose a network with --interface;\n"
            "- ONVIF is switched off in the camera, or wants a user of its own first;\n"
            "- a firewall or switch holds multicast back (239.255.255.250, UDP 3702).\n"
            "To know a camera's address is enough: `parkwacht cameras streams ADDRESS`.",
        )


def _show_devices(terminal: Terminal, devices: "list[FoundDevice]") -> None:
    table = terminal.table(
        Text(nl=f"ONVIF-apparaten: {len(devices)}", en=f"ONVIF devices: {len(devices)}"),
        [
            Text(nl="adres", en="address"),
            Text(nl="naam", en="name"),
            Text(nl="apparaat", en="hardware"),
            Text(nl="plaats", en="location"),
        ],
    )
    for one in devices:
        cells = (one.url, one.name, one.hardware, ", ".join(one.locations))
        table.add_row(*(escape(cell) for cell in cells))
    terminal.console.print(table)


@cameras_app.command(
    help=say(
        "Vraag een camera naar haar klok en streams, met regels voor het parkbestand.",
        "Ask a camera for its clock and streams, with lines for the park file.",
    )
)
def streams(
    address: Annotated[
        str,
        typer.Argument(
            help=say(
                "IP-adres, naam, of het adres dat `discover` toont; zonder naam of wachtwoord.",
                "IP address, name, or the address `discover` shows; without name or password.",
            )
        ),
    ],
    user_env: Annotated[
        str | None,
        typer.Option(
            help=say("NAAM van het geheim met de gebruiker.", "NAME of the secret with the user.")
        ),
    ] = None,
    password_env: Annotated[
        str | None,
        typer.Option(
            help=say(
                "NAAM van het geheim met het wachtwoord.", "NAME of the secret with the password."
            )
        ),
    ] = None,
    camera: Annotated[
        str | None,
        typer.Option(
            help=say("Id van de camera in het parkbestand.", "Id of the camera in the park file.")
        ),
    ] = None,
    timeout: Annotated[float, typer.Option(min=0.1, max=60, help=TIMEOUT_HELP)] = 5.0,
    as_json: JsonOption = False,
) -> None:
    """Print what a device is, how its clock runs, its streams and how to write them down."""
    from parkwacht_vision.naming import camera_slug
    from parkwacht_vision.onvif import read_device
    from parkwacht_vision.onvif_choice import choose_streams

    terminal = open_terminal()
    login = _read_login(user_env, password_env, terminal.settings.state_dir)
    device = read_device(address, login, clock=SystemClock(), timeout_s=timeout)
    choices = choose_streams(device.profiles)
    if as_json:
        chosen = [{"main": one.main.name, "small": one.small and one.small.name} for one in choices]
        told = {**asdict(device), "choices": chosen}
        print(json.dumps(told, ensure_ascii=False, indent=2))
        return
    _show_device(terminal, device)
    _show_streams(terminal, device, choices)
    camera_id = camera_slug(f"{camera}.x" if camera else device.url)
    _show_lines(terminal, choices, camera_id)


def _read_login(
    user_env: str | None, password_env: str | None, state_dir: Path
) -> "OnvifLogin | None":
    from parkwacht_vision.onvif import OnvifLogin

    if user_env is None and password_env is None:
        return None
    if user_env is None or password_env is None:
        raise ConfigError(
            Text(
                nl="--user-env en --password-env horen bij elkaar: geef beide of geen",
                en="--user-env and --password-env belong together: give both or none",
            )
        )
    user = read_secret(user_env, state_dir).get_secret_value()
    return OnvifLogin(user, read_secret(password_env, state_dir))


def _show_device(terminal: Terminal, device: "OnvifDevice") -> None:
    what = " ".join(one for one in (device.manufacturer, device.model) if one) or "?"
    terminal.say(
        f"[bold]{escape(what)}[/], firmware {escape(device.firmware or '?')}, "
        f"serienummer {escape(device.serial or '?')}",
        f"[bold]{escape(what)}[/], firmware {escape(device.firmware or '?')}, "
        f"serial number {escape(device.serial or '?')}",
    )
    off_s = device.clock_ahead_s
    if off_s is None:
        terminal.warn(
            "De camera zegt niet hoe laat zij het heeft.", "The camera does not tell its time."
        )
    elif abs(off_s) > MAX_CLOCK_OFF_S:
        terminal.warn(
            f"De klok van de camera loopt {abs(off_s):.0f} s {'voor' if off_s > 0 else 'achter'}: "
            "de tijd in haar beeld is geen bewijs. Stel in de camera een tijdserver (NTP) in.",
            f"The clock of the camera is {abs(off_s):.0f} s {'fast' if off_s > 0 else 'slow'}: "
            "the time in its picture is no evidence. Set a time server (NTP) in the camera.",
        )
    else:
        terminal.say(
            "Haar klok loopt gelijk met deze machine.", "Its clock agrees with this machine."
        )


def _show_streams(terminal: Terminal, device: "OnvifDevice", choices: "list[StreamChoice]") -> None:
    table = terminal.table(
        Text(nl="Streams", en="Streams"),
        [
            Text(nl="profiel", en="profile"),
            Text(nl="codec", en="codec"),
            Text(nl="beeld", en="picture"),
            Text(nl="beelden/s", en="frames/s"),
            Text(nl="sleutelbeeld", en="key frame"),
            Text(nl="kbit/s", en="kbit/s"),
            Text(nl="gebruik", en="use"),
            Text(nl="adres", en="address"),
        ],
    )
    language = terminal.settings.language
    uses = {id(one.small): Text(nl="bekijken", en="watch") for one in choices if one.small}
    uses |= {id(one.main): Text(nl="bewijs", en="evidence") for one in choices}
    for one in device.profiles:
        size = f"{one.width_px} x {one.height_px}" if one.n_pixels else "?"
        key = "?" if one.gop_s is None else f"{one.gop_frames} ({one.gop_s:.1f} s)"
        use = uses[id(one)].to(language) if id(one) in uses else ""
        fps, kbps = f"{one.fps:g}" if one.fps else "?", str(one.bitrate_kbps or "?")
        cells = (one.name, one.codec, size, fps, key, kbps, use, one.url or "-")
        table.add_row(*(escape(cell) for cell in cells))
    terminal.console.print(table)


def _show_lines(terminal: Terminal, choices: "list[StreamChoice]", camera_id: str) -> None:
    from parkwacht_vision.onvif_choice import camera_lines, secret_lines

    ids = (
        [camera_id] if len(choices) == 1 else [f"{camera_id}_{i + 1}" for i in range(len(choices))]
    )
    for one, name in zip(choices, ids, strict=True):
        terminal.say(
            f'\n# parkbestand, onder \\[\\[cameras]] met id = "{name}"',
            f'\n# park file, under \\[\\[cameras]] with id = "{name}"',
        )
        _print_lines(terminal, camera_lines(one, name))
        terminal.say(
            f"# {SECRETS_FILE} of de omgeving; zet naam:wachtwoord@ achter rtsp://",
            f"# {SECRETS_FILE} or the environment; write name:password@ behind rtsp://",
        )
        _print_lines(terminal, secret_lines(one, name))
        _advise(terminal, one)


def _print_lines(terminal: Terminal, lines: list[str]) -> None:
    for line in lines:
        # one line each, however narrow the terminal: they are to be copied
        terminal.console.print(line, markup=False, soft_wrap=True)


def _advise(terminal: Terminal, choice: "StreamChoice") -> None:
    if choice.small is not None:
        return
    terminal.warn(
        "Geen stream van hoogstens 1280 x 720 om te bekijken: maak er in de camera een van 640 x "
        "360, dat kost de wacht het minst.",
        "No stream of at most 1280 x 720 to watch: make one of 640 x 360 in the camera, that "
        "costs the watch least.",
    )
    if choice.main.gop_s is not None and choice.main.gop_s > MAX_GOP_S:
        terminal.warn(
            "Of zet een sleutelbeeld per 1 of 2 s (GOP, I-frame interval).",
            "Or set a key frame every 1 or 2 s (GOP, I-frame interval).",
        )
