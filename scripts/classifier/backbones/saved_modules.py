"""Loads modules of TensorFlow Hub, of both its formats, and other SavedModels."""

from __future__ import annotations

import hashlib
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UserError
from ..fetching import archives
from ..graphs import inlining
from ..graphs.frozen_graph import node_of
from ..graphs.saved_model_files import in_words, sizes_of
from . import frozen_backbones, kept_graphs
from .backbone import Backbone
from .choices import Choices
from .frozen_backbones import Frozen
from .sources import Source, digest

if TYPE_CHECKING:
    from tensorflow.core.framework.graph_pb2 import GraphDef
    from tensorflow.core.protobuf.meta_graph_pb2 import MetaGraphDef, SignatureDef

FILE = "saved_model.pb"

# What modules take by agreement: pixels of 0 to 1.
_MEAN, _STD = 0.0, 255.0

_SIGNATURES = ("image_feature_vector", "feature_vector", "bottlenecks", "default", "serving_default")
_OUTPUTS = ("default", "feature_vector", "bottlenecks", "bottleneck", "outputs", "output_0")
# Where modules of TensorFlow 1 say what size of pictures they were made for: in an attachment of that name.
_ATTACHMENTS, _IMAGE_INFO = "hub_module_attachments", b"image_module_info"


def is_handle(name: str) -> bool:
    return re.match(r"https?://", name) is not None


def source(handle: str) -> Source:
    """As TensorFlow Hub is asked for an archive of the module."""
    plain = handle.rstrip("/")
    is_archive = plain.endswith((".tar.gz", ".tgz"))
    return Source(url=plain if is_archive else f"{plain}?tf-hub-format=compressed", file=f"{short_name(handle)}.tar.gz")


def short_name(place: str) -> str:
    """That can be a file's."""
    words = re.sub(r"^https?://(tfhub\.dev/)?|\.(tar\.gz|tgz)$", "", place.rstrip("/"))
    return re.sub(r"[^A-Za-z0-9.]+", "_", words).strip("_.") or "module"


def load_archive(handle: str, archive: Path, choices: Choices) -> Backbone:
    with archive.open("rb") as file:
        if file.read(2) != b"\x1f\x8b":
            file.close()
            for path in (archive, archive.with_name(f"{archive.name}.sha256")):
                path.unlink(missing_ok=True)
            raise UserError(
                f"what comes from {source(handle).url} is no .tar.gz archive of a module: check the handle, or give "
                "the folder of a module instead"
            )
    fingerprint = choices.fingerprint(digest(archive))

    def make() -> GraphDef:
        with tempfile.TemporaryDirectory() as place:
            folder = archives.extract(archive, Path(place) / "module")
            inside = [
                FILE in {each.name for each in path.iterdir()} and path
                for path in (folder, *folder.iterdir())
                if path.is_dir()
            ]
            found = next((path for path in inside if path), None)
            if found is None:
                raise UserError(f"{handle} is an archive without a {FILE}: expected a module of TensorFlow Hub")
            return _freeze(found, choices, handle)

    return _backbone(short_name(handle), archive.parent, fingerprint, make)


def load_folder(folder: Path, model_dir: Path, choices: Choices) -> Backbone:
    if not (folder / FILE).exists():
        raise UserError(f"{folder} is a folder without a {FILE}: expected a SavedModel or a module of TensorFlow Hub")
    content = hashlib.sha256()
    try:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            content.update(f"{path.relative_to(folder)} {digest(path)}\n".encode("utf-8", "surrogateescape"))
    except OSError as error:
        raise UserError(f"cannot read {folder}: {error.strerror}") from None
    fingerprint = choices.fingerprint(content.hexdigest())
    name = short_name(folder.resolve().name)
    return _backbone(name, model_dir, fingerprint, lambda: _freeze(folder, choices, folder))


def _backbone(name: str, model_dir: Path, fingerprint: str, make) -> Backbone:
    graph_def = kept_graphs.kept_or_made(model_dir / f"{name}.{fingerprint[:16]}.pb", make)
    return frozen_backbones.backbone(name, graph_def, fingerprint)


def _freeze(folder: Path, choices: Choices, origin: object) -> GraphDef:
    meta_graph = _read(folder, origin)
    name, entry, output, found = _choose(meta_graph, origin)
    size = choices.size(found or _size_in_words(str(origin)), origin)
    try:
        if meta_graph.HasField("object_graph_def"):
            frozen, start, end = _of_today(folder, meta_graph, name, entry, output, size)
        else:
            signature = meta_graph.signature_def[name]
            start, end = (
                node_of(side[key].name) for side, key in ((signature.inputs, entry), (signature.outputs, output))
            )
            frozen = _of_tensorflow_1(folder, meta_graph, end)
    except Exception as error:
        # TensorFlow raises anything on what is missing or damaged: whatever it is, the module cannot be loaded.
        reason = " ".join((getattr(error, "message", None) or str(error)).split())[:200].rstrip(".: ")
        raise UserError(
            f"{origin} cannot be loaded, as part of it is missing, damaged or not for this TensorFlow ({reason}): get "
            "it anew"
        ) from error
    frozen = inlining.inline(frozen)
    if choices.bottleneck_layer is not None:
        end = frozen_backbones.node_named(choices.bottleneck_layer, frozen, origin)
    mean, std = frozen_backbones.own_preparation(frozen, start, end)
    prelude = choices.prelude(*((_MEAN, _STD) if mean is None or std is None else (mean, std)), origin)
    return frozen_backbones.convert(Frozen(frozen, start, end, prelude, size), origin)


