"""Loads TensorFlow Hub modules, in both formats, and other SavedModels."""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UserError
from ..fetching import archives
from ..graphs import allowed_ops, colour_range, freezing, inlining, interface, saved_model_files
from ..graphs.frozen_graph import node_of
from ..graphs.saved_model_files import FILE, Signature, Tensor
from . import frozen_backbones, hub_handles, kept_graphs
from .backbone import Backbone
from .choices import ALL, Choices
from .entry import Loadable
from .frozen_backbones import Frozen, Prelude
from .sources import Source, digest

if TYPE_CHECKING:
    from tensorflow.core.framework.graph_pb2 import GraphDef
    from tensorflow.core.protobuf.meta_graph_pb2 import MetaGraphDef

# By convention, modules take pixels from 0 to 1.
_MEAN, _STD = 0.0, 255.0

_SIGNATURES = ("image_feature_vector", "feature_vector", "bottlenecks", "default", "serving_default")
_OF_FEATURES = {"image_feature_vector", "feature_vector", "bottlenecks", "bottleneck"}
_OUTPUTS = ("default", "feature_vector", "bottlenecks", "bottleneck", "outputs", "output_0")
_MODULE_FILE = "tfhub_module.pb"  # in modules of TensorFlow 1
# These state the size of their pictures in an attachment of this name.
_ATTACHMENTS, _IMAGE_INFO = "hub_module_attachments", b"image_module_info"


def at_handle(handle: str) -> Loadable:
    """A module of TensorFlow Hub, downloaded unless the library of that name has it."""
    cached = hub_handles.folder_in_cache(handle)
    if cached is not None:
        return in_folder(cached, handle)
    archive = Source(
        url=hub_handles.archive_url(handle),
        file=f"{short_name(hub_handles.plain(handle))}.tar.gz",
        if_refused=hub_handles.IF_REFUSED,
    )
    return Loadable(
        load=lambda model_dir, choices: load_archive(handle, archive.within(model_dir), choices),
        source=archive,
        heeds=ALL,
    )


def in_folder(folder: Path, handle: str | None = None) -> Loadable:
    """A module or SavedModel that is here already; `handle` is where it came from."""
    return Loadable(load=lambda model_dir, choices: load_folder(folder, model_dir, choices, handle), heeds=ALL)


def short_name(place: str) -> str:
    """The module's name, in characters that are safe in file names."""
    words = re.sub(r"^https?://(tfhub\.dev/)?|\.(tar\.gz|tgz)$", "", place.rstrip("/"))
    return re.sub(r"[^A-Za-z0-9.]+", "_", words).strip("_.") or "module"


def load_archive(handle: str, archive: Path, choices: Choices) -> Backbone:
    with archive.open("rb") as file:
        start = file.read(64)
        if not start.startswith(b"\x1f\x8b"):
            file.close()
            web_page = start.lstrip().startswith(b"<")
            raise _no_module(archive, handle, "with a web page, not" if web_page else "with something other than")
    fingerprint = choices.of_file(digest(archive))

    def make() -> GraphDef:
        with tempfile.TemporaryDirectory() as place:
            folder = archives.extract(archive, Path(place) / "module")
            found = next((path for path in (folder, *folder.iterdir()) if (path / FILE).exists()), None)
            if found is None:
                raise _no_module(archive, handle, f"with an archive without a {FILE}, not")
            return _freeze(found, choices, handle)

    return _backbone(short_name(hub_handles.plain(handle)), archive.parent, fingerprint, make)


def _no_module(archive: Path, handle: str, found: str) -> UserError:
    """Also deletes what was fetched, so that it is fetched again when the server has the module."""
    for path in (archive, archive.with_name(f"{archive.name}.sha256")):
        path.unlink(missing_ok=True)
    return UserError(
        f"{hub_handles.archive_url(handle)} answers {found} a module's .tar.gz archive: check the handle, or "
        "download the model from its page and give its folder"
    )


def load_folder(folder: Path, model_dir: Path, choices: Choices, handle: str | None = None) -> Backbone:
    if not (folder / FILE).exists():
        raise UserError(f"{folder} holds no {FILE}: expected the folder of a SavedModel or a TensorFlow Hub module")
    content = hashlib.sha256()
    try:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            content.update(f"{path.relative_to(folder)} {digest(path)}\n".encode("utf-8", "surrogateescape"))
    except OSError as error:
        raise UserError(f"cannot read {folder}: {error.strerror}") from None
    fingerprint = choices.of_file(content.hexdigest())
    name = short_name(folder.resolve().name if handle is None else hub_handles.plain(handle))
    return _backbone(name, model_dir, fingerprint, lambda: _freeze(folder, choices, handle or folder))


def _backbone(name: str, model_dir: Path, fingerprint: str, make: Callable[[], GraphDef]) -> Backbone:
    graph_def = kept_graphs.kept_or_made(model_dir / f"{name}.{fingerprint[:16]}.pb", make)
    return frozen_backbones.backbone(name, graph_def, fingerprint)


def _freeze(folder: Path, choices: Choices, origin: object) -> GraphDef:
    meta_graph = _graph_for_predicting(folder, origin)
    allowed_ops.refuse_in_saved_model(meta_graph, origin)
    way = _choose(meta_graph, origin)
    size = choices.size(way.size() or _attached_size(meta_graph) or _size_in_handle(str(origin)), origin)
    with saved_model_files.loading(origin, "it"):
        if meta_graph.HasField("object_graph_def"):
            frozen, start, end = _freeze_tensorflow_2(folder, meta_graph, way, size)
        else:
            start, end = node_of(way.entry.name), node_of(way.output.name)
            frozen = _freeze_tensorflow_1(folder, meta_graph, end)
    frozen = inlining.inline(frozen)
    if choices.bottleneck_layer is not None:
        end = frozen_backbones.node_named(choices.bottleneck_layer, frozen, origin)
    network = Frozen(frozen, start, end, _prelude(frozen, start, way, folder, choices, origin), size)
    if choices.bottleneck_layer is None:
        are_features = way.gives_features() or "feature_vector" in str(origin)
        network = frozen_backbones.features(network, origin, are_features=are_features)
    return frozen_backbones.convert(network, origin)


