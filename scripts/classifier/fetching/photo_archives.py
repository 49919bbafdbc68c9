"""Turns published photo collections into folders of labels."""

from collections.abc import Callable, Sequence
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
    used: Sequence[Path] = (),
) -> Path:
    """Makes `destination` the folder of labels. The archive lies beside it until all photos are there.

    `arrange` sorts the unpacked photos into folders of labels, if the archive has none. The files `used` for that are
    deleted with the archive.
    """
    archives.check_free(destination)
    archive = downloads.fetch(
        photos.url,
        _archive_of(photos, destination),
        sha256=photos.sha256,
        size=photos.size,
        patience=patience,
        show=show_download,
    )
    return archives.extract(
        archive, destination, top=photos.top, show=show_unpacking, arrange=arrange, used=[archive, *used]
    )


def tidy(photos: PhotoArchive, destination: Path, used: Sequence[Path] = ()) -> None:
    """Deletes what `fetch` left if it was killed once all photos were there."""
    archives.tidy(archives.unfinished_of(destination), [_archive_of(photos, destination), *used])


def _archive_of(photos: PhotoArchive, destination: Path) -> Path:
    return destination.with_name(destination.name + "".join(Path(photos.url).suffixes[-1:]))
