"""Takes one file out of a published archive."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

from ..errors import UserError, in_short
from ..fetching import archives


def read_member(archive: Path, wanted: str) -> bytes:
    try:
        with archive.open("rb") as file, archives.opened_tar(file, archive.stat().st_size) as (tar, _):
            for member in tar:
                plain = member.isfile() and not member.issparse()
                if plain and member.name.removeprefix("./") == wanted and (content := tar.extractfile(member)):
                    whole = io.BytesIO()
                    shutil.copyfileobj(content, whole, archives.CHUNK)
                    return whole.getvalue()
    except (*archives.DAMAGE, OSError) as error:
        raise UserError(
            f"{archive} is not a sound .tgz archive ({in_short(error)}): delete it to download it again"
        ) from None
    raise UserError(f"{archive} does not hold {wanted}: delete it to download it again")
