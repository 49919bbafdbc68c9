"""Chooses what a network runs on, a GPU or the processor, and in which precision. All that runs networks asks here."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from .. import machine
from ..errors import UserError, in_short
from ..graphs import half_precision
from .gpu import ON_THE_PROCESSOR, Gpu

if TYPE_CHECKING:
    import tensorflow as tf
    from tensorflow.core.framework.graph_pb2 import GraphDef

PRECISIONS = ("auto", "float32", "bfloat16")

CPU = "/CPU:0"  # TensorFlow's name for the processor

# Photos that go through a GPU at once. More are hardly faster, and would take memory that many cards do not have.
GPU_BATCH = 64

Result = TypeVar("Result")


@dataclass(frozen=True)
class Engine:
    precision: str  # of products and what lies between them: float32, bfloat16 or float16
    gpu: Gpu | None = None  # None: the processor

    @property
    def arithmetic(self) -> str:
        """Part of the identity of caches: 16 bits are rounded in other places on a GPU than on a processor."""
        return f"{self.precision} on a GPU" if self._rewrites else self.precision

    @property
    def place(self) -> str:
        return "this machine" if self.gpu is None else f"the GPU {self.gpu.name}"

    def describe(self) -> list[str]:
        """A line about the GPU, if there is one."""
        if self.gpu is None:
            return []
        return [f"the GPU {self.gpu.name} computes in {self.precision}, {GPU_BATCH} photos at a time"]

    def prepared(self, graph_def: GraphDef, output: str) -> GraphDef:
        """The graph, in this precision unless a session's own settings see to that."""
        return half_precision.rewrite(graph_def, output, self.precision) if self._rewrites else graph_def

    @contextlib.contextmanager
    def graph(self) -> Iterator[tf.Graph]:
        """A new graph; what is added to it while the context lasts will run here."""
        import tensorflow as tf

        device = CPU if self.gpu is None else self.gpu.device
        with tf.Graph().as_default() as graph, tf.device(device):
            yield graph

    def session(self, graph: tf.Graph) -> tf.compat.v1.Session:
        """A session, because it has its own settings: for tf.function, they would apply to the whole process."""
        import tensorflow as tf
        from tensorflow.core.protobuf.rewriter_config_pb2 import RewriterConfig

        # On a GPU, operations that it has no code for run on the processor.
        config = tf.compat.v1.ConfigProto(allow_soft_placement=self.gpu is not None)
        if self.gpu is None:
            config.device_count["GPU"] = 0
            if self.precision == "bfloat16":
                config.graph_options.rewrite_options.auto_mixed_precision_onednn_bfloat16 = RewriterConfig.ON
        return tf.compat.v1.Session(graph=graph, config=config)

    @contextlib.contextmanager
    def guarded(self, advice: str) -> Iterator[None]:
        """Turns what goes wrong on a GPU into one line; `advice` is what to do if memory runs out."""
        import tensorflow as tf

        try:
            yield
        except tf.errors.ResourceExhaustedError:
            raise UserError(f"{self.place} has too little free memory: {self._or_processor(advice)}") from None
        except tf.errors.OpError as error:
            if self.gpu is None:
                raise
            raise UserError(f"{self.place} failed ({in_short(error)}): {self._or_processor('run again')}") from None

    def _or_processor(self, advice: str) -> str:
        return advice if self.gpu is None else f"{advice}, or {ON_THE_PROCESSOR}"

    @property
    def _rewrites(self) -> bool:
        return self.gpu is not None and self.precision != "float32"


# In full precision, which every processor has.
PROCESSOR = Engine("float32")


class Room:
    """The number of photos that fit into memory at once. It is halved whenever memory runs out."""

    def __init__(self, engine: Engine, most: int, advice: str):
        self.most, self._engine, self._advice = most, engine, advice

    def fit(self, work: Callable[[int], Result]) -> Result:
        """Calls `work` with that number, again after halving it."""
        import tensorflow as tf

        with self._engine.guarded(self._advice):
            while True:
                try:
                    return work(self.most)
                except tf.errors.ResourceExhaustedError:
                    if self.most == 1:
                        raise
                    self.most //= 2


def choose(wanted: str, *, large: bool, gpu: Gpu | None, bfloat16: bool) -> Engine:
    """`bfloat16`: the processor has such arithmetic. `wanted` is one of PRECISIONS.

    `auto` means 16 bits for `large` work, where they are faster. On a GPU small networks wait for photos to be decoded
    anyway, and they suffer most from few bits: bfloat16 moves the bottlenecks of mobilenet_0.25_224 by an eighth.
    """
    has_bfloat16 = bfloat16 if gpu is None else gpu.has_bfloat16
    if wanted == "bfloat16" and not has_bfloat16:
        what = "this processor" if gpu is None else f"the GPU {gpu.name}"
        raise UserError(f"--precision=bfloat16: {what} has no bfloat16 arithmetic; use auto or float32")
    if wanted != "auto":
        return Engine(wanted, gpu)
    if large and has_bfloat16:
        return Engine("bfloat16", gpu)
    return Engine("float16" if large and gpu is not None and gpu.has_float16 else "float32", gpu)


def of_this_machine(wanted: str, *, large: bool, gpu: Gpu | None) -> Engine:
    """Makes the choice for this machine's processor and this GPU."""
    chosen = choose(wanted, large=large, gpu=gpu, bfloat16=machine.has_bfloat16())
    if gpu is not None:
        import tensorflow as tf

        # Otherwise float32 products would be rounded to 10 bits, and no longer agree with those of processors.
        tf.config.experimental.enable_tensor_float_32_execution(False)
    return chosen
