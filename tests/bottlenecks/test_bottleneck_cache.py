"""The bottleneck cache: what was added is found again, whatever is damaged, killed or running at the same time."""

import multiprocessing
import os
import shutil
import signal
import time
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from scripts.classifier.bottlenecks import key_blocks
from scripts.classifier.bottlenecks.cache import BottleneckCache
from scripts.classifier.bottlenecks.key_blocks import KeyBlocks
from scripts.classifier.bottlenecks.key_index import as_array
from scripts.classifier.errors import UserError

SIZE = 7
RECORD_BYTES = 20 + 4 * SIZE


def key(number: int) -> bytes:
    return number.to_bytes(16, "big")


def vector(number: int) -> np.ndarray:
    return np.random.default_rng(number).random(SIZE, np.float32)


def fill(folder: Path, numbers, identity: str = "one") -> BottleneckCache:
    cache = BottleneckCache(folder, identity, SIZE)
    for number in numbers:
        if key(number) not in cache:
            cache.add([key(number)], vector(number)[None])
    return cache


def there(folder: Path, numbers, identity: str = "one") -> list[int]:
    """The numbers that a new reader finds, after checking their vectors."""
    cache = BottleneckCache(folder, identity, SIZE)
    found = [number for number in numbers if key(number) in cache]
    values = cache.vectors([key(number) for number in found]).take(np.arange(len(found)))
    assert all((row == vector(number)).all() for row, number in zip(values, found, strict=True))
    cache.close()
    return found


