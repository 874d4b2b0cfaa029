# Managed by the template; updates merge into this file.
"""What is promised of the server, and from when on somebody is told: `objectives.yaml`."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from ..startup import ConfigurationError
from .instruments import Readings, observe_each

Share = Annotated[float, Field(gt=0, lt=1, strict=True)]
Amount = Annotated[float, Field(gt=0, lt=1e9, strict=True)]
STRICT = ConfigDict(extra="forbid", frozen=True)


class Latency(BaseModel, **STRICT):
    """The share of calls of tools that take at most so many seconds."""

    seconds: Amount = 1
    share: Share = 0.99


class Thresholds(BaseModel, **STRICT):
    """From when on an alert is raised."""

    saturation: Share = 0.8
    authentication_failures_per_minute: Amount = 30
    denied_administrative_calls: Amount = 5
    keys_age_seconds: Amount = 7_200
    upstream_failures: Share = 0.25
    event_loop_lag_seconds: Amount = 0.25
    memory: Share = 0.9
    certificate_days: Amount = 14
    restarts: Amount = 3
    tokens_growth: Amount = 3


class Objectives(BaseModel, **STRICT):
    """The parsed `objectives.yaml`; what it leaves out keeps its value here."""

    availability: Share = 0.999
    latency: Latency = Latency()
    thresholds: Thresholds = Thresholds()

    def readings(self) -> Readings:
        """Each value, by the name under which rules find it."""
        latency = {f"latency_{name}": value for name, value in self.latency}
        return {"availability": self.availability, **latency, **dict(self.thresholds)}


def find_objectives() -> Path:
    """Where `objectives.yaml` is: inside an installed package, or in a source checkout."""
    levels = Path(__file__).resolve().parents
    installed = levels[2] / "objectives.yaml"
    return installed if installed.exists() else levels[4] / "observability/objectives.yaml"


def load_objectives(path: Path) -> Objectives:
    """Read the objectives and tell the metrics; a file that is absent changes none, an invalid one raises `ConfigurationError`."""
    try:
        read = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8")) if path.exists() else None
        objectives = Objectives.model_validate({} if read is None else read)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "all of it"
        raise ConfigurationError(f"{path.name}: {place}: {first['msg']}.") from error
    except (OSError, YAMLError, ValueError) as error:
        raise ConfigurationError(f"{path.name} cannot be read: {' '.join(str(error).split())}.") from error
    observe_each("mcp.server.objective", "name", objectives.readings)
    return objectives
