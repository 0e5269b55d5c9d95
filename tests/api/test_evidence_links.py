"""Links that open without an account, for a time; holds; and the commands for both."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from api_harness import Service, make_receiver, make_site, running_service
from evidence_builders import ASKED, file_of, incident_of, made
from sqlalchemy import select
from typer.testing import CliRunner

from parkwacht_api.cli import app
from parkwacht_api.keys import Scope, create_key
from parkwacht_api.models_access import AuditEntry, LoginFailure
from parkwacht_api.models_evidence import EvidenceLink
from parkwacht_api.models_incidents import Incident
from parkwacht_config.errors import ParkwachtError


class StoppedClock:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 26, 3, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at


@pytest.fixture(scope="module")
def clock() -> StoppedClock:
    return StoppedClock()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, clock: StoppedClock) -> Iterator[Service]:
    site = make_site(make_receiver("meldkamer", "http://127.0.0.1:9/webhook"))
    folder = tmp_path_factory.mktemp("links") / "state"
    with running_service(folder, site, clock=clock) as running:
        yield running


@pytest.fixture(scope="module")
def package(service: Service) -> dict[str, Any]:
    return made(service, incident_of(service, service.stored()))


def new_link(service: Service, package: dict[str, Any], hours: float = 72) -> dict[str, Any]:
    with service.client(service.operator_key) as client:
        asked = {"for_whom": "Brigadier Jansen", "hours": hours}
        answer = client.post(f"/evidence/{package['id']}/links", json=asked)
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    return told


def path_of(link: dict[str, Any]) -> str:
    return "/evidence/" + str(link["url"]).rsplit("/", 1)[1]


def logged(service: Service, link: dict[str, Any]) -> list[tuple[str, str, str]]:
    with service.database.reading() as session:
        rows = session.scalars(
            select(AuditEntry)
            .where(AuditEntry.what.like("evidence.link.%"))
            .order_by(AuditEntry.id)
        )
        found = [one for one in rows if one.details["link_id"] == link["id"]]
        return [(one.what, one.who, one.address) for one in found]


def test_a_link_shows_and_hands_out_without_an_account(
    service: Service, package: dict[str, Any]
) -> None:
    link = new_link(service, package)
    token = path_of(link).rsplit("/", 1)[1]
    with service.database.reading() as session:
        row = session.scalars(select(EvidenceLink)).one()
        assert row.token_sha256 == hashlib.sha256(token.encode()).hexdigest()
        assert token not in str(vars(row))
    with service.browser() as browser:
        page = browser.get(path_of(link))
        assert page.status_code == 200
        for told in ("Brigadier Jansen", ASKED["reason"], ASKED["legal_number"], package["sha256"]):
            assert told in page.text
        file = browser.get(path_of(link) + "/download")
    assert hashlib.sha256(file.content).hexdigest() == package["sha256"]
    assert "attachment" in file.headers["content-disposition"]
    assert file.headers["cache-control"] == "private, no-store"
    assert logged(service, link) == [
        ("evidence.link.make", "Desk", "127.0.0.1"),
        ("evidence.link.view", "Brigadier Jansen", "127.0.0.1"),
        ("evidence.link.download", "Brigadier Jansen", "127.0.0.1"),
    ]
    with service.client(service.operator_key) as client:
        listed = client.get(f"/evidence/{package['id']}/links").json()
    assert [one["id"] for one in listed] == [link["id"]]
    assert "url" not in listed[0]


def test_a_link_ends_by_itself_and_by_being_withdrawn(
    service: Service, package: dict[str, Any], clock: StoppedClock
) -> None:
    short, long = new_link(service, package, hours=1), new_link(service, package)
    with service.browser() as browser:
        assert browser.get(path_of(short)).status_code == 200
        clock.at += timedelta(hours=1)
        over = browser.get(path_of(short))
        assert over.status_code == 404
        assert ASKED["reason"] not in over.text
        assert browser.get(path_of(short) + "/download").status_code == 404
        assert browser.get(path_of(long)).status_code == 200
        with service.client(service.operator_key) as client:
            for _ in range(2):
                answer = client.delete(f"/evidence/links/{long['id']}")
                assert answer.json()["revoked_by"] == "Desk"
        assert browser.get(path_of(long)).status_code == 404
        unknown = browser.get("/evidence/" + "x" * 43)
    # Nobody learns whether there ever was one.
    assert unknown.status_code == 404
    assert unknown.text.replace("x" * 43, "") == over.text.replace(path_of(short)[10:], "")
    assert [one[0] for one in logged(service, long)].count("evidence.link.revoke") == 1


def test_looks_are_limited_for_each_address(
    service: Service, package: dict[str, Any], clock: StoppedClock
) -> None:
    link = new_link(service, package)
    clock.at += timedelta(hours=1)
    with service.database.writing() as session:
        session.add_all(LoginFailure(subject="link:127.0.0.1", at=clock.at) for _ in range(59))
    with service.browser() as browser:
        assert browser.get("/evidence/guess").status_code == 404
        refused = browser.get(path_of(link))
        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) <= 15 * 60 + 1
        clock.at += timedelta(minutes=15, seconds=1)
        assert browser.get(path_of(link)).status_code == 200


def test_a_page_without_its_file_says_so(service: Service, package: dict[str, Any]) -> None:
    other = made(service, incident_of(service, service.stored()))
    link = new_link(service, other)
    file_of(service, other).unlink()
    with service.browser() as browser:
        assert "verwijderd" in browser.get(path_of(link)).text
        assert browser.get(path_of(link) + "/download").status_code == 410


@pytest.mark.parametrize("hours", [0, -1, 24 * 91])
def test_a_link_must_end(service: Service, package: dict[str, Any], hours: float) -> None:
    with service.client(service.operator_key) as client:
        asked = {"for_whom": "Iemand", "hours": hours}
        assert client.post(f"/evidence/{package['id']}/links", json=asked).status_code == 422


def test_a_hold_needs_a_reason_and_an_end_and_ends_by_itself(
    service: Service, clock: StoppedClock
) -> None:
    incident_id = incident_of(service, service.stored())
    path, start = f"/incidents/{incident_id}/holds", clock.at
    until = (start + timedelta(days=40)).isoformat()
    with service.client(service.operator_key) as client:
        placed = client.post(path, json={"reason": "zaak 17", "ends_at": until})
        assert placed.status_code == 201, placed.text
        past = client.post(path, json={"reason": "te laat", "ends_at": start.isoformat()})
        assert past.status_code == 422
        assert client.post(path, json={"ends_at": until}).status_code == 422
        assert [one["id"] for one in client.get("/holds").json()] == [placed.json()["id"]]
        clock.at += timedelta(days=40)
        assert client.get("/holds").json() == []
        assert [one["placed_by"] for one in client.get("/holds?all=true").json()] == ["Desk"]


def test_a_hold_can_be_lifted_and_both_are_logged(service: Service, clock: StoppedClock) -> None:
    incident_id = incident_of(service, service.stored())
    until = (clock.at + timedelta(days=9)).isoformat()
    with service.client(service.operator_key) as client:
        path = f"/incidents/{incident_id}/holds"
        hold = client.post(path, json={"reason": "zaak 18", "ends_at": until}).json()
        for reason in ("geseponeerd", "nogmaals"):
            lifted = client.post(f"/holds/{hold['id']}/lift", json={"reason": reason})
            assert lifted.json()["release_reason"] == "geseponeerd"
        assert client.get("/holds").json() == []
    with service.database.reading() as session:
        query = select(AuditEntry).where(AuditEntry.object_id == str(incident_id))
        rows = session.scalars(query.order_by(AuditEntry.id)).all()
    told = [(one.what, one.why) for one in rows if one.what.startswith("hold.")]
    assert told == [("hold.place", "zaak 18"), ("hold.lift", "geseponeerd")]


def test_a_key_without_the_right_gets_nothing(service: Service, package: dict[str, Any]) -> None:
    others = set(Scope) - {Scope.EXPORT, Scope.HOLD}
    key = create_key(service.database, "others", others, at=datetime.now(UTC))
    id_ = package["id"]
    with service.client(key) as client:
        answers = [
            client.get(f"/evidence/{id_}"),
            client.get(f"/evidence/{id_}/links"),
            client.post(f"/evidence/{id_}/links", json={"for_whom": "Ik"}),
            client.delete(f"/evidence/links/{id_}"),
            client.get("/holds"),
            client.post(f"/holds/{id_}/lift", json={"reason": "zomaar"}),
        ]
    assert [one.status_code for one in answers] == [403] * 6


def test_the_commands_do_the_same(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    incident_id = incident_of(service, service.stored())
    monkeypatch.setenv("PARKWACHT_LANGUAGE", "en")
    monkeypatch.setenv("PARKWACHT_STATE_DIR", str(service.settings.state_dir))
    monkeypatch.setenv("COLUMNS", "300")
    with service.database.reading() as session:
        number = session.get_one(Incident, incident_id).number
    run, out = CliRunner().invoke, tmp_path / "out.zip"
    ground = ["--for", "Recherche", "--reason", "inbraak", "--legal-basis", "aangifte"]
    done = run(app, ["evidence", "make", str(number), str(out), *ground, "--legal-number", "12"])
    assert done.exit_code == 0, done.output
    assert run(app, ["evidence", "verify", str(out)]).exit_code == 0
    package_id = done.output.split("package ")[1].split(",")[0]
    linked = run(app, ["evidence", "link", package_id, "--for", "Recherche"])
    assert linked.exit_code == 0, linked.output
    assert "/evidence/" in linked.output
    held = run(app, ["hold", "place", str(number), "--reason", "zaak", "--until", "2099-01-31"])
    assert held.exit_code == 0, held.output
    assert str(incident_id) in run(app, ["hold", "list"]).output
    hold_id = held.output.split()[1].rstrip(".")
    assert run(app, ["hold", "lift", hold_id, "--reason", "klaar"]).exit_code == 0
    # What is missing or wrong is said, not thrown about.
    for wrong in (
        ["evidence", "make", "9999", str(out), *ground, "--legal-number", "12"],
        ["evidence", "make", str(number), str(out), *ground],
        ["hold", "place", str(number), "--reason", "x", "--until", "2099-01-31"],
    ):
        failed = run(app, wrong)
        assert failed.exit_code != 0
        assert isinstance(failed.exception, ParkwachtError), wrong
