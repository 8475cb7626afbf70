"""Channels: how a message reaches people, by the type of the connection that is named."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_ml_provider.domain.errors import ConfigurationError, UnknownConnectionError
from airflow_ml_provider.notifications.incident import Message

if TYPE_CHECKING:
    from airflow.sdk import Connection


def send(conn_id: str, message: Message) -> None:
    """
    Send ``message`` to the channel behind the connection ``conn_id``.

    :raises UnknownConnectionError: when Airflow does not know it, or it is no channel.
    :raises ConfigurationError: when its provider is not installed or a setting is missing.
    """
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        connection = BaseHook.get_connection(conn_id)
    except AirflowNotFoundException as error:
        msg = f"Airflow knows no connection {conn_id!r}, which 'alert' names."
        raise UnknownConnectionError(msg) from error
    channel = _CHANNELS.get(connection.conn_type or "")
    if channel is None:
        msg = (
            f"Connection {conn_id!r} is of type {connection.conn_type!r}, which is no channel for "
            f"alerts. Name one of type {', '.join(sorted(_CHANNELS))}."
        )
        raise UnknownConnectionError(msg)
    try:
        channel(connection, message)
    except ImportError as error:
        msg = (
            f"Connection {conn_id!r} needs the Airflow provider of {connection.conn_type!r}, which "
            f"is not installed ({error})."
        )
        raise ConfigurationError(msg) from error


def _slack_webhook(connection: Connection, message: Message) -> None:
    hook = _provider("slack.hooks.slack_webhook").SlackWebhookHook
    hook(slack_webhook_conn_id=connection.conn_id).send(text=message.text)


def _slack(connection: Connection, message: Message) -> None:
    hook = _provider("slack.hooks.slack").SlackHook
    body = {"channel": _setting(connection, "channel", "#ml-alerts"), "text": message.text}
    hook(slack_conn_id=connection.conn_id).call("chat.postMessage", json=body)


def _smtp(connection: Connection, message: Message) -> None:
    from html import escape

    to = _setting(connection, "to", "ml-team@example.com")
    with _provider("smtp.hooks.smtp").SmtpHook(smtp_conn_id=connection.conn_id) as hook:
        hook.send_email_smtp(
            to=to,
            subject=message.subject,
            html_content=f"<pre>{escape(message.text)}</pre>",
            from_email=connection.extra_dejson.get("from_email") or connection.login,
        )


def _apprise(connection: Connection, message: Message) -> None:
    hook = _provider("apprise.hooks.apprise").AppriseHook
    hook(apprise_conn_id=connection.conn_id).notify(title=message.subject, body=message.text)


def _file(connection: Connection, message: Message) -> None:
    path = Path(_setting(connection, "path", "/var/log/ml-alerts.log"))
    now = datetime.now(UTC)  # noqa: TID251  the moment at which it is told
    with path.open("a") as file:
        file.write(f"{now:%Y-%m-%d %H:%M:%S} UTC {message.subject}\n{message.text}\n\n")


def _provider(module: str) -> Any:
    return import_module(f"airflow.providers.{module}")


def _setting(connection: Connection, name: str, example: str) -> str:
    value = connection.extra_dejson.get(name)
    if not value:
        msg = (
            f"Connection {connection.conn_id!r} does not say where alerts go. Add the extra "
            f'{{"{name}": "{example}"}}.'
        )
        raise ConfigurationError(msg)
    return str(value)


_CHANNELS: dict[str, Callable[[Connection, Message], None]] = {
    "apprise": _apprise,
    "fs": _file,
    "slack": _slack,
    "slackwebhook": _slack_webhook,
    "smtp": _smtp,
}
