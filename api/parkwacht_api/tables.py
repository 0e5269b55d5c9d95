"""Every table of the service: whoever needs them all imports them from here."""

from parkwacht_api import models_access as models_access  # noqa: PLC0414
from parkwacht_api import models_evidence as models_evidence  # noqa: PLC0414
from parkwacht_api import models_incidents as models_incidents  # noqa: PLC0414
from parkwacht_api.models import Base as Base  # noqa: PLC0414
