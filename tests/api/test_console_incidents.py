"""The pages of incidents, figures and shifts, as a person with each right sees them."""

import hashlib
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import httpx
from api_harness import Service, make_trouble
from console_pages import VERDICT, check, csrf_of
from evidence_builders import ASKED, made
from shapely.geometry import Point

from parkwacht_api.console.park_map import build_map
from parkwacht_api.retention import delete_old_media
from parkwacht_api.roles import Role


def first_incident(client: httpx.Client) -> str:
    found = re.search(r'href="(/incidents/[0-9a-f-]+)"', check(client.get("/")))
    assert found is not None
    return found[1]


def version_of(page: str) -> str:
    found = re.search(r'name="version" value="([0-9]+)"', page)
    assert found is not None
    return found[1]


def send(client: httpx.Client, path: str, act: str, **fields: Any) -> httpx.Response:
    """Fill in a form of the page as it stands now."""
    page = check(client.get(path))
    given = {"csrf": csrf_of(page), "version": version_of(page)}
    return client.post(f"{path}/{act}", data=given | fields)


def test_an_incident_is_handled_from_its_page(service: Service) -> None:
    service.stored()
    with service.browser(Role.SECURITY_OPERATOR) as client:
        path = first_incident(client)
        assert send(client, path, "close", reason="klaar").status_code == 422  # not judged
        assert send(client, path, "acknowledge").status_code == 303
        assert send(client, path, "note", text="surveillant onderweg").status_code == 303
        assert send(client, path, "note", text="x").status_code == 422
        assert send(client, path, "outcome", outcome="gone").status_code == 303
        assert send(client, path, "nonsense").status_code == 404
        false = {"verdict": "dismissed", "reason": "een kat"}
        assert send(client, path, "verdict", **false).status_code == 422  # of which cause?
        assert send(client, path, "verdict", **false, cause="animal").status_code == 303
        assert send(client, path, "close", reason="klaar").status_code == 303
        page = check(client.get(path))
        for word in ("surveillant onderweg", "Vals alarm", "dier", "Opgepakt door", "Heropen"):
            assert word in page
        assert send(client, path, "reopen", reason="toch niet").status_code == 303
        stale = {"csrf": csrf_of(page), "version": "1", "text": "te laat"}
        assert client.post(f"{path}/note", data=stale).status_code == 412
        assert client.post(f"{path}/note", data=stale | {"csrf": "x"}).status_code == 403
        english = check(client.get(path, params={"lang": "en"}))
        assert "False alarm" in english


def test_a_wrong_form_comes_back_as_it_was_filled_in(service: Service) -> None:
    service.stored()
    with service.browser(Role.SECURITY_OPERATOR) as client:
        path = first_incident(client)
        page = check(client.get(path))
        given = VERDICT | {"csrf": csrf_of(page), "legal_basis": "vordering"}
        again = check(client.post(f"{path}/verdict", data=given), 422)
        assert VERDICT["reason"] in again
        assert f'href="{path}?lang=en"' in again  # the language links lead back to the page
        assert client.post(f"{path}/verdict", data=given | {"legal_number": "7"}).is_redirect


def test_the_list_shows_the_open_ones_first(service: Service) -> None:
    service.stored()
    with service.client(service.worker_key) as client:
        trouble = make_trouble().model_dump(mode="json")
        assert client.post("/camera-troubles", json=trouble).status_code == 201
    with service.browser(Role.SECURITY_OPERATOR) as client:
        page = check(client.get("/"))
        assert "Nu open" in page
        assert "Eerder" not in page
        assert "Storing van een camera: verdraaid" in page
        assert "Ontvanger meldkamer: wordt verstuurd" in page
        only = check(client.get("/?kind=camera_trouble"))
        assert "<strong>binnendringen" not in only
        path = first_incident(client)
        assert send(client, path, "close", reason="verholpen").status_code in {303, 422}
        trouble_path = re.findall(r'href="(/incidents/[0-9a-f-]+)"', only)[0]
        assert send(client, trouble_path, "close", reason="verholpen").status_code == 303
        assert "Eerder" in check(client.get("/"))
        check(client.get("/?cursor=nonsense"), 422)


def test_a_reader_sees_no_forms_and_a_partner_only_its_own(service: Service) -> None:
    service.stored()
    with service.browser(Role.REVIEWER) as client:
        page = check(client.get(first_incident(client)))
        assert "<form" in page  # logging out
        assert "/verdict" not in page
        assert "/close" not in page
        assert "/evidence" not in page
        assert "/holds" not in page
        assert client.get("/handovers").status_code == 403
    with service.browser(Role.POLICE_READER, receiver_id="politie") as client:
        assert "Geen incidenten" in check(client.get("/"))