def _read(folder: Path, origin: object) -> MetaGraphDef:
    """The graph for predicting: modules of TensorFlow 1 have it without a tag."""
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    saved = SavedModel()
    try:
        saved.ParseFromString((folder / FILE).read_bytes())
    except OSError as error:
        raise UserError(f"cannot read {folder / FILE}: {error.strerror}") from None
    except DecodeError:
        raise UserError(f"{FILE} of {origin} is damaged or cut short: get the whole folder anew") from None
    for tags in (set(), {"serve"}):
        for meta_graph in saved.meta_graphs:
            if set(meta_graph.meta_info_def.tags) == tags:
                return meta_graph
    raise UserError(f"{origin} holds no graph for predicting: expected a module of TensorFlow Hub or a SavedModel")


def _choose(meta_graph: MetaGraphDef, origin: object) -> tuple[str, str, str, int | None]:
    """A signature that takes pictures: its name, its input, its output, and the size where it is known."""
    signatures = {name: each for name, each in meta_graph.signature_def.items() if not name.startswith("__")}
    fitting = {name: found for name, each in signatures.items() if (found := _fit(each)) is not None}
    for name in (*_SIGNATURES, *sorted(fitting)):
        if name in fitting:
            entry, output, size = fitting[name]
            return name, entry, output, size or _attached_size(meta_graph)
    shown = "; ".join(f"{name} takes {in_words(each)}" for name, each in sorted(signatures.items())[:4])
    raise UserError(
        f"{origin} has no signature that takes colour pictures, float32 [n, height, width, 3], and gives vectors: "
        f"{shown or 'it has no signatures at all'}"
    )


def _fit(signature: SignatureDef) -> tuple[str, str, int | None] | None:
    import tensorflow as tf

    if len(signature.inputs) != 1:
        return None
    ((entry, taken),) = signature.inputs.items()
    shape = sizes_of(taken.tensor_shape)
    is_pictures = shape is None or (len(shape) == 4 and shape[3] in (3, None))
    if taken.dtype != tf.float32.as_datatype_enum or not is_pictures:
        return None
    given = [
        name
        for name, each in sorted(signature.outputs.items())
        if each.dtype == tf.float32.as_datatype_enum and len(sizes_of(each.tensor_shape) or (0, 0)) in (2, 4)
    ]
    output = next((name for name in (*_OUTPUTS, *given) if name in given), None)
    if output is None:
        return None
    return entry, output, shape[1] if shape is not None and shape[1] == shape[2] else None


def _attached_size(meta_graph: MetaGraphDef) -> int | None:
    """An attachment is {1: name, 2: content}, this content {1: {1: height, 2: width}}."""
    if _ATTACHMENTS not in meta_graph.collection_def:
        return None
    for attachment in meta_graph.collection_def[_ATTACHMENTS].bytes_list.value:
        fields = _fields(attachment)
        if fields.get(1) == _IMAGE_INFO:
            sizes = _fields(_fields(fields[2]).get(1, b""))
            return sizes.get(1) if sizes.get(1) == sizes.get(2) else None
    return None


def _fields(message: bytes) -> dict:
    """By their numbers, those of a protocol buffer whose description is not installed."""
    from google.protobuf.empty_pb2 import Empty
    from google.protobuf.unknown_fields import UnknownFieldSet

    return {field.field_number: field.data for field in UnknownFieldSet(Empty.FromString(message))}


def _size_in_words(handle: str) -> int | None:
    """.../mobilenet_v2_100_224/... tells width and size."""
    found = re.search(r"_\d{2,3}_(\d{2,3})(?!\d)", handle)
    return None if found is None else int(found[1])


def _of_today(
    folder: Path, meta_graph: MetaGraphDef, name: str, entry: str, output: str, size: int
) -> tuple[GraphDef, str, str]:
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    loaded = tf.saved_model.load(str(folder), tags=list(meta_graph.meta_info_def.tags))
    signature = loaded.signatures[name]
    traced = tf.function(lambda pictures: signature(**{entry: pictures})[output], autograph=False)
    frozen = convert_variables_to_constants_v2(
        traced.get_concrete_function(tf.TensorSpec([1, size, size, 3], tf.float32, name="pictures"))
    )
    return frozen.graph.as_graph_def(), frozen.inputs[0].op.name, frozen.outputs[0].op.name


def _of_tensorflow_1(folder: Path, meta_graph: MetaGraphDef, end: str) -> GraphDef:
    """Its checkpoint names variables as its graph does."""
    import tensorflow as tf

    with tf.Graph().as_default() as graph, tf.compat.v1.Session() as session:
        tf.compat.v1.train.import_meta_graph(meta_graph, clear_devices=True)
        variables = tf.compat.v1.global_variables()
        if variables:
            tf.compat.v1.train.Saver(variables).restore(session, str(folder / "variables" / "variables"))
        return tf.compat.v1.graph_util.convert_variables_to_constants(session, graph.as_graph_def(), [end])
