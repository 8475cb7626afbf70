"""Where lakes are: read from a text, and never told with a secret."""

from __future__ import annotations

import string
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from airflow_ml_provider.domain.errors import (
    ConfigurationError,
    MLProviderError,
    UnavailableError,
)
from airflow_ml_provider.domain.table import TableName
from airflow_ml_provider.stores.lake.location import LakeLocation
from airflow_ml_provider.stores.open import open_store
from tests.stores.world import day, put, readings, vouched

NAMES = st.text(min_size=1, max_size=200).filter(lambda name: "\0" not in name)
S3 = "s3://k%2Fey:s%40ecret@bucket/a/b?endpoint_url=http%3A%2F%2Fh%3A9000&region=eu-1"


def test_a_path_is_a_folder() -> None:
    place = LakeLocation.parse("here/lake")
    assert place.folder == Path("here/lake").absolute()
    assert place.of(TableName("raw", "flights")) == f"{Path.cwd()}/here/lake/raw/flights"
    assert place.of(TableName(None, "flights")).endswith("/lake/main/flights")


def test_a_uri_carries_what_an_object_store_needs() -> None:
    place = LakeLocation.parse(S3)
    assert (place.root, place.folder) == ("s3://bucket/a/b", None)
    assert place.of(TableName("raw", "flights")) == "s3://bucket/a/b/raw/flights"
    assert place.storage_options() == {
        "aws_access_key_id": "k/ey",
        "aws_secret_access_key": "s@ecret",
        "aws_endpoint_url": "http://h:9000",
        "aws_region": "eu-1",
        "aws_allow_http": "true",
    }
    assert "secret" not in repr(place)


def test_a_ledger_and_a_stage_may_be_named() -> None:
    text = "file:///data/my%20lake?ledger_kind=postgres&ledger_location=postgresql%3A%2F%2Fu%3Ap%40h%2Fd&stage=/fast"
    place = LakeLocation.parse(text)
    assert place.folder == Path("/data/my lake")
    assert place.ledger == ("postgres", "postgresql://u:p@h/d")
    assert place.stage == Path("/fast")
    assert ":p@" not in repr(place)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("gs://bucket/a", "scheme 'gs'"),
        ("s3:///a", "scheme 's3'"),
        ("s3://bucket/a?colour=red", "parameter 'colour'"),
        ("/data/100%25", "Choose another folder"),
        ("s3://bucket/100%25", "Choose another folder"),
    ],
)
def test_a_location_that_cannot_be_is_refused(text: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        LakeLocation.parse(text)


@given(one=st.tuples(NAMES, NAMES), other=st.tuples(NAMES, NAMES))
def test_tables_of_different_names_never_share_a_folder(
    one: tuple[str, str], other: tuple[str, str]
) -> None:
    place = LakeLocation("/lake")
    folders = [place.of(TableName(*names)) for names in (one, other)]
    assert (folders[0] == folders[1]) == (one == other)
    for folder in folders:
        schema, name = folder.removeprefix("/lake/").split("/")
        for part in (schema, name):
            assert set(part) <= {*string.ascii_letters, *string.digits, "_", "-"}
            assert not part.startswith("_")
            assert len(part) < 255


@pytest.mark.parametrize("kind", ["delta", "parquet"])
@pytest.mark.parametrize("name", ["with space", "h#sh", "br[ack]et*", "ünï", "it's", "a&b=c"])
def test_a_lake_may_lie_in_a_folder_of_an_odd_name(tmp_path: Path, name: str, kind: str) -> None:
    with open_store(kind, str(tmp_path / name)) as store:
        put(store, day(5), readings(day(5), 3))
        put(store, day(5), readings(day(5), 2))
        vouched(store, day(5))
    assert list((tmp_path / name / "lab" / "readings").glob("part-*.parquet"))


def test_an_object_store_needs_a_ledger() -> None:
    with pytest.raises(ConfigurationError, match="ledger_conn_id"):
        open_store("delta", S3)


def test_a_ledger_has_to_be_a_database(tmp_path: Path) -> None:
    text = f"file://{tmp_path}?ledger_kind=memory&ledger_location=x"
    with pytest.raises(ConfigurationError, match="Name a SQL database"):
        open_store("delta", text)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UnavailableError, match="cannot be made"):
        open_store("delta", str(tmp_path / "file" / "lake"))


@pytest.mark.parametrize("kind", ["delta", "parquet"])
def test_a_store_that_does_not_answer_is_named_without_its_secrets(
    tmp_path: Path, kind: str
) -> None:
    location = (
        "s3://the-key:the-secret@bucket/a?endpoint_url=http%3A%2F%2F127.0.0.1%3A9&region=us-east-1"
        f"&ledger_kind=duckdb&ledger_location={tmp_path}/ledger.duckdb"
    )
    with open_store(kind, location) as store:
        with pytest.raises(MLProviderError) as caught:
            put(store, day(5), readings(day(5), 3))
        assert isinstance(caught.value, UnavailableError)
        assert "s3://bucket/a" in str(caught.value)
        for text in (store.address, str(caught.value)):
            assert "the-secret" not in text
            assert "the-key" not in text
