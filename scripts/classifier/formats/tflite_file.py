"""Reads and edits the flatbuffer of a .tflite file.

Only for files that LiteRT has opened: it checks them, and Python's reader does not. Others are for
`custom_operations` alone.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping

import flatbuffers
import numpy as np

# The schema requires data to be aligned to this, which Python's writer ignores.
_ALIGNMENT = 16

# The place of the third field, `outputs`, in a subgraph's table: two bytes per field after the first four.
_OUTPUTS_SLOT = 4 + 2 * 2

# Operations that only change shape or type.
_PASSING = {"RESHAPE", "SQUEEZE", "EXPAND_DIMS", "QUANTIZE", "DEQUANTIZE", "CAST"}
# The values after these are logits.
_LINEAR = {"FULLY_CONNECTED", "CONV_2D", "BATCH_MATMUL", "ADD"}


def custom_operations(data: bytes) -> list[str]:
    """The operations that are not TensorFlow Lite's own; those named Flex... are TensorFlow's.

    For files that LiteRT has not opened yet, as opening prepares such operations, and wrong inputs crash some of them.
    ValueError: the file is damaged.
    """
    from ai_edge_litert.schema_py_generated import BuiltinOperator

    try:
        model = _model(data)
        kinds = [model.OperatorCodes(at) for at in range(model.OperatorCodesLength())]
        names = [each.CustomCode() or b"" for each in kinds if _code(each) == BuiltinOperator.CUSTOM]
        return [name.decode("utf-8", "replace") for name in names]
    except (struct.error, IndexError, TypeError) as error:  # Python's reader looks beyond the end
        raise ValueError(error) from None


def metadata(data: bytes, name: str) -> bytes | None:
    """The model's metadata of this name."""
    model = _model(data)
    for at in range(model.MetadataLength()):
        if model.Metadata(at).Name() == name.encode():
            values = model.Buffers(model.Metadata(at).Buffer()).DataAsNumpy()
            return values.tobytes() if isinstance(values, np.ndarray) else None
    return None


def bottleneck_tensor(data: bytes, hidden_layers: int = 0) -> int | None:
    """The index of the tensor that goes into the classifier's own layers: any hidden ones, then the final one."""
    looked_at = [inputs[0] for name, inputs, _ in _operations_from_the_end(data) if name == "FULLY_CONNECTED"]
    return looked_at[hidden_layers] if hidden_layers < len(looked_at) else None


def gives_logits(data: bytes) -> bool:
    """True if the first output comes from a linear layer without a softmax after it."""
    wanted = _model(data).Subgraphs(0).Outputs(0)
    for name, inputs, outputs in _operations_from_the_end(data):
        if wanted in outputs:
            if name not in _PASSING:
                return name in _LINEAR
            wanted = inputs[0]
    return False


def with_output(data: bytes, tensor: int) -> bytes:
    """The model with this tensor added as its last output."""
    graph = _model(data).Subgraphs(0)
    outputs = [*(graph.Outputs(at) for at in range(graph.OutputsLength())), tensor]
    # A new list goes to the end of the file. The field that points to it holds its distance.
    field, start = graph._tab.Pos + graph._tab.Offset(_OUTPUTS_SLOT), -(-len(data) // 4) * 4
    edited = bytearray(data.ljust(start, b"\0") + struct.pack(f"<I{len(outputs)}i", len(outputs), *outputs))
    struct.pack_into("<I", edited, field, start - field)
    return bytes(edited)


def rewrite(data: bytes, input_name: str, output_name: str, added: Mapping[str, bytes]) -> bytes:
    """The model with these names for its input and output and with this metadata, as small as possible.

    It replaces metadata of the same names.
    """
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(data, 0)
    graph = model.subgraphs[0]
    for tensor in graph.tensors:
        # The converter joins the names of all operations that it fused: a tenth of a small model.
        tensor.name = tensor.name.split(b";")[0]
    graph.tensors[graph.inputs[0]].name, graph.tensors[graph.outputs[0]].name = input_name, output_name
    model.metadata = [each for each in model.metadata or [] if each.name.decode() not in added]
    for name, values in added.items():
        buffer, entry = schema.BufferT(), schema.MetadataT()
        buffer.data = np.frombuffer(values, np.uint8)
        entry.name, entry.buffer = name, len(model.buffers)
        model.buffers.append(buffer)
        model.metadata.append(entry)
    builder = _Builder(len(data))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


class _Builder(flatbuffers.Builder):
    """Writes equal vectors only once, and aligns bytes.

    In 8 bits, each channel has eight zero bytes in each of two vectors: together a seventh of a small model.
    """

    def __init__(self, size: int):
        super().__init__(size)
        self._written: dict[tuple[str, bytes], int] = {}

    def CreateNumpyVector(self, x: np.ndarray) -> int:
        key = (x.dtype.str, x.tobytes())
        if key not in self._written:
            if x.itemsize == 1:
                self.Prep(_ALIGNMENT, x.size)
            self._written[key] = super().CreateNumpyVector(x)
        return self._written[key]


def _model(data: bytes):
    from ai_edge_litert.schema_py_generated import Model

    return Model.GetRootAs(data)


def _operations_from_the_end(data: bytes) -> Iterator[tuple[str, list[int], list[int]]]:
    """The name, inputs and outputs of each operation, the last one first."""
    from ai_edge_litert.schema_py_generated import BuiltinOperator

    names = {code: name for name, code in vars(BuiltinOperator).items() if isinstance(code, int)}
    model = _model(data)
    graph = model.Subgraphs(0)
    for at in reversed(range(graph.OperatorsLength())):
        operation = graph.Operators(at)
        kind = model.OperatorCodes(operation.OpcodeIndex())
        code = _code(kind)
        inputs = [operation.Inputs(each) for each in range(operation.InputsLength())]
        yield names.get(code, ""), inputs, [operation.Outputs(each) for each in range(operation.OutputsLength())]


def _code(kind) -> int:
    """Codes up to 127 used to be in another field, where old readers still look."""
    return max(kind.BuiltinCode(), kind.DeprecatedBuiltinCode())
