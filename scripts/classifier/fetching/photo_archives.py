"""Turns published photo collections into folders of labels."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..showing import Show, nowhere
from . import archives, downloads


@dataclass(frozen=True)
class PhotoArchive:
    url: str
    size: int
    sha256: str
    top: str  # the folder in the archive that holds the labels


FLOWER_PHOTOS = PhotoArchive(
    url="http://download.tensorflow.org/example_images/flower_photos.tgz",
    size=228_813_984,
    sha256="4c54ace7911aaffe13a365c34f650e71dd5bf1be0a58b464e5a7183e3e595d9c",
    top="flower_photos",
)


def fetch(
    photos: PhotoArchive,
    destination: Path,
    *,
    patience: downloads.Patience | None = None,
    show_download: Show = nowhere,
    show_unpacking: Show = nowhere,
    arrange: Callable[[Path], None] | None = None,
) -> Path:
    """Makes `destination` the folder of labels. The archive lies beside it until all photos are there.

    `arrange` sorts the unpacked photos into folders of labels, if the archive has none.
    """
    archives.check_free(destination)
    suffix = "".join(Path(photos.url).suffixes[-1:])
    archive = downloads.fetch(
        photos.url,
        destination.with_name(destination.name + suffix),
        sha256=photos.sha256,
        size=photos.size,
        patience=patience,
        show=show_download,
    )
    archives.extract(archive, destination, top=photos.top, show=show_unpacking, arrange=arrange)
    archive.unlink(missing_ok=True)
    return destination
