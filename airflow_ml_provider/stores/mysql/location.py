"""Where a MySQL server is, and how it is reached: a URI, taken apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from airflow_ml_provider.domain.errors import ConfigurationError

# A dead network is noticed within a minute or so; milliseconds for the last one, as for PostgreSQL.
_LINK = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
_FILES = ("ssl_ca", "ssl_cert", "ssl_key")
_OTHERS = (*_FILES, "ssl_mode", "unix_socket")
PREFERRED = "preferred"
_MODES: dict[str, dict[str, Any]] = {
    "disabled": {"ssl_disabled": True},
    PREFERRED: {"ssl_disabled": True},  # until the server offers it; see the link
    "required": {"ssl": {"check_hostname": False}},
    "verify_ca": {"ssl_verify_cert": True},
    "verify_identity": {"ssl_verify_cert": True, "ssl_verify_identity": True},
}
_PORT = 3306
_EXAMPLE = "mysql://user:password@host:3306/database"


@dataclass(frozen=True, slots=True)
class MysqlLocation:
    """
    A database on a server.

    ``login`` are the driver's arguments; ``link`` says how long a silent network is waited for;
    ``encrypts`` is the mode in which the link is encrypted.
    """

    address: str
    database: str
    login: Mapping[str, Any] = field(repr=False)
    link: Mapping[str, int]
    encrypts: str

    @classmethod
    def parse(cls, text: str) -> MysqlLocation:
        """
        Read a URI such as ``mysql://user:secret@host:3306/database?ssl_mode=verify_ca``.

        :raises ConfigurationError: for an unknown parameter, or a URI that names no database.
        """
        uri = urlsplit(text)
        given = dict(parse_qsl(uri.query, keep_blank_values=True))
        database = unquote(uri.path.strip("/"))
        unknown = sorted(set(given) - {*_LINK, *_OTHERS})
        if uri.scheme != "mysql" or unknown or not database:
            wrong = f"it has no parameter {unknown[0]!r}" if unknown else "it names no database"
            msg = f"A MySQL store needs a URI like {_EXAMPLE}; {wrong} here."
            raise ConfigurationError(msg)
        mode = _mode(given)
        place = given.get("unix_socket") or f"{uri.hostname or 'localhost'}:{uri.port or _PORT}"
        login = {
            "user": unquote(uri.username or "") or None,
            "password": unquote(uri.password or ""),
            "host": uri.hostname or "localhost",
            "port": uri.port or _PORT,
            "unix_socket": given.get("unix_socket"),
            **_MODES[mode],
            **{name: given[name] for name in _FILES if name in given},
        }
        link = {name: int(given.get(name, default)) for name, default in _LINK.items()}
        return cls(f"mysql://{place}/{database}", database, login, link, mode)


def _mode(given: Mapping[str, str]) -> str:
    mode = given.get("ssl_mode", "verify_ca" if "ssl_ca" in given else PREFERRED).lower()
    if mode not in _MODES:
        msg = f"ssl_mode {mode!r} is unknown. Use one of {', '.join(_MODES)}."
        raise ConfigurationError(msg)
    return mode
