"""Files of a directory, or of several, by their URL."""

from asterion._core.fallthrough import FallThrough
from asterion.staticfiles._app import NotModifiedResponse, StaticFiles
from asterion.staticfiles._places import PathLike, StaticFilesConfigurationError

__all__ = ["FallThrough", "NotModifiedResponse", "PathLike", "StaticFiles", "StaticFilesConfigurationError"]
