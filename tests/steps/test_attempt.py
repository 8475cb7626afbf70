from __future__ import annotations

import logging

import pytest

from airflow_ml_provider.domain.errors import (
    FailureClass,
    FencedError,
    QueryError,
    UnavailableError,
)
from airflow_ml_provider.domain.ledger import Owner
from airflow_ml_provider.steps.attempt import attempt, classify, message_of
from tests.steps.conftest import NOW

OWNER = Owner("dag", "run", "task", try_number=2)


def clock():
    return NOW


def noted(city):
    return city.store.ledger.attempts("dag", "run")[-1]


def test_a_try_that_ends_well_leaves_no_failure(city):
    with attempt(city.store.ledger, OWNER, "city.demand 2024-01-02", clock=clock):
        open_now = noted(city)
    assert open_now.ended_at is None
    assert (noted(city).ended_at, noted(city).failure_class) == (NOW, None)


def test_a_failure_is_noted_with_its_class_and_passes_through(city):
    with (
        pytest.raises(MemoryError),
        attempt(city.store.ledger, OWNER, "city.demand", clock=clock),
    ):
        raise MemoryError("3 GB asked")
    assert noted(city).failure_class == "RESOURCE"
    assert noted(city).message == "MemoryError: <n> asked"


def test_a_ledger_that_cannot_take_the_note_does_not_break_the_step(city, caplog):
    class Broken:
        def __getattr__(self, name):
            raise ConnectionError("gone")

    with caplog.at_level(logging.WARNING), attempt(Broken(), OWNER, "x", clock=clock):
        done = True
    assert done
    assert caplog.text.count("could not be noted") == 2


def test_a_store_that_is_down_ends_the_step_before_it_begins(city, caplog):
    class Down:
        def open_attempt(self, attempt):
            raise UnavailableError("no answer")

    with pytest.raises(UnavailableError), attempt(Down(), OWNER, "x", clock=clock):
        pytest.fail("the step began")
    assert caplog.text == ""


def test_a_store_that_goes_down_meanwhile_is_told_in_one_line(city, caplog):
    class Going:
        def open_attempt(self, attempt):
            pass

        def close_attempt(self, *end):
            raise UnavailableError("no answer")

    with attempt(Going(), OWNER, "x", clock=clock):
        pass
    assert [record.message for record in caplog.records] == [
        "The end of this try could not be noted in the ledger: no answer"
    ]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (UnavailableError("down"), FailureClass.TRANSIENT),
        (FencedError("newer"), FailureClass.CODE),
        (ConnectionResetError(), FailureClass.TRANSIENT),
        (TimeoutError(), FailureClass.TRANSIENT),
        (FileNotFoundError("model.bin"), FailureClass.CONFIG),
        (ZeroDivisionError(), FailureClass.CODE),
        (KeyboardInterrupt(), FailureClass.PREEMPTED),
    ],
)
def test_every_failure_has_a_class(error, expected):
    assert classify(error) is expected


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("could not convert string 'Ada Lovelace'"), "could not convert string <s>"),
        (KeyError("w-2026-01-02"), "KeyError: <s>"),
        (ValueError("row 1,234 of /data/users/ada.csv"), "row <n> of <path>"),
        (RuntimeError("at 0x7f3a since 2026-01-02T03:04:05"), "at <address> since <time>"),
        (QueryError("refused: null value\nDETAIL: Failing row contains (ada, 7)"), "null value"),
        (UnavailableError("postgresql://ml:hunter2@db/x is down"), "postgresql://***@db/x"),
        (UnavailableError("no answer, password=hunter2"), "password=***"),
    ],
)
def test_messages_keep_what_happened_and_drop_data_and_secrets(error, said):
    text = message_of(error)
    assert said in text
    assert not any(secret in text for secret in ("Ada", "ada", "hunter2"))


def test_the_same_fault_on_other_data_reads_the_same():
    assert message_of(ValueError("bad value 17 in 'a'")) == message_of(
        ValueError("bad value 2,900.5 in 'b'")
    )


def test_a_long_message_is_cut():
    assert len(message_of(UnavailableError("x" * 1000))) == 300
