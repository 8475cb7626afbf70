"""The URI of a PostgreSQL database, with a link that notices when the network is dead."""

from __future__ import annotations

from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from airflow_ml_provider.domain.errors import ConfigurationError

# A dead network is noticed within a minute or so.
_LINK = {
    "application_name": "ml",
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",
}


def linked(uri: str) -> tuple[str, str]:
    """
    Return the URI with settings of the link that it does not make itself, and its address.

    :raises ConfigurationError: for a URI that is not PostgreSQL's.
    """
    parts = urlsplit(uri)
    if parts.scheme not in {"postgresql", "postgres"}:
        msg = "A PostgreSQL store needs a URI like postgresql://user:password@host:5432/database."
        raise ConfigurationError(msg)
    given = dict(parse_qsl(parts.query, keep_blank_values=True))
    query = urlencode({**_LINK, **given}, quote_via=quote)
    place = parts.netloc.rpartition("@")[2] or given.get("host", "localhost")
    return urlunsplit(parts._replace(query=query)), f"postgresql://{place}{parts.path}"
