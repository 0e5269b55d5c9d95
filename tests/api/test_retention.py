from datetime import UTC, datetime, timedelta

from api_harness import Service, make_ending

from parkwacht_api.retention import delete_old_media


def test_images_go_after_their_time_and_the_rows_stay(any_service: Service) -> None:
    event = any_service.stored()
    any_service.put_ending(make_ending(event))
    folder, now = any_service.settings.media_dir, datetime.now(UTC)

    def run(days: float) -> int:
        at = now + timedelta(days=days)
        return delete_old_media(any_service.database, any_service.site, folder, at=at)

    assert any_service.site.retention.images_days == 28
    assert run(27.9) == 0
    assert run(28.1) == 2
    assert run(28.2) == 0
    assert [one for one in folder.rglob("*") if one.is_file()] == []
    with any_service.client(any_service.operator_key) as client:
        detail = client.get(f"/events/{event.id}").json()
        gone = client.get(f"/events/{event.id}/snapshot")
    assert [one["is_deleted"] for one in detail["media"]] == [True, True]
    assert gone.status_code == 410
    assert gone.json()["type"] == "urn:parkwacht:problem:media-gone"
