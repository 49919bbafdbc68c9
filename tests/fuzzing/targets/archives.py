"""Archives of photos and networks: tar, tar.gz and zip."""

from __future__ import annotations

import gzip
import io
import random
import tarfile
import zipfile
from pathlib import Path

from scripts.classifier.backbones import published_archives
from scripts.classifier.errors import UserError
from scripts.classifier.fetching import archives

from ..structured import within_gzip, zip_headers, zip_members, zipped
from ..target import Files, Target

_WANTED = "photos/red/a.jpg"
_BLOCK = tarfile.BLOCKSIZE
_FIELDS = {  # of a tar's header: offset and length
    **{"name": (0, 100), "mode": (100, 8), "size": (124, 12), "time": (136, 12), "kind": (156, 1)},
    **{"link": (157, 100), "magic": (257, 8), "prefix": (345, 155), "sparse": (386, 97), "real size": (483, 12)},
}
_TEXTS = (b"", b"..", b"/etc/x", b"../x", b"a/../../b", b"\xff\xfe", b"a\nb", b"\x1b[31m", b"a" * 100, b"0" * 12)
_NUMBERS = (
    b"77777777777\0",
    b"00000000000\0",
    b"-1\0",
    b"\x80" + b"\xff" * 11,
    b"\xff" * 12,
    b"\x80" + bytes(10) + b"9",
)
_KINDS = b"\0" + b"0123456789LKSxgXDNVM\xff"


def _tar(format: int, **more: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=format) as tar:
        tar.addfile(_member("photos", tarfile.DIRTYPE))
        contents = {_WANTED: b"picture one", "photos/blue/é.jpg": b"picture two" * 100, "photos/empty": b"", **more}
        for name, content in contents.items():
            member = _member(name, tarfile.REGTYPE)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return file.getvalue()


def _member(name: str, kind: bytes, link: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, link
    return member


def _samples() -> list[Files]:
    long = {f"photos/{'long' * 60}/a.jpg": b"deep"}
    tars = [_tar(tarfile.USTAR_FORMAT), _tar(tarfile.GNU_FORMAT, **long), _tar(tarfile.PAX_FORMAT, **long)]
    method = zipfile.ZIP_DEFLATED
    members = [("photos/", b"", 0), (_WANTED, b"picture one", 0), ("photos/blue/é.jpg", b"picture two" * 100, method)]
    # A plain tar is padded to 10 kB, most of which would be damaged to no effect.
    made = [tars[0][: _BLOCK * 12], *tars[1:], *(gzip.compress(each, mtime=0) for each in tars), zipped(members)]
    return [{"archive": data} for data in made]


def _odd() -> list[Files]:
    """Links, devices and sparse files, all of which are refused."""
    made = []
    for kind, link in ((tarfile.SYMTYPE, "../x"), (tarfile.LNKTYPE, _WANTED), (tarfile.CHRTYPE, ""), (b"S", "")):
        file = io.BytesIO()
        with tarfile.open(fileobj=file, mode="w") as tar:
            tar.addfile(_member("photos", tarfile.DIRTYPE))
            tar.addfile(_member("photos/a", kind, link))
        made.append(file.getvalue())
    pax = io.BytesIO()
    with tarfile.open(fileobj=pax, mode="w", format=tarfile.PAX_FORMAT) as tar:
        member = _member("photos/sparse", tarfile.REGTYPE)
        member.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "99999"}
        member.size = len(data := b"1\n0\n11\n".ljust(_BLOCK, b"\0") + b"picture one")
        tar.addfile(member, io.BytesIO(data))
    return [{"archive": data} for data in [*made, pax.getvalue()]]


def _read(folder: Path) -> None:
    archive = folder / "archive"
    archives.extract(archive, folder / "out", top="photos")
    if archive.read_bytes()[:2] != b"PK":
        published_archives.read_member(archive, _WANTED)


def _read_member_too(folder: Path) -> None:
    """Networks are read straight from archives: also those that cannot be unpacked."""
    try:
        _read(folder)
    except UserError:
        if (folder / "archive").read_bytes()[:2] != b"PK":
            published_archives.read_member(folder / "archive", _WANTED)
        raise


def _tar_header(data: bytes, chance: random.Random) -> bytes | None:
    """A field changed, with the checksum that fits."""
    starts = [at for at in range(0, len(data) - _BLOCK + 1, _BLOCK) if data[at + 257 : at + 262] == b"ustar"]
    if not starts:
        return None
    at = chance.choice(starts)
    header = bytearray(data[at : at + _BLOCK])
    for _ in range(chance.choice([1, 1, 2, 4])):
        field, (start, length) = chance.choice(list(_FIELDS.items()))
        if field == "kind":
            header[start] = chance.choice(_KINDS)
            continue
        numeric = field in ("mode", "size", "time", "real size")
        value = chance.choice(_NUMBERS if numeric or chance.random() < 0.2 else _TEXTS)
        header[start : start + length] = value[:length].ljust(length, b"\0")
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return data[:at] + bytes(header) + data[at + _BLOCK :]


def _tar_blocks(data: bytes, chance: random.Random) -> bytes | None:
    """Blocks doubled, moved or left out."""
    blocks = [data[at : at + _BLOCK] for at in range(0, len(data), _BLOCK)]
    if len(blocks) < 2 or data[257:262] != b"ustar":
        return None
    at = chance.randrange(len(blocks))
    if (done := chance.choice(["double", "move", "leave out", "repeat"])) == "leave out":
        del blocks[at]
    elif done == "move":
        blocks.insert(chance.randrange(len(blocks)), blocks.pop(at))
    else:
        blocks[at:at] = blocks[at : at + chance.choice([1, 3])] * (1 if done == "double" else 300)
    return b"".join(blocks)


def _pax_words(data: bytes, chance: random.Random) -> bytes | None:
    """A long name or an attribute changed in place: tar has no checksum over them."""
    found = [at for mark in (b"path=", b"size=", b"long", b"mtime=", b"GNU.sparse") if (at := data.find(mark)) >= 0]
    if not found:
        return None
    at = max(0, chance.choice(found) + chance.randrange(-6, 24))
    written = chance.choice([b"0", b"-", b"9" * 8, b"\n", b"\0", b"=", b"..", b"/", b"\xff", b"99999 "])
    return data[:at] + written + data[at + len(written) :]


_TAR = (_tar_header, _tar_header, _tar_blocks, _pax_words)

TARGET = Target(
    "archives",
    _samples,
    _read_member_too,
    inputs=1500,
    own=(*_TAR, within_gzip(_TAR), within_gzip(_TAR), zip_members(), zip_headers),
    odd=_odd,
)