def parts(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.bottlenecks"))


MANY = 2 * key_blocks.ROWS + 100
SOME = [0, 1, 3, key_blocks.ROWS - 1, key_blocks.ROWS, 2 * key_blocks.ROWS, MANY - 1]


@pytest.fixture(scope="module")
def many(tmp_path_factory) -> Path:
    """A cache with two blocks of keys beside its part, for tests to copy."""
    folder = tmp_path_factory.mktemp("many")
    cache = BottleneckCache(folder, "one", SIZE)
    cache.add([key(number) for number in range(MANY)], np.stack([vector(number) for number in range(MANY)]))
    cache.close()
    assert_keys_are_kept(folder)
    return folder


def assert_keys_are_kept(folder: Path) -> None:
    """Checks that the keys of each part's records are beside it, one block of keys for each full block of records."""
    for part in parts(folder):
        content = part.read_bytes()
        keys = [content[at : at + 16] for at in range(0, len(content) // RECORD_BYTES * RECORD_BYTES, RECORD_BYTES)]
        blocks = KeyBlocks(part.with_suffix(".keys"), "one")
        for block in range(len(keys) // key_blocks.ROWS):
            of_block = keys[block * key_blocks.ROWS : (block + 1) * key_blocks.ROWS]
            assert (blocks.read(block) == as_array(of_block)).all()
        assert blocks.read(len(keys) // key_blocks.ROWS) is None
        blocks.close()


def test_what_was_added_is_found_again(tmp_path):
    fill(tmp_path / "cache", range(50)).close()
    fill(tmp_path / "cache", range(30, 80)).close()
    assert there(tmp_path / "cache", range(100)) == list(range(80))
    assert [path.stat().st_size for path in parts(tmp_path / "cache")] == [80 * RECORD_BYTES]


def test_a_run_can_read_what_it_added(tmp_path):
    cache = fill(tmp_path / "cache", range(20))
    cache.add([key(20), key(21)], np.stack([vector(20), vector(21)]))
    values = cache.vectors([key(21), key(3)]).take(np.array([1, 0, 1]))
    assert (values == np.stack([vector(3), vector(21), vector(3)])).all()
    assert cache.added == 22


def test_reading_writes_nothing(tmp_path):
    assert key(1) not in BottleneckCache(tmp_path / "cache", "one", SIZE)
    assert not (tmp_path / "cache").exists()


def test_records_of_another_identity_do_not_count(tmp_path):
    fill(tmp_path / "cache", range(5), identity="one").close()
    assert there(tmp_path / "cache", range(5), identity="two") == []


@settings(max_examples=60)
@given(st.data())
def test_damage_costs_only_the_records_it_hit(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("cache")
    fill(folder, range(12)).close()
    (part,) = parts(folder)
    content = bytearray(part.read_bytes())
    hit = data.draw(st.sets(st.integers(0, len(content) - 1), min_size=1, max_size=5))
    for at in hit:
        content[at] ^= data.draw(st.integers(1, 255))
    part.write_bytes(content)
    damaged = {at // RECORD_BYTES for at in hit}
    assert there(folder, range(12)) == [number for number in range(12) if number not in damaged]
    fill(folder, range(12)).close()
    assert there(folder, range(12)) == list(range(12))


@pytest.mark.parametrize("turned, into", [(3, 2), (3, 7)], ids=["an earlier record's", "a later record's"])
def test_a_key_that_turns_into_another_costs_only_its_own_record(tmp_path, turned, into):
    fill(tmp_path, range(12)).close()
    (part,) = parts(tmp_path)
    content = bytearray(part.read_bytes())
    content[turned * RECORD_BYTES : turned * RECORD_BYTES + 16] = key(into)
    part.write_bytes(content)
    assert there(tmp_path, range(12)) == [number for number in range(12) if number != turned]


def test_damaged_places_are_reused(tmp_path):
    fill(tmp_path, range(12)).close()
    (part,) = parts(tmp_path)
    content = bytearray(part.read_bytes())
    content[3 * RECORD_BYTES + 25] ^= 1
    part.write_bytes(content)
    cache = fill(tmp_path, range(12))
    assert cache.damaged == 1 and cache.added == 1
    cache.close()
    assert part.stat().st_size == 12 * RECORD_BYTES
    assert fill(tmp_path, range(12)).damaged == 0


@given(st.integers(0, 12 * RECORD_BYTES))
def test_a_file_cut_anywhere_keeps_what_comes_before(tmp_path_factory, length):
    folder = tmp_path_factory.mktemp("cache")
    fill(folder, range(12)).close()
    (part,) = parts(folder)
    part.write_bytes(part.read_bytes()[:length])
    assert there(folder, range(12)) == list(range(length // RECORD_BYTES))
    fill(folder, range(12)).close()
    assert there(folder, range(12)) == list(range(12))


def test_a_cache_without_keys_beside_its_parts_is_read_and_gets_them(tmp_path, many):
    shutil.copytree(many, tmp_path / "cache")
    (tmp_path / "cache" / "part-0000.keys").unlink()
    assert there(tmp_path / "cache", range(MANY)) == list(range(MANY))
    assert_keys_are_kept(tmp_path / "cache")


@settings(max_examples=40)
@given(st.data())
def test_damaged_keys_beside_a_part_are_rebuilt(tmp_path_factory, many, data):
    folder = tmp_path_factory.mktemp("cache") / "many"
    shutil.copytree(many, folder)
    content = bytearray((folder / "part-0000.keys").read_bytes())
    for at in data.draw(st.sets(st.integers(0, len(content) - 1), max_size=3)):
        content[at] ^= data.draw(st.integers(1, 255))
    (folder / "part-0000.keys").write_bytes(content[: data.draw(st.integers(0, len(content)))])
    assert there(folder, SOME) == SOME
    assert_keys_are_kept(folder)


def test_a_record_takes_precedence_over_its_key_beside_the_part(tmp_path, many):
    shutil.copytree(many, tmp_path / "cache")
    blocks = KeyBlocks(tmp_path / "cache" / "part-0000.keys", "one")
    keys = blocks.read(0).copy()
    keys[3] = as_array([key(9999)])
    blocks.write(0, keys)
    blocks.close()
    fill(tmp_path / "cache", [9999]).close()
    cache = BottleneckCache(tmp_path / "cache", "one", SIZE)
    assert key(9999) in cache and cache.damaged == 0
    cache.close()
    (part,) = parts(tmp_path / "cache")
    assert part.stat().st_size == (MANY + 1) * RECORD_BYTES
    (tmp_path / "cache" / "part-0000.keys").unlink()
    assert there(tmp_path / "cache", [*range(MANY), 9999]) == [*range(MANY), 9999]


def test_keys_of_a_deleted_part_are_not_used_for_its_successor(tmp_path, many):
    shutil.copytree(many, tmp_path / "cache")
    (tmp_path / "cache" / "part-0000.bottlenecks").unlink()
    cache = BottleneckCache(tmp_path / "cache", "one", SIZE)
    others = range(MANY, 2 * MANY)
    cache.add([key(number) for number in others], np.stack([vector(number) for number in others]))
    cache.close()
    assert there(tmp_path / "cache", range(2 * MANY)) == list(others)
    assert_keys_are_kept(tmp_path / "cache")


def unchecked(folder: Path) -> BottleneckCache:
    """Opens a cache as if it were large: records are checked when they are read."""
    return BottleneckCache(folder, "one", SIZE, most_checked_at_look_up=0)


def assert_right_unless_refused(folder: Path, numbers) -> bool:
    """Reads everything twice; returns whether all of it was sound."""
    cache = unchecked(folder)
    found = [number for number, is_there in zip(numbers, cache.present(map(key, numbers)), strict=True) if is_there]
    try:
        vectors = cache.vectors(map(key, found)).at(np.arange(len(found))[::-1])
        values = [vectors.take(np.arange(len(found))) for _ in range(2)]
    except UserError as error:
        assert "run again to recompute what is damaged" in str(error)
        return False
    finally:
        cache.close()
    right = np.stack([vector(number) for number in reversed(found)]) if found else np.empty((0, SIZE))
    assert all((each == right).all() for each in values)
    return True


@settings(max_examples=40)
@given(st.data())
def test_a_large_cache_refuses_damage_and_has_it_recomputed(tmp_path_factory, many, data):
    folder = tmp_path_factory.mktemp("cache") / "many"
    shutil.copytree(many, folder)
    (part,) = parts(folder)
    content = bytearray(part.read_bytes())
    rows = data.draw(st.sets(st.sampled_from(SOME), min_size=1, max_size=4))
    for row in rows:
        content[row * RECORD_BYTES + data.draw(st.integers(0, RECORD_BYTES - 1))] ^= data.draw(st.integers(1, 255))
    part.write_bytes(content)
    if not assert_right_unless_refused(folder, SOME):
        assert assert_right_unless_refused(folder, SOME)
    cache = unchecked(folder)
    lost = [number for number in SOME if key(number) not in cache]
    assert lost == sorted(rows)
    cache.add([key(number) for number in lost], np.stack([vector(number) for number in lost]))
    cache.close()
    assert there(folder, SOME) == SOME


def test_damaged_notes_on_suspects_are_passed_over(tmp_path):
    fill(tmp_path, range(3)).close()
    (tmp_path / "part-0000.suspects").write_bytes(b"\xff\xfe\0\n1\n" + b"9" * 5000 + "\n٣\n-1\n".encode())
    assert there(tmp_path, range(3)) == [0, 1, 2]


def test_two_runs_at_once_write_to_different_parts(tmp_path):
    first = fill(tmp_path, range(10))
    second = fill(tmp_path, range(5, 15))
    first.add([key(20)], vector(20)[None])
    second.add([key(21)], vector(21)[None])
    first.close()
    second.close()
    assert len(parts(tmp_path)) == 2
    assert there(tmp_path, range(30)) == [*range(15), 20, 21]
    assert assert_right_unless_refused(tmp_path, range(30))
    fill(tmp_path, range(30)).close()
    assert len(parts(tmp_path)) == 2


def test_a_run_that_takes_over_a_part_sees_what_the_other_appended(tmp_path):
    early = BottleneckCache(tmp_path, "one", SIZE)
    early.add([key(0)], vector(0)[None])
    late = BottleneckCache(tmp_path, "one", SIZE)
    early.add([key(1)], vector(1)[None])
    early.close()
    late.add([key(2)], vector(2)[None])
    assert all(key(number) in late for number in range(3))
    late.close()
    assert there(tmp_path, range(3)) == [0, 1, 2]


def test_additions_by_other_runs_are_seen_after_a_refresh(tmp_path):
    reader, first, second = (BottleneckCache(tmp_path, "one", SIZE) for _ in range(3))

    def seen() -> list[int]:
        reader.refresh()
        found = [number for number in range(20) if key(number) in reader]
        values = reader.vectors([key(number) for number in found]).take(np.arange(len(found)))
        assert all((row == vector(number)).all() for row, number in zip(values, found, strict=True))
        return found

    assert seen() == []
    first.add([key(0)], vector(0)[None])
    assert key(0) not in reader and seen() == [0]
    first.add([key(1), key(2)], np.stack([vector(1), vector(2)]))
    second.add([key(3)], vector(3)[None])
    assert seen() == [0, 1, 2, 3] and len(parts(tmp_path)) == 2
    first.close()
    reader.add([key(4)], vector(4)[None])  # to the part that the first reader has closed
    second.add([key(5)], vector(5)[None])
    reader.add([key(6)], vector(6)[None])
    assert seen() == [0, 1, 2, 3, 4, 5, 6] and reader.added == 2 and len(parts(tmp_path)) == 2


def test_additions_are_seen_even_after_vectors_were_read(tmp_path):
    reader, writer = (BottleneckCache(tmp_path, "one", SIZE) for _ in range(2))
    writer.add([key(0)], vector(0)[None])
    reader.refresh()
    writer.add([key(1)], vector(1)[None])
    reader.vectors([key(0)])
    reader.refresh()
    assert key(1) in reader


def test_repairs_by_another_run_are_seen_and_not_overwritten(tmp_path):
    fill(tmp_path, range(6)).close()
    (part,) = parts(tmp_path)
    content = bytearray(part.read_bytes())
    for row in (2, 4):
        content[row * RECORD_BYTES + 25] ^= 1
    part.write_bytes(content)
    early, late = (BottleneckCache(tmp_path, "one", SIZE) for _ in range(2))
    assert [number for number in range(6) if key(number) not in early] == [2, 4]
    assert [number for number in range(6) if key(number) not in late] == [2, 4]
    early.add([key(4)], vector(4)[None])
    late.refresh()
    assert key(4) in late and key(2) not in late
    early.add([key(2)], vector(2)[None])
    early.close()
    late.add([key(7)], vector(7)[None])  # to the same part, which it still believes to be damaged
    late.close()
    assert there(tmp_path, range(8)) == [0, 1, 2, 3, 4, 5, 7]


def _write_forever(folder: str, at_once: int) -> None:
    cache = BottleneckCache(Path(folder), "one", SIZE)
    number = 0
    while True:
        numbers = range(number, number + at_once)
        cache.add([key(number) for number in numbers], np.stack([vector(number) for number in numbers]))
        number += at_once


@pytest.mark.parametrize("at_once", [1, 150])
def test_killed_writers_lose_nothing_that_was_added(tmp_path, at_once):
    context = multiprocessing.get_context("spawn")
    each = 100 * at_once if at_once == 1 else key_blocks.ROWS
    for _ in range(3 if at_once == 1 else 2):
        writer = context.Process(target=_write_forever, args=(str(tmp_path), at_once))
        writer.start()
        size_before = sum(path.stat().st_size for path in parts(tmp_path))
        while sum(path.stat().st_size for path in parts(tmp_path)) < size_before + each * RECORD_BYTES:
            time.sleep(0.01)
        os.kill(writer.pid, signal.SIGKILL)
        writer.join()
    records = parts(tmp_path)[0].stat().st_size // RECORD_BYTES
    assert len(parts(tmp_path)) == 1 and records >= 2 * each
    found = there(tmp_path, range(records))
    assert found == list(range(len(found))) and len(found) >= each
    assert_keys_are_kept(tmp_path)


def test_reading_a_lot_takes_little_memory(tmp_path):
    import resource

    size, count = 2048, 30_000  # 246 MB
    cache = BottleneckCache(tmp_path, "one", size)
    block = np.random.default_rng(0).random((500, size), np.float32)
    for start in range(0, count, 500):
        cache.add([key(number) for number in range(start, start + 500)], block)
    vectors = cache.vectors([key(number) for number in range(count)])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    random = np.random.default_rng(1)
    for _ in range(600):
        rows = random.integers(0, count, 100)
        assert (vectors.take(rows)[:, 5] == block[rows % 500, 5]).all()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 120_000  # kB
    cache.close()