def _prelude(graph_def: GraphDef, entry: str, way: _Way, folder: Path, choices: Choices, origin: object) -> Prelude:
    """As its first operations show, else by TensorFlow Hub's convention if it is a module."""
    found = interface.find(graph_def, entry)
    mean, std, channels = found.input_mean, found.input_std, found.channels
    if mean is None or std is None:
        # Other programs write SavedModels, too, and have other conventions.
        is_module = hub_handles.is_handle(str(origin)) or (folder / _MODULE_FILE).exists() or way.gives_features()
        mean, std = (_MEAN, _STD) if is_module else (None, None)
        channels = colour_range.usual_order(way.entry.key)
    return choices.prelude(mean, std, origin, channels)


def _graph_for_predicting(folder: Path, origin: object) -> MetaGraphDef:
    """The graph without tags, as in TensorFlow 1 modules, or else the one tagged `serve`."""
    meta_graphs = saved_model_files.read(folder, f"{FILE} of {origin}")
    for tags in (set(), {"serve"}):
        for meta_graph in meta_graphs:
            if set(meta_graph.meta_info_def.tags) == tags:
                return meta_graph
    raise UserError(f"{origin} holds no graph for prediction: expected a TensorFlow Hub module or a SavedModel")


@dataclass(frozen=True)
class _Way:
    """A signature, with its input for pictures and its output for vectors."""

    signature: str
    entry: Tensor
    output: Tensor

    def gives_features(self) -> bool:
        """Its maker says so."""
        return self.signature in _OF_FEATURES or self.output.key in _OF_FEATURES

    def size(self) -> int | None:
        """The side of its square pictures; None if it takes any."""
        shape = self.entry.shape
        return shape[1] if shape is not None and shape[1] == shape[2] else None


def _choose(meta_graph: MetaGraphDef, origin: object) -> _Way:
    signatures = saved_model_files.signatures_of(meta_graph)
    fitting = {name: way for name, each in signatures.items() if (way := _way_through(each)) is not None}
    for name in (*_SIGNATURES, *fitting):
        if name in fitting:
            return fitting[name]
    raise UserError(
        f"{origin} has no signature from colour pictures, float32 [n, height, width, 3], to vectors; "
        f"found {saved_model_files.in_words(signatures.values()) or 'no signatures at all'}"
    )


def _way_through(signature: Signature) -> _Way | None:
    pictures = signature.pictures()
    if pictures is None or pictures.kind != "float32":
        return None
    given = {each.key: each for each in signature.outputs if each.kind == "float32" and each.may_have_rank(2, 4)}
    output = next((given[key] for key in (*_OUTPUTS, *given) if key in given), None)
    return None if output is None else _Way(signature.name, pictures, output)


def _attached_size(meta_graph: MetaGraphDef) -> int | None:
    """An attachment is {1: name, 2: content}; the content here is {1: {1: height, 2: width}}."""
    if _ATTACHMENTS not in meta_graph.collection_def:
        return None
    for attachment in meta_graph.collection_def[_ATTACHMENTS].bytes_list.value:
        fields = _fields(attachment)
        if fields.get(1) == _IMAGE_INFO:
            sizes = _fields(_fields(fields[2]).get(1, b""))
            return sizes.get(1) if sizes.get(1) == sizes.get(2) else None
    return None


def _fields(message: bytes) -> dict[int, Any]:
    """The fields of a protobuf message of unknown type, by number; if one is repeated, the last counts."""
    from google.protobuf.empty_pb2 import Empty
    from google.protobuf.unknown_fields import UnknownFieldSet

    return {each.field_number: each.data for each in UnknownFieldSet(Empty.FromString(message))}


def _size_in_handle(handle: str) -> int | None:
    """The last number in names such as .../mobilenet_v2_100_224/..."""
    found = re.search(r"_\d{2,3}_(\d{2,3})(?!\d)", handle)
    return None if found is None else int(found[1])


def _freeze_tensorflow_2(folder: Path, meta_graph: MetaGraphDef, way: _Way, size: int) -> tuple[GraphDef, str, str]:
    import tensorflow as tf

    loaded = tf.saved_model.load(str(folder), tags=list(meta_graph.meta_info_def.tags))
    signature = loaded.signatures[way.signature]
    graph_def, entry, (output,) = freezing.of_function(
        lambda pictures: signature(**{way.entry.key: pictures})[way.output.key], size, size
    )
    return graph_def, entry, output


def _freeze_tensorflow_1(folder: Path, meta_graph: MetaGraphDef, end: str) -> GraphDef:
    """Restores the variables by name: checkpoint and graph use the same names."""
    import tensorflow as tf

    with tf.Graph().as_default() as graph, tf.compat.v1.Session() as session:
        tf.compat.v1.train.import_meta_graph(meta_graph, clear_devices=True)
        variables = tf.compat.v1.global_variables()
        if variables:
            tf.compat.v1.train.Saver(variables).restore(session, str(folder / "variables" / "variables"))
        return tf.compat.v1.graph_util.convert_variables_to_constants(session, graph.as_graph_def(), [end])
