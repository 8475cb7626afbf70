"""An incident: what is known of a run that failed, and the words in which it is told."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from urllib.parse import quote

_MAX_SENTENCE = 500
_MAX_LISTED = 20
_PASSWORD = re.compile(r"(?<=://)([^\s:/@]*):[^\s@]+@")

_CURES = {
    "TRANSIENT": "It may pass by itself: run it again.",
    "RESOURCE": "It needs more memory or smaller chunks (chunk_rows); then run it again.",
    "PREEMPTED": "The machine was taken away: run it again.",
    "DATA": "Mend the data or the check; running it again as it is gives the same answer.",
    "CODE": "Mend the function or the SQL; then run it again.",
    "killed": "A kill is most often a lack of memory: look at its size; then run it again.",
    "CONFIG": "Mend the connection, the installation or the YAML; then run it again.",
}


@dataclass(frozen=True, slots=True)
class FailedTask:
    """
    One failed task, and what its last try left in the ledger.

    ``killed``: it began and never said how it ended. ``sentence`` None: it left nothing.
    """

    task_id: str
    map_index: int = -1
    try_number: int | None = None
    failure_class: str | None = None
    sentence: str | None = None
    killed: bool = False

    @property
    def label(self) -> str:
        """The task, with its number when it is one of many."""
        return f"{self.task_id}[{self.map_index}]" if self.map_index >= 0 else self.task_id


@dataclass(frozen=True, slots=True)
class Incident:
    """A run that failed; ``note`` is what could not be found out, and why."""

    dag_id: str
    run_id: str
    partition_key: str | None
    owner: str
    reason: str
    failed: tuple[FailedTask, ...]
    not_run: tuple[str, ...] = ()
    base_url: str = ""
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """What a channel is given: one line, and the whole story."""

    subject: str
    text: str


def message_of(incident: Incident) -> Message:
    """Tell ``incident``: what failed and why, what did not run, where to look, what mends it."""
    lines = [f"{_headline(incident)} Owner: {incident.owner}.", ""]
    for task in incident.failed[:_MAX_LISTED]:
        lines += [f"- {_told(task)}", *_log(incident, task)]
    if len(incident.failed) > _MAX_LISTED:
        lines.append(f"- and {len(incident.failed) - _MAX_LISTED} more")
    if not incident.failed:
        lines.append(f"No task is marked failed; Airflow says: {incident.reason}.")
    if incident.not_run:
        lines.append(f"Not run because of it: {', '.join(incident.not_run)}.")
    if incident.note:
        lines.append(incident.note)
    lines += ["", *_repair(incident)]
    return Message(_clean(_subject(incident)), "\n".join(_clean(line) for line in lines).strip())


def late_message_of(incident: Incident) -> Message:
    """Tell that the run of ``incident`` has not finished by its deadline."""
    subject = f"{incident.dag_id} is late{_for(incident)}"
    lines = [f"{subject}: it has not finished by its deadline. Owner: {incident.owner}."]
    if incident.base_url:
        lines.append(f"Look at {_run_url(incident)}")
    return Message(_clean(subject), "\n".join(_clean(line) for line in lines))


def _subject(incident: Incident) -> str:
    first = incident.failed[0] if incident.failed else None
    more = f" and {len(incident.failed) - 1} more" if len(incident.failed) > 1 else ""
    what = f": {first.label} ({_class(first)}){more}" if first else ""
    return f"{incident.dag_id} failed{_for(incident)}{what}"


def _headline(incident: Incident) -> str:
    over = " It ran out of time." if incident.reason == "timed_out" else ""
    return f"{incident.dag_id} failed{_for(incident)}.{over}"


def _for(incident: Incident) -> str:
    return f" for partition {incident.partition_key}" if incident.partition_key else ""


def _class(task: FailedTask) -> str:
    return "killed" if task.killed else task.failure_class or "cause unknown"


def _told(task: FailedTask) -> str:
    nth = f", try {task.try_number}" if task.try_number else ""
    return f"{task.label} ({_class(task)}{nth}): {_sentence(task)}"


def _sentence(task: FailedTask) -> str:
    if task.killed:
        return "it began and never said how it ended: its process was killed."
    if task.sentence is None:
        return "it left no word in the ledger; its log tells more."
    first = " ".join(task.sentence.split())
    return first if len(first) <= _MAX_SENTENCE else f"{first[: _MAX_SENTENCE - 1]}…"


def _log(incident: Incident, task: FailedTask) -> list[str]:
    if not incident.base_url:
        return []
    mapped = f"/mapped/{task.map_index}" if task.map_index >= 0 else ""
    nth = f"?try_number={task.try_number}" if task.try_number else ""
    return [f"  Log: {_run_url(incident)}/tasks/{quote(task.task_id)}{mapped}{nth}"]


def _repair(incident: Incident) -> list[str]:
    classes = dict.fromkeys(_class(task) for task in incident.failed)
    cures = [_CURES[each] for each in classes if each in _CURES]
    what, only = ("the failed tasks", " --only-failed") if incident.failed else ("it", "")
    run = shlex.join(["--run-id", incident.run_id])
    lines = [*cures, f"Run {what} again (no harm is done by it):"]
    lines.append(f"  airflow dags clear {incident.dag_id} {run}{only} --yes")
    if incident.base_url:
        lines.append(f"  or with the button on {_run_url(incident)}")
    return lines


def _run_url(incident: Incident) -> str:
    base = incident.base_url.rstrip("/")
    return f"{base}/dags/{quote(incident.dag_id)}/runs/{quote(incident.run_id)}"


def _clean(text: str) -> str:
    return _PASSWORD.sub(r"\1:***@", text)
