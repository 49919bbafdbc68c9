"""Oxford's 102 flowers, here a few drawings, and the MATLAB files with their labels."""

import hashlib
import io
import json
import struct
import tarfile
import zlib

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as arrays
from scipy import io as matlab

from scripts.classifier.errors import UserError
from scripts.classifier.fetching import matlab_file, oxford_flowers, photo_archives
from scripts.classifier.photos import image_lists
from tests.support import file_server
from tests.support.file_server import File
from tests.support.workplace import draw_shape

LABELS = [77, 77, 1, 1, 102, 102, 77, 1]
SETS = {"trnid": [1, 3, 5], "valid": [2, 4, 6], "tstid": [7, 8]}


def packed(count: int) -> bytes:
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w:gz") as tar:
        for number in range(1, count + 1):
            picture = io.BytesIO()
            draw_shape("red", number, (40, 30)).save(picture, "JPEG")
            info = tarfile.TarInfo(f"jpg/image_{number:05d}.jpg")
            info.size = len(picture.getvalue())
            tar.addfile(info, io.BytesIO(picture.getvalue()))
    return whole.getvalue()


def mat(**named) -> bytes:
    file = io.BytesIO()
    matlab.savemat(file, {name: np.array([values]) for name, values in named.items()}, do_compression=True)
    return file.getvalue()


def sources(server, photos: bytes, labels: bytes, sets: bytes) -> oxford_flowers.Sources:
    urls = []
    for name, data in (("102flowers.tgz", photos), ("imagelabels.mat", labels), ("setid.mat", sets)):
        server.script(f"/{name}", File(data))
        urls.append((f"{server.address}/{name}", hashlib.sha256(data).hexdigest()))
    (url, sha256), *others = urls
    return oxford_flowers.Sources(
        photo_archives.PhotoArchive(url, len(photos), sha256, "jpg"),
        *(oxford_flowers.MatlabFile(*each) for each in others),
    )


@pytest.fixture
def server():
    with file_server.running() as server:
        yield server


def test_photos_keep_the_published_sets_and_names_are_written_beside_them(server, tmp_path):
    published = sources(server, packed(8), mat(labels=LABELS), mat(**SETS))
    oxford_flowers.fetch(tmp_path / "flowers", published)
    places = {path.relative_to(tmp_path / "flowers").as_posix() for path in tmp_path.glob("flowers/*/*/*.jpg")}
    assert places == {
        f"{folder}/{LABELS[number - 1]}/image_{number:05d}.jpg"
        for folder, name in (("train", "trnid"), ("valid", "valid"), ("test", "tstid"))
        for number in SETS[name]
    }
    names = json.loads((tmp_path / "flowers" / "cat_to_name.json").read_text())
    assert names == {"1": "pink primrose", "77": "passion flower", "102": "blackberry lily"}
    assert [path.name for path in tmp_path.iterdir()] == ["flowers"]
    lists = image_lists.scan(tmp_path / "flowers", 10, 10)
    assert lists.ready_made and [len(lists.of(split)) for split in image_lists.SPLITS] == [3, 3, 2]


MISMATCHES = {
    "a photo is missing": ((7, {"labels": LABELS}, SETS), "holds no image_00008.jpg"),
    "a label is missing": ((8, {"labels": LABELS[:7]}, SETS), "photo 8 has no label"),
    "an unknown label": ((8, {"labels": [*LABELS[:7], 103]}, SETS), "photo 8 has no label"),
    "other arrays": ((8, {"names": LABELS}, SETS), "holds names, expected labels"),
    "no sets": ((8, {"labels": LABELS}, {"trnid": [1]}), "holds trnid, expected valid"),
}


@pytest.mark.parametrize("case", MISMATCHES)
def test_files_that_do_not_belong_together_are_refused(server, tmp_path, case):
    (count, labels, sets), says = MISMATCHES[case]
    with pytest.raises(UserError, match=says):
        oxford_flowers.fetch(tmp_path / "flowers", sources(server, packed(count), mat(**labels), mat(**sets)))
    assert not (tmp_path / "flowers").exists()


@given(
    arrays.arrays(
        st.sampled_from(["u1", "i2", "i4", "u2", "f4", "f8"]),
        arrays.array_shapes(min_dims=2, max_dims=3),
        elements={"allow_nan": False},
    ),
    st.booleans(),
)
def test_arrays_are_read_as_scipy_wrote_them(tmp_path, values, compressed):
    path = tmp_path / "a.mat"
    matlab.savemat(path, {"words": "text", "values": values}, do_compression=compressed)
    read = matlab_file.read(path)
    assert list(read) == ["values"]
    np.testing.assert_array_equal(read["values"], values)


@given(st.data())
def test_a_damaged_file_is_a_user_error_or_gives_other_numbers(tmp_path, data):
    path, whole = tmp_path / "a.mat", bytearray(mat(labels=LABELS))
    at = data.draw(st.integers(0, len(whole) - 1))
    path.write_bytes(whole[:at] if data.draw(st.booleans()) else whole[:at] + b"\xff" + whole[at + 1 :])
    try:
        matlab_file.read(path)
    except UserError as error:
        assert str(path) in str(error) and "\n" not in str(error)


def compressed(data: bytes) -> bytes:
    packed = zlib.compress(data)
    return struct.pack("<II", 15, len(packed)) + packed


HEADER = b" " * 124 + struct.pack("<H", 0x100) + b"IM"
BOMBS = {
    "many small parts": compressed(bytes(20_000_000)),
    "many small parts, several times": compressed(bytes(9_000_000)) * 2,
    "packed": bytes(17_000_000),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_file_that_unpacks_to_more_than_lists_of_labels_need_is_refused(tmp_path, bomb):
    path = tmp_path / "a.mat"
    path.write_bytes(HEADER + BOMBS[bomb])
    with pytest.raises(UserError, match="it unpacks to more than 16 MB"):
        matlab_file.read(path)


def test_parts_packed_again_and_again_are_not_followed(tmp_path):
    """MATLAB packs once."""
    path, data = tmp_path / "a.mat", mat(labels=LABELS)[128:]
    for _ in range(1100):
        data = compressed(data)
    path.write_bytes(HEADER + data)
    assert matlab_file.read(path) == {}


def test_all_names_are_known():
    assert len(oxford_flowers.NAMES) == len(set(oxford_flowers.NAMES)) == 102
