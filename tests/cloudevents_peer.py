"""An independent receiver that asks for CloudEvents' handshake: Azure's middleware for express."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from npm_packages import INSTALL, fetch

PACKAGES = ("@azure/web-pubsub-express@1.0.6", "express@4")
PROGRAM = """
const express = require("express");
const { WebPubSubEventHandler } = require("@azure/web-pubsub-express");
const allowedEndpoints = process.argv.slice(2).map((name) => `https://${name}`);
const handler = new WebPubSubEventHandler("park", { path: "/events", allowedEndpoints });
const app = express();
app.use((request, _response, next) => {
  // It hears its own service only, which says its version beside what the specification asks for.
  if (request.method === "OPTIONS") request.headers["ce-awpsversion"] = "1.0";
  next();
});
app.use(handler.getMiddleware());
app.post("/events", (request, response) => {
  console.log(JSON.stringify(request.headers));
  response.sendStatus(204);
});
const server = app.listen(0, "127.0.0.1", () => console.log(server.address().port));
"""


def require_azure(request: pytest.FixtureRequest) -> Path:
    """Azure's middleware, fetched once into pytest's cache."""
    home = fetch(request, "azure", (*INSTALL, *PACKAGES))
    (home / "peer.js").write_text(PROGRAM)
    return home


@contextmanager
def azure_peer(home: Path, *allowed: str) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """Its URL, and (once it has ended) the headers of each event that it was sent."""
    seen: list[dict[str, str]] = []
    with subprocess.Popen(
        ["node", "peer.js", *allowed], cwd=home, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}/events", seen
        finally:
            process.terminate()
            seen += [json.loads(line) for line in process.stdout]
