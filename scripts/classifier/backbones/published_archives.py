"""Takes one file out of a published archive."""

from __future__ import annotations

import tarfile
import zlib
from pathlib import Path

from ..errors import UserError


def read_member(archive: Path, wanted: str) -> bytes:
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                if member.isfile() and member.name.removeprefix("./") == wanted and (file := tar.extractfile(member)):
                    return file.read()
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise UserError(f"{archive} is not a sound .tgz archive ({error}): delete it to download it again") from None
    raise UserError(f"{archive} does not hold {wanted}: delete it to download it again")
