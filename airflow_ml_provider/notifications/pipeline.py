"""The notifier of a pipeline: every failed task of a run, told once, with what mends it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseNotifier
from airflow.sdk.log import redact  # type: ignore[attr-defined]  # used, not exported

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_ml_provider.notifications.incident import Message

# A Dag file is given up after fifty seconds, and with it every callback that it still has.
_SECONDS = 40.0
_CHANNEL_SECONDS = 10.0


class PipelineNotifier(BaseNotifier):
    """
    Tells a failed run to its owner; meant for a Dag's ``on_failure_callback``.

    It lists every failed task, also one killed by a signal, with the cause that its last try left
    in the ledger. It is always logged as an error, and sent to each channel of ``alert``; a channel
    that fails, or has not answered after ten seconds, is logged and the next one is told. What
    cannot be found out in ten seconds is told as such. All of it ends after forty seconds.

    As the callback of a deadline it tells that a run is late.

    :param alert: connection ids of type slack, slackwebhook, smtp, apprise or fs (a file).
    :param store_conn_id: the connection of the pipeline's store; None is the embedded one.
    :param owner: who is named as the owner; None is the owner of the Dag.
    """

    def __init__(
        self,
        alert: Sequence[str] = (),
        *,
        store_conn_id: str | None = None,
        owner: str | None = None,
        context: Context | None = None,
    ) -> None:
        super().__init__(**({} if context is None else {"context": context}))
        self.alert = tuple(alert)
        self.store_conn_id = store_conn_id
        self.owner = owner

    def notify(self, context: Context) -> None:
        """Tell of the failed run that ``context`` describes."""
        from airflow_ml_provider.notifications.facts import incident_of
        from airflow_ml_provider.notifications.guard import (
            TimeIsUpError,
            answered_calls_only,
            within,
        )
        from airflow_ml_provider.notifications.incident import message_of

        try:
            with within(_SECONDS), answered_calls_only():
                self.tell(message_of(incident_of(context, self.owner, self.store_conn_id)))
        except TimeIsUpError:
            self.log.error("The alert was cut off after %.0f s.", _SECONDS)  # noqa: TRY400

    async def async_notify(self, context: Context) -> None:
        """Tell that the run of a deadline is late; a run that has failed is told by its Dag."""
        run: Any = context.get("dag_run") or {}
        if run.get("state") != "failed":
            import asyncio

            told = asyncio.to_thread(self.tell, self._late(run))
            await asyncio.wait_for(told, _CHANNEL_SECONDS)

    def tell(self, message: Message) -> None:
        """Log ``message`` and send it to every channel; known secrets are masked."""
        from airflow_ml_provider.domain.errors import MLProviderError
        from airflow_ml_provider.notifications.channel import send
        from airflow_ml_provider.notifications.guard import TimeIsUpError, within
        from airflow_ml_provider.notifications.incident import Message

        message = Message(str(redact(message.subject)), str(redact(message.text)))
        self.log.error("%s", message.text)
        for conn_id in self.alert:
            try:
                with within(_CHANNEL_SECONDS):
                    send(conn_id, message)
            except TimeIsUpError:
                self.log.error(  # noqa: TRY400
                    "The alert may not have reached %s: no answer within %.0f s.",
                    conn_id,
                    _CHANNEL_SECONDS,
                )
            except MLProviderError as error:
                self.log.error("The alert did not reach %s: %s", conn_id, error)  # noqa: TRY400
            except Exception:
                self.log.exception("The alert did not reach %s.", conn_id)

    def _late(self, run: dict[str, Any]) -> Message:
        from airflow_ml_provider.notifications.facts import base_url
        from airflow_ml_provider.notifications.incident import Incident, late_message_of

        return late_message_of(
            Incident(
                dag_id=str(run.get("dag_id")),
                run_id=str(run.get("dag_run_id")),
                partition_key=run.get("partition_key"),
                owner=self.owner or "nobody",
                reason="late",
                failed=(),
                base_url=base_url(),
            )
        )
