"""A real broker (mosquitto) for one test, and somebody who listens to everything on it."""

import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from rtsp_server import free_port

BROKER = shutil.which("mosquitto") or "/usr/sbin/mosquitto"


def require_broker() -> None:
    """Skip where mosquitto is absent; fail where it is required."""
    if Path(BROKER).exists():
        return
    reason = "needs mosquitto from the distribution's packages"
    if os.environ.get("PARKWACHT_REQUIRE_SERVERS") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def running_broker(folder: Path, *lines: str) -> Iterator[int]:
    """Run mosquitto on a port of its own, with more lines for its file; give the port."""
    port = free_port()
    config = folder / f"mosquitto-{port}.conf"
    # As root it would go over to a user who may not read a test's folder.
    config.write_text("\n".join([f"listener {port} 127.0.0.1", "user root", *lines, ""]))
    process = subprocess.Popen(
        [BROKER, "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.02)
        yield port
    finally:
        process.terminate()
        process.wait()


@dataclass
class Listener:
    """What came: topic, text, retained; in the order of coming."""

    heard: list[tuple[str, str, bool]] = field(default_factory=list)

    def last(self, topic: str) -> str | None:
        return next((text for name, text, _ in reversed(self.heard) if name == topic), None)


@contextmanager
def listening(port: int) -> Iterator[Listener]:
    """Subscribe to everything; returns when the subscription stands."""
    listener, is_up = Listener(), threading.Event()
    client = mqtt.Client(
        CallbackAPIVersion.VERSION2, "listener", protocol=MQTTProtocolVersion.MQTTv5
    )

    def hear(_client: Any, _data: Any, message: Any) -> None:
        listener.heard.append((message.topic, message.payload.decode(), message.retain))

    client.on_message = hear
    client.on_subscribe = lambda *_: is_up.set()
    client.connect("127.0.0.1", port)
    client.loop_start()
    client.subscribe("#", 1)
    is_up.wait(5)
    try:
        yield listener
    finally:
        client.disconnect()
        client.loop_stop()
