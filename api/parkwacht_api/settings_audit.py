"""
What a service was told, in the audit log: the park's file and who is told of what, when it changed.

A covenant may let the police be told at the flag; that choice stands here, with its instant.
"""

from datetime import datetime
from typing import Any

from parkwacht_api.audit import Act, Somebody, audit
from parkwacht_api.database import Database
from parkwacht_api.repository_access import AuditFilter, audit_page
from parkwacht_config.settings import Settings
from parkwacht_config.site import Site

WHAT = "settings.change"


def audit_settings(database: Database, site: Site, settings: Settings, *, at: datetime) -> None:
    """
    Write down what the service was told, unless it is what it was told last.

    Parameters
    ----------
    database
        Where the log is.
    site
        The park.
    settings
        What the process was told.
    at
        The present instant.
    """
    told: dict[str, Any] = {
        "site_sha256": site.digest,
        "forwarding": settings.forwarding,
        "images_days": site.retention.images_days,
        "release": {one.id: one.release.value for one in site.receivers},
        "trusted_proxies": [str(one) for one in settings.trusted_proxies],
        "client_certificate_header": settings.client_certificate_header,
    }
    with database.writing() as session:
        last, _ = audit_page(session, AuditFilter(what=WHAT), before_id=None, limit=1)
        if not last or last[0].details != told:
            act = Act(WHAT, "site", site.id, details=told)
            audit(session, Somebody("parkwacht"), act, at=at)