def fill_in(client: httpx.Client, path: str, form: str, **fields: str) -> httpx.Response:
    """Fill in a form of evidence: refused without the page's token, taken with it."""
    assert client.post(form, data=fields | {"csrf": "x"}).status_code == 403
    return client.post(form, data=fields | {"csrf": csrf_of(check(client.get(path)))})


def actions(page: str, path: str, last: str) -> list[str]:
    """Return where the forms of evidence of a page lead to."""
    return re.findall(rf'action="({path}/[a-z0-9/-]+/{last})"', page)


def test_a_package_is_made_and_fetched_on_the_page(service: Service) -> None:
    service.stored()
    with service.browser(Role.SECURITY_OPERATOR) as client:
        path = first_incident(client)
        assert "Nog geen pakket gemaakt" in check(client.get(path))
        wrong = check(
            fill_in(client, path, f"{path}/evidence", **ASKED | {"legal_number": ""}), 422
        )
        assert "bij een vordering of aangifte het nummer" in wrong
        assert f'value="{ASKED["reason"]}"' in wrong  # as it was filled in
        assert f'href="{path}?lang=en"' in wrong
        answer = fill_in(client, path, f"{path}/evidence", **ASKED)
        assert (answer.status_code, answer.headers["location"]) == (303, f"{path}#evidence")
        page = check(client.get(path))
        for told in (*ASKED.values(), "J. de Vries", "Pakket ophalen"):
            assert told in page
        (fetch,) = re.findall(rf'href="({path}/evidence/[0-9a-f-]+)"', page)
        file = client.get(fetch).content
    with service.client(service.operator_key) as machine:
        assert machine.get(f"/evidence/{fetch.rsplit('/', 1)[1]}").content == file
    assert hashlib.sha256(file).hexdigest() in page


def test_a_link_is_shown_once_opens_without_a_login_and_is_withdrawn(service: Service) -> None:
    service.stored()
    with service.browser(Role.SECURITY_OPERATOR) as client, service.browser() as nobody:
        path = first_incident(client)
        package = made(service, UUID(path.rsplit("/", 1)[1]))
        form = f"{path}/evidence/{package['id']}/links"
        never = fill_in(client, path, form, for_whom="Brigadier Jansen", hours="0")
        assert "hoeveel uur" in check(never, 422)
        page = check(fill_in(client, path, form, for_whom="Brigadier Jansen", hours="24"))
        assert f'href="{path}?lang=en"' in page
        (link,) = re.findall(r"https?://[^/]+(/evidence/[\w-]+)</code>", page)
        with service.client(service.operator_key) as machine:
            (told,) = machine.get(f"/evidence/{package['id']}/links").json()
        expires_at = datetime.fromisoformat(told["expires_at"])
        assert expires_at - datetime.fromisoformat(told["created_at"]) == timedelta(hours=24)
        site_clock = f"{expires_at.astimezone(ZoneInfo(service.site.timezone)):%d-%m-%Y %H:%M:%S}"
        assert f"Geldig tot {site_clock}" in page
        page = check(client.get(path))
        assert link not in page
        assert f'geldig <span class="quiet">tot {site_clock}' in page
        assert package["sha256"] in check(nobody.get(link))
        file = nobody.get(f"{link}/download").content
        assert hashlib.sha256(file).hexdigest() == package["sha256"]
        (withdraw,) = actions(page, path, "withdraw")
        assert fill_in(client, path, withdraw).status_code == 303
        assert nobody.get(link).status_code == 404
        assert "withdrawn" in check(client.get(path, params={"lang": "en"}))


