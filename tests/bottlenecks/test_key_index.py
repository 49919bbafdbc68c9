"""The index that finds a key among millions."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from scripts.classifier.bottlenecks import key_index
from scripts.classifier.bottlenecks.key_index import NOWHERE, KeyIndex, as_array


def key(first: int, second: int) -> bytes:
    """Keys with the same `first` have the same hash and differ only in their second half."""
    mixed = first ^ (second * int(key_index._SPREAD)) % 2**64
    return mixed.to_bytes(8, "little") + second.to_bytes(8, "little")


keys = st.builds(key, st.sampled_from([0, 1, 2**64 - 1]), st.integers(0, 4))
changes = st.one_of(
    st.tuples(st.just("note"), st.lists(st.tuples(keys, st.integers(0, 5)), max_size=8)),
    st.tuples(st.just("forget"), st.tuples(keys, st.integers(0, 5))),
)


@pytest.mark.parametrize("most_waiting", [0, 3, 1000])
@settings(max_examples=50)
@given(st.lists(changes, max_size=12))
def test_a_key_is_found_where_it_was_noted(most_waiting, made):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(key_index, "_MOST_WAITING", most_waiting)
        patch.setattr(key_index, "_KEYS_AT_ONCE", 2)
        index, places = KeyIndex(), {}
        for kind, what in made:
            if kind == "forget":
                index.forget(*what)
                places.get(what[0], set()).discard(what[1])
            else:
                index.note(as_array(each for each, _ in what), np.array([place for _, place in what], np.int64))
                for each, place in what:
                    places.setdefault(each, set()).add(place)
            asked = [key(first, second) for first in (0, 1, 2**64 - 1) for second in range(5)]
            found = index.find(as_array(asked)).tolist()
            for each, place in zip(asked, found, strict=True):
                assert place in (places.get(each) or {NOWHERE})
