"""Run parkwacht's own commands as child processes, and start again what dies."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from parkwacht_config.errors import ForwardingError
from parkwacht_config.text import Text


@dataclass
class Child:
    """
    One child process of a parkwacht command.

    `n_restarts` counts how often it had to be started again.
    """

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    log_path: Path
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    n_restarts: int = 0

    def start(self) -> None:
        """Start the process; its output goes to the log file."""
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 -- our own command with our own arguments
                [sys.executable, "-m", "parkwacht_api", *self.arguments],
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def revive(self) -> bool:
        """Start the process again if it has died; tell whether it had."""
        if self.process is None or self.process.poll() is None:
            return False
        self.n_restarts += 1
        self.start()
        return True

    def stop(self, *, within_s: float = 10.0) -> None:
        """Ask the process to end, and end it when it does not."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=within_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def free_port(preferred: int, *, host: str = "127.0.0.1") -> int:
    """Return the preferred TCP port if nobody listens there, else a free one."""
    for port in (preferred, 0):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    text = Text(nl=f"geen vrije poort op {host}", en=f"no free port on {host}")
    raise ForwardingError(text)


def wait_until_ready(url: str, child: Child, *, within_s: float = 60.0) -> None:
    """
    Wait until a URL answers with a success.

    Raises
    ------
    ForwardingError
        The child died, or the time ran out.
    """
    deadline = time.monotonic() + within_s
    with httpx.Client(timeout=2.0) as client:
        while time.monotonic() < deadline:
            if child.process is not None and child.process.poll() is not None:
                break
            try:
                if client.get(url).is_success:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.1)
    text = Text(
        nl=f"{child.name} komt niet op ({url}); zie {child.log_path}",
        en=f"{child.name} does not come up ({url}); see {child.log_path}",
    )
    raise ForwardingError(text)
