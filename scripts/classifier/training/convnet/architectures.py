"""The two networks, as Keras models from 0-255 pixels to logits."""

from __future__ import annotations

import math
from collections.abc import Callable

import keras
import tensorflow as tf
from keras import layers

from .random_views import RandomViews
from .recipes import BASIC, CnnRecipe

# The last layer, LOGITS, and the one before it.
BOTTLENECK, LOGITS = "bottleneck", "logits"

_BASIC_WIDTHS = (16, 32, 64)
# Channels of `deep`, in the stem and in each stage. Twice as many take three times as long and gain a percent or two.
_STEM_WIDTH, _STAGE_WIDTHS = 32, (64, 128, 256)
# The stem halves larger pictures until their side is about this; then the stages begin.
_STAGES_BEGIN_AT = 32


def build(recipe: CnnRecipe, label_count: int, precision: str) -> keras.Model:
    """Random views and dropout act in training only. `precision` is that of the arithmetic; weights are float32."""
    keras.utils.set_random_seed(recipe.seed)
    side = recipe.image_size
    pictures = keras.Input((side, side, 3), name="pictures")
    made = RandomViews(recipe.views, recipe.seed)(pictures) if recipe.views.any else pictures
    policy = keras.dtype_policies.DTypePolicy("float32" if precision == "float32" else f"mixed_{precision}")
    made = layers.Rescaling(1 / 255, name="rescaling", dtype=policy)(made)
    made = (_basic if recipe.network == BASIC else _deep)(made, recipe, policy)
    logits = layers.Dense(label_count, name=LOGITS, dtype=policy)(made)
    # Softmax and loss need full precision.
    logits = layers.Activation("linear", dtype="float32", name="digits")(logits)
    return keras.Model(pictures, logits, name=recipe.network)


def _dropout(made, recipe: CnnRecipe):
    return layers.Dropout(recipe.dropout, seed=recipe.seed, name="dropout")(made) if recipe.dropout else made


def _basic(made, recipe: CnnRecipe, policy):
    for number, width in enumerate(_BASIC_WIDTHS, 1):
        pooled = min(made.shape[1:3]) > 1
        convolution = Conv2D(
            pooled, width, 3, padding="same", activation="relu", name=f"convolution_{number}", dtype=policy
        )
        made = convolution(made)
        if pooled:
            made = MaxPooling2D(convolution.finish, name=f"pooling_{number}", dtype=policy)(made)
    made = _Flatten(name="flat", dtype=policy)(_dropout(made, recipe))
    return layers.Dense(128, activation="relu", name=BOTTLENECK, dtype=policy)(made)


def _deep(made, recipe: CnnRecipe, policy):
    """Three stages; each halves the picture and adds a residual block of two convolutions."""

    def convolution(made, width: int, name: str, stride: int = 1, pool: bool = False):
        made = layers.Conv2D(
            width,
            3,
            strides=stride,
            padding="same",
            use_bias=False,
            name=name,
            dtype=policy,
            kernel_initializer="he_normal",
        )(made)
        if pool and min(made.shape[1:3]) > 1:
            made = layers.MaxPooling2D(name=f"{name}_pooling", dtype=policy)(made)
        made = _BatchNorm(name=f"{name}_norm", momentum=0.9, dtype=policy)(made)
        return layers.ReLU(name=f"{name}_relu", dtype=policy)(made)

    halvings = max(0, round(math.log2(recipe.image_size / _STAGES_BEGIN_AT)))
    for number in range(max(1, halvings)):
        made = convolution(made, _STEM_WIDTH, f"stem_{number + 1}", stride=2 if halvings else 1)
    for number, width in enumerate(_STAGE_WIDTHS, 1):
        made = convolution(made, width, f"stage_{number}", pool=True)
        inner = convolution(made, width, f"stage_{number}_inner_1")
        inner = convolution(inner, width, f"stage_{number}_inner_2")
        made = layers.Add(name=f"stage_{number}_sum", dtype=policy)([made, inner])
    made = layers.GlobalAveragePooling2D(name=BOTTLENECK, dtype=policy)(made)
    return _dropout(made, recipe)


class Conv2D(layers.Conv2D):
    """In training it leaves its bias and activation to the pooling after it, if there is one.

    Bias and ReLU never change which of four values is the largest. So pooling first gives the same values and the same
    gradients, with a quarter as many values to add the bias to, forward and backward. Otherwise it is Keras' own layer,
    which formats know, and has its name in the table of layers.
    """

    def __init__(self, pooled: bool, *args, **named):
        super().__init__(*args, **named)
        self.pooled = pooled

    def call(self, inputs, training: bool = False):
        return self.convolution_op(inputs, self.kernel) if training and self.pooled else super().call(inputs)

    def finish(self, made):
        return self.activation(tf.nn.bias_add(made, self.bias))


class MaxPooling2D(layers.MaxPooling2D):
    """In training it also does what the convolution before it has left to do."""

    def __init__(self, finish: Callable, **named):
        super().__init__(**named)
        self._finish = finish

    def call(self, inputs, training: bool = False):
        made = super().call(inputs)
        return self._finish(made) if training else made


class _Flatten(layers.Flatten):
    """Flattens to a length known in advance. Keras' own reads the size from each batch, which export formats cannot."""

    def call(self, inputs):
        return tf.reshape(inputs, [-1, math.prod(inputs.shape[1:])])


class _BatchNorm(layers.BatchNormalization):
    """Trains with TensorFlow's fused operation: a fifth less time for the whole network than with Keras' several."""

    def call(self, inputs, training: bool = False):
        if not training:
            return super().call(inputs, training=False)
        gamma, beta = (tf.cast(tf.convert_to_tensor(each), tf.float32) for each in (self.gamma, self.beta))
        made, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=inputs, scale=gamma, offset=beta, mean=[], variance=[], epsilon=self.epsilon, is_training=True
        )
        for moving, now in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(self.momentum * moving + (1 - self.momentum) * now)
        return made
