"""A REST catalog whose silence has an end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyiceberg.catalog.rest import RestCatalog
from requests.adapters import HTTPAdapter

if TYPE_CHECKING:
    from requests import PreparedRequest, Response, Session

_CONNECT, _ANSWER = 10.0, 60.0


class PatientCatalog(RestCatalog):
    """The library's catalog, which by itself waits for an answer without end."""

    def _config_headers(self, session: Session) -> None:
        # Called for each session before its first request, which is the one for a token.
        super()._config_headers(session)
        for scheme in ("http://", "https://"):
            session.mount(scheme, _Patient())


class _Patient(HTTPAdapter):
    def send(self, request: PreparedRequest, *args: Any, **options: Any) -> Response:
        """Send a request, and wait for the answer for a minute unless it is said otherwise."""
        options["timeout"] = options.get("timeout") or (_CONNECT, _ANSWER)
        return super().send(request, *args, **options)
