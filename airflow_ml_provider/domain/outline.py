"""An outline: what a Dag has to know of a pipeline, and the way to the whole of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar, cast

if TYPE_CHECKING:
    from airflow_ml_provider.domain.pipeline import BatchPrediction, FeatureView, TrainedModel
    from airflow_ml_provider.domain.window import Calendar

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Outline(Generic[T_co]):
    """
    A pipeline that is made when a task needs it: a Dag file makes many, and none of them runs there.

    It has the name and the calendar of the pipeline, which is all that the shape of a Dag shows.
    ``kind`` names its class in :mod:`airflow_ml_provider.domain.pipeline`, and ``text`` is its
    plain data as JSON.
    """

    __slots__ = ("calendar", "kind", "name", "text")

    def __init__(self, kind: str, name: str, calendar: Calendar, text: str) -> None:
        self.kind = kind
        self.name = name
        self.calendar = calendar
        self.text = text

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"Outline({self.kind} {self.name})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Outline):
            return NotImplemented
        return (self.kind, self.text) == (other.kind, other.text)

    def __hash__(self) -> int:
        return hash((self.kind, self.text))

    @classmethod
    def of(cls, pipeline: FeatureView | TrainedModel | BatchPrediction) -> Outline[T_co]:
        """Return the outline of ``pipeline``."""
        return cls(type(pipeline).__name__, pipeline.name, pipeline.calendar, plain_text(pipeline))

    def whole(self) -> T_co:
        """Return the pipeline, made by its own constructor."""
        import json

        from airflow_ml_provider.domain import pipeline
        from airflow_ml_provider.domain.plain import from_plain

        kinds = {
            each.__name__: each
            for each in (pipeline.FeatureView, pipeline.TrainedModel, pipeline.BatchPrediction)
        }
        return cast("T_co", from_plain(kinds[self.kind], json.loads(self.text)))


def plain_text(pipeline: FeatureView | TrainedModel | BatchPrediction) -> str:
    """Return the plain data of ``pipeline`` as JSON, which is what an outline keeps."""
    import json

    from airflow_ml_provider.domain.plain import to_plain

    return json.dumps(to_plain(pipeline), ensure_ascii=False, separators=(",", ":"))


def whole(given: T | Outline[T]) -> T:
    """Return the pipeline itself, whether it was given as such or in outline."""
    return given.whole() if isinstance(given, Outline) else given
