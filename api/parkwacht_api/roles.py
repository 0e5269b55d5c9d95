"""
What each kind of person and machine may do: a role is a set of scopes.

The scopes are what the routes ask for; the roles are what an administrator gives out. Which rows
an asker sees is not decided here but in the repository, by its receiver.
"""

from enum import StrEnum

from parkwacht_api.keys import Scope
from parkwacht_config.text import Text


class Role(StrEnum):
    """For whom an account or a key is made."""

    ADMINISTRATOR = "administrator"
    SECURITY_OPERATOR = "security_operator"
    POLICE_READER = "police_reader"
    REVIEWER = "reviewer"
    WORKING_GROUP = "working_group"
    PARTNER = "partner"
    CAMERA_WORKER = "camera_worker"


SCOPES_OF: dict[Role, frozenset[Scope]] = {
    # Everything but handing in events: that is a machine's work.
    Role.ADMINISTRATOR: frozenset(Scope) - {Scope.INGEST},
    Role.SECURITY_OPERATOR: frozenset(
        {
            Scope.READ,
            Scope.IMAGES,
            Scope.VERIFY,
            Scope.DELIVERIES,
            Scope.ACKNOWLEDGE,
            Scope.OPERATE,
            Scope.EXPORT,
            Scope.HOLD,
            Scope.STATISTICS,
        }
    ),
    Role.POLICE_READER: frozenset(
        {Scope.READ, Scope.IMAGES, Scope.DELIVERIES, Scope.ACKNOWLEDGE, Scope.EXPORT}
    ),
    # Looks over the shoulder of the others: sees all, changes nothing.
    Role.REVIEWER: frozenset(
        {Scope.READ, Scope.IMAGES, Scope.DELIVERIES, Scope.STATISTICS, Scope.AUDIT}
    ),
    Role.WORKING_GROUP: frozenset({Scope.STATISTICS}),
    Role.PARTNER: frozenset({Scope.READ, Scope.IMAGES, Scope.DELIVERIES, Scope.ACKNOWLEDGE}),
    Role.CAMERA_WORKER: frozenset({Scope.INGEST}),
}
# Who sees only what was released to one receiver of the park, and so needs one.
BOUND_TO_RECEIVER = frozenset({Role.POLICE_READER, Role.PARTNER})
# Who is a person with a password, and not a machine with a key.
PEOPLE = (
    Role.ADMINISTRATOR,
    Role.SECURITY_OPERATOR,
    Role.POLICE_READER,
    Role.REVIEWER,
    Role.WORKING_GROUP,
)
ROLE_NAMES: dict[Role, Text] = {
    Role.ADMINISTRATOR: Text(nl="beheerder", en="administrator"),
    Role.SECURITY_OPERATOR: Text(nl="centralist", en="security operator"),
    Role.POLICE_READER: Text(nl="politie", en="police reader"),
    Role.REVIEWER: Text(nl="toezichthouder", en="reviewer"),
    Role.WORKING_GROUP: Text(nl="werkgroep", en="working group"),
    Role.PARTNER: Text(nl="machine van een ontvanger", en="a receiver's machine"),
    Role.CAMERA_WORKER: Text(nl="camerawerker", en="camera worker"),
}