def test_a_hold_placed_on_the_page_keeps_until_it_is_lifted(service: Service) -> None:
    service.stored()
    media, later = service.settings.media_dir, datetime.now(UTC) + timedelta(days=29)

    def deleted() -> int:
        # A day after the 28 that images are kept.
        return delete_old_media(service.database, service.site, media, at=later)

    with service.browser(Role.SECURITY_OPERATOR) as client:
        path = first_incident(client)
        for day in ("2020-01-31", "31 januari", ""):
            wrong = fill_in(client, path, f"{path}/holds", reason="zaak 17", ends_on=day)
            assert 'role="alert"' in check(wrong, 422)
            assert 'value="zaak 17"' in wrong.text
        placed = fill_in(client, path, f"{path}/holds", reason="zaak 17", ends_on="2099-01-31")
        assert placed.headers["location"] == f"{path}#evidence"
        page = check(client.get(path))
        for told in ("Alles wordt bewaard", "tot 31-01-2099", "zaak 17"):
            assert told in page
        with service.client(service.operator_key) as machine:
            (hold,) = machine.get("/holds").json()
        # The day ends at the park an hour before it ends in UTC, in winter.
        assert datetime.fromisoformat(hold["ends_at"]) == datetime(
            2099, 1, 31, 22, 59, 59, tzinfo=UTC
        )
        assert deleted() == 0
        (lift,) = actions(page, path, "lift")
        assert fill_in(client, path, lift, reason="x").status_code == 422
        assert fill_in(client, path, lift, reason="geseponeerd").status_code == 303
        page = check(client.get(path, params={"lang": "en"}))
        assert "Lifted by J. de Vries: geseponeerd" in page
        assert deleted() == 1


def test_the_police_make_their_own_packages_and_see_no_others(service: Service) -> None:
    service.stored()
    with service.browser(Role.SECURITY_OPERATOR) as client:
        path = first_incident(client)
        verdict = {name: value for name, value in VERDICT.items() if name != "version"}
        assert send(client, path, "verdict", **verdict).status_code == 303
    incident_id = UUID(path.rsplit("/", 1)[1])
    ours = made(service, incident_id)
    with service.browser(Role.POLICE_READER, receiver_id="politie") as client:
        page = check(client.get(path))
        # That of the hand-over, which nobody looked at yet, and not that of the park.
        assert "bij de eerste blik op de koppeling" in page
        assert ASKED["for_whom"] not in page
        assert "/holds" not in page
        assert client.get(f"{path}/evidence/{ours['id']}").status_code == 404
        form = f"{path}/evidence/{ours['id']}/links"
        assert fill_in(client, path, form, for_whom="Ik zelf", hours="1").status_code == 404
        assert fill_in(client, path, f"{path}/evidence", **ASKED).status_code == 303
        page = check(client.get(path))
        (fetch,) = re.findall(rf'href="({path}/evidence/[0-9a-f-]+)"', page)
        assert client.get(fetch).headers["content-type"] == "application/zip"


def test_the_working_group_lands_on_its_figures(service: Service) -> None:
    service.stored()
    with service.browser(Role.WORKING_GROUP) as client:
        assert client.get("/").headers["location"] == "/statistics"
        page = check(client.get("/statistics?since=2026-11-16&until=2026-11-23"))
        assert "2026-W47" in page
        assert "<img" not in page
        check(client.get("/statistics?since=nonsense"))
        check(client.get("/statistics?since=2026-11-16&until=2026-11-16"), 422)


def test_a_shift_changes_hands_on_its_page(service: Service) -> None:
    service.stored()
    with service.browser(Role.SECURITY_OPERATOR) as client:
        page = check(client.get("/handovers"))
        form = {"csrf": csrf_of(page), "to_person": "B. Bakker", "note": "hek staat open"}
        assert client.post("/handovers", data=form | {"to_person": ""}).status_code == 422
        assert client.post("/handovers", data=form).status_code == 303
        page = check(client.get("/handovers"))
        assert "hek staat open" in page
        assert "Ik neem over" not in page  # not from oneself
        with service.browser() as other:
            cookie = service.log_in(Role.SECURITY_OPERATOR, person="B. Bakker")
            other.cookies.set("parkwacht_session", cookie)
            page = check(other.get("/handovers"))
            path = re.findall(r'action="(/handovers/[0-9]+/accept)"', page)[0]
            assert other.post(path, data={"csrf": csrf_of(page)}).status_code == 303
            assert "Overgenomen" in check(other.get("/handovers"))


def test_the_map_holds_the_camera_and_the_place(service: Service) -> None:
    camera = service.site.cameras[0]
    for dx_m, dy_m in ((0, 200), (200, 0), (5, 5)):
        place = {"x_m": camera.x_m + dx_m, "y_m": camera.y_m + dy_m}
        drawn = build_map(service.site, camera.id, {"position": place}, None)
        x, y, width, height = (float(one) for one in drawn.view_box.split())
        for at in (drawn.camera, drawn.position):
            assert at is not None
            point = Point(at)
            assert x < point.x < x + width
            assert y < point.y < y + height
