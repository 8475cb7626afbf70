"""Fingerprints: the same for the same, another for another."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from airflow_ml_provider.domain.fingerprint import fingerprint

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), plain))
def test_the_order_of_keys_never_matters(value):
    assert fingerprint(value) == fingerprint(dict(reversed(value.items())))


@given(plain, plain)
def test_different_values_differ(one, other):
    import json

    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert (fingerprint(one) == fingerprint(other)) is same


def test_a_value_without_stable_text_is_refused():
    with pytest.raises(TypeError, match="object is not plain data"):
        fingerprint({"model": object()})
