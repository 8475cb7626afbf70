"""From words to Dags: the only room that knows what the user wrote and what a task does."""

from __future__ import annotations
