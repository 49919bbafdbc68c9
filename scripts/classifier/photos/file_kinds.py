"""Tells kinds of files by their first bytes: the pictures that are read, and what else lies among pictures.

This is the one list of the formats that Poets reads. Everything else asks here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import ModuleType

# Imported so that all are registered before several threads decode at once.
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    IcoImagePlugin,
    Jpeg2KImagePlugin,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    PpmImagePlugin,
    PsdImagePlugin,
    QoiImagePlugin,
    TgaImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from ..fetching import git_lfs
from .wording import NO_IMAGE

# What has to be read of a file to tell what it is: a drawing's name may come late.
SNIFFED_BYTES = 4096


@dataclass(frozen=True)
class Readable:
    """A format that Poets reads."""

    name: str  # Pillow's
    endings: str
    media_type: str
    begins: bytes  # a regular expression, as in all tables here
    plugins: tuple[ModuleType, ...]


READABLE = (
    # Some phones write JPEG files of several pictures, which Pillow opens as JPEG and turns into MPO.
    Readable("JPEG", ".jpg .jpeg .jpe .jfif .mpo", "image/jpeg", rb"\xff\xd8\xff", (JpegImagePlugin, MpoImagePlugin)),
    Readable("PNG", ".png .apng", "image/png", rb"\x89PNG\r\n\x1a\n", (PngImagePlugin,)),
    Readable("GIF", ".gif", "image/gif", rb"GIF8[79]a", (GifImagePlugin,)),
    Readable("BMP", ".bmp", "image/bmp", rb"BM.{12}[\x0c\x10\x28\x34\x38\x40\x6c\x7c]\0", (BmpImagePlugin,)),
    Readable("WEBP", ".webp", "image/webp", rb"RIFF....WEBP", (WebPImagePlugin,)),
    # A file for both kinds of programs (mif1, msf1) names its own kind after that.
    Readable(
        "AVIF", ".avif", "image/avif", rb"....ftyp(avi[fs]|m(if|sf)1....(....){0,15}?avi[fs])", (AvifImagePlugin,)
    ),
    # Not Pillow's: it has a decoder of its own.
    Readable("HEIF", ".heic .heif .hif", "image/heic", rb"....ftyp(hei[cfmsx]|hev[cmsx]|m(if[12]|sf1))", ()),
    Readable(
        "TIFF",
        ".tif .tiff .dng",
        "image/tiff",
        rb"II[*+]\0(?!....CR)|MM\0[*+]|MM[*]\0|II\0[*]",
        (TiffImagePlugin,),
    ),
    Readable(
        "JPEG2000",
        ".jp2 .j2k .jpf .jpx .j2c .jpc",
        "image/jp2",
        rb"\xff\x4f\xff\x51|\0\0\0\x0cjP  \r\n\x87\n",
        (Jpeg2KImagePlugin,),
    ),
    Readable("PPM", ".pbm .pgm .ppm .pnm .pfm", "image/x-portable-anymap", rb"P[1-6f]\s", (PpmImagePlugin,)),
    Readable("PSD", ".psd", "image/vnd.adobe.photoshop", rb"8BPS", (PsdImagePlugin,)),
    Readable("QOI", ".qoi", "image/qoi", rb"qoif", (QoiImagePlugin,)),
    Readable("ICO", ".ico", "image/vnd.microsoft.icon", rb"\0\0\x01\0[^\0]\0", (IcoImagePlugin,)),
    # No signature: the values that its header may have stand in for one.
    Readable(
        "TGA",
        ".tga .icb .vda .vst",
        "image/x-tga",
        rb".(\0[\x02\x03\n\x0b]\0{5}|\x01[\x01\x02\t\n]....[\x0f\x10\x18\x20])....(?!\0\0)..(?!\0\0)..[\x01\x08\x10\x18\x20][\0-\x3f]",
        (TgaImagePlugin,),
    ),
)


@dataclass(frozen=True)
class Other:
    """A kind of file that Poets does not read."""

    name: str
    to_do: str
    begins: bytes
    is_picture: bool = True


_SAVE, _EXPORT = "save it as JPEG or PNG", "export it as PNG"
_DEVELOP = "develop it into a JPEG with the camera's program"
_FRAMES, _UNPACK = "save frames of it as JPEG", "unpack it"

_OTHERS = (
    Other("a JPEG XL picture", _SAVE, rb"\xff\x0a|\0\0\0\x0cJXL "),
    Other("a JPEG XR picture", _SAVE, rb"II\xbc"),
    Other("a raw file of a Canon camera (CR2)", _DEVELOP, rb"II\*\0....CR"),
    Other("a raw file of a Canon camera (CR3)", _DEVELOP, rb"....ftypcrx"),
    Other("a raw file of a Canon camera (CRW)", _DEVELOP, rb"II....HEAPCCDR"),
    Other("a raw file of a Fujifilm camera (RAF)", _DEVELOP, rb"FUJIFILMCCD-RAW"),
    Other("a raw file of a Panasonic camera (RW2)", _DEVELOP, rb"IIU\0"),
    Other("a raw file of an Olympus camera (ORF)", _DEVELOP, rb"IIR[OS]|MMOR"),
    Other("a raw file of a Minolta camera (MRW)", _DEVELOP, rb"\0MRM"),
    Other("a raw file of a Sigma camera (X3F)", _DEVELOP, rb"FOVb"),
    Other("a DDS picture", _SAVE, rb"DDS "),
    Other("an SGI picture", _SAVE, rb"\x01\xda[\0\x01][\x01\x02]"),
    Other("a PCX picture", _SAVE, rb"\x0a[\0\x02-\x05][\0\x01][\x01\x02\x04\x08]"),
    Other("a DCX picture", _SAVE, rb"\xb1\x68\xde\x3a"),
    Other("an ICNS icon", _SAVE, rb"icns"),
    Other("a Windows cursor", _SAVE, rb"\0\0\x02\0[^\0]\0"),
    Other("a GIMP picture (XCF)", _SAVE, rb"gimp xcf"),
    Other("an OpenEXR picture", _SAVE, rb"\x76\x2f\x31\x01"),
    Other("a Radiance picture (HDR)", _SAVE, rb"#\?R(ADIANCE|GBE)"),
    Other("a FITS picture", _SAVE, rb"SIMPLE  ="),
    Other("a DICOM picture", _SAVE, rb".{128}DICM"),
    Other("a PAM picture", _SAVE, rb"P7\s"),
    Other("a PFM picture in colour", _SAVE, rb"PF\s"),
    Other("an XPM picture", _SAVE, rb"/\* XPM \*/"),
    Other("an XBM picture", _SAVE, rb"#define \S+_width"),
    Other("a BLP picture", _SAVE, rb"BLP[12]"),
    Other("a BPG picture", _SAVE, rb"BPG\xfb"),
    Other("a FLIF picture", _SAVE, rb"FLIF"),
    Other("a Farbfeld picture", _SAVE, rb"farbfeld"),
    Other("a Sun raster picture", _SAVE, rb"\x59\xa6\x6a\x95"),
    Other("an MSP picture", _SAVE, rb"DanM|LinS"),
    Other("a FLIC animation", _SAVE, rb"....[\x11\x12]\xaf"),
    Other("an MNG animation", _SAVE, rb"\x8a[MJ]NG\r\n"),
    Other("a KTX texture", _SAVE, rb"\xabKTX"),
    Other("a WMF drawing", _EXPORT, rb"\xd7\xcd\xc6\x9a"),
    Other("an EMF drawing", _EXPORT, rb"\x01\0\0\0.{36} EMF"),
    Other("an EPS drawing", _EXPORT, rb"%!PS|\xc5\xd0\xd3\xc6"),
    Other("a PDF document", "export its pages as JPEG", rb"%PDF", False),
    Other("a DjVu document", "export its pages as JPEG", rb"AT&TFORM", False),
    Other("a video", _FRAMES, rb"....(ftyp|moov|mdat|wide|skip)|RIFF....AVI |\0\0\x01[\xb3\xba]", False),
    Other("a video", _FRAMES, rb"\x1a\x45\xdf\xa3|\x30\x26\xb2\x75\x8e\x66\xcf\x11|FLV\x01", False),
    Other("an Office document", "save its pictures", rb"PK\x03\x04.{0,200}?(\[Content_Types\]|mimetypeapp)", False),
    Other("an Office document", "save its pictures", rb"\xd0\xcf\x11\xe0\xa1\xb1", False),
    Other("an archive", _UNPACK, rb"PK\x03\x04|Rar!|7z\xbc\xaf|\x1f\x8b|BZh|\xfd7zXZ|.{257}ustar", False),
)
# Text, behind a mark of its encoding and spaces. Capital letters are small here.
_MARKUP = (
    Other("an SVG drawing", _EXPORT, rb"(<\?xml|<!--|<!doctype svg).*<svg[\s>]|<svg[\s>]", False),
    Other("a web page", "save the picture itself", rb"(<!--.*?-->\s*)?<(!doctype html|html|head|body|script)", False),
    Other("a web page", "save the picture itself", rb"<\?xml.*<html", False),
    Other("an XML file", "", rb"<\?xml", False),
)
_ENCODINGS = {b"\xef\xbb\xbf": "utf-8", b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}


def endings() -> set[str]:
    """How the names of pictures that Poets reads end, in small letters."""
    return {ending for kind in READABLE for ending in kind.endings.split()}


def readable(head: bytes) -> Readable | None:
    """The format of a file that begins so."""
    return next((kind for kind in READABLE if _matches(kind.begins, head)), None)


def is_picture(head: bytes) -> bool:
    """True if the first SNIFFED_BYTES of a file are those of a picture, whether Poets reads it or not."""
    return readable(head) is not None or any(kind.is_picture and _matches(kind.begins, head) for kind in _OTHERS)


def why_not(data: bytes) -> str:
    """Why bytes that cannot be opened as a picture are none: what they are, and what to do."""
    if not data:
        return "empty file"
    head = data[:SNIFFED_BYTES]
    if git_lfs.is_pointer(head):
        return git_lfs.WORDS
    kind = next((kind for kind in _OTHERS if _matches(kind.begins, head)), None) or _markup(head)
    if kind is None:
        return NO_IMAGE if readable(head) is None else "damaged: it starts like an image, but its header makes no sense"
    return f"{kind.name}, which Poets does not read" + (f": {kind.to_do}" if kind.to_do else "")


def _markup(head: bytes) -> Other | None:
    mark = next((mark for mark in _ENCODINGS if head.startswith(mark)), b"")
    text = head[len(mark) :].decode(_ENCODINGS.get(mark, "latin-1"), "ignore").lstrip().lower().encode()
    return next((kind for kind in _MARKUP if _matches(kind.begins, text)), None)


def _matches(pattern: bytes, head: bytes) -> bool:
    return re.match(pattern, head, re.DOTALL) is not None
