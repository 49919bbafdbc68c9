"""The classes of Keras that models in files may name.

Keras builds whatever a file names, and some of its own classes and functions read files, fetch them or run code.
"""

from __future__ import annotations

import builtins
import re

from ..errors import in_short

# The public layers, initializers, regularizers and constraints of Keras 2 and 3, and what they were once called. Left
# out: layers that run code or models of other libraries (Lambda, TFSMLayer, TorchModuleWrapper, JaxLayer, FlaxLayer,
# DenseFeatures), and those that may read a vocabulary from a file (StringLookup, IntegerLookup, TextVectorization).
_LAYERS = """
    AbstractRNNCell Activation ActivityRegularization AdaptiveAveragePooling1D AdaptiveAveragePooling2D
    AdaptiveAveragePooling3D AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D Add AdditiveAttention
    AlphaDropout Attention AugMix AutoContrast Average AveragePooling1D AveragePooling2D AveragePooling3D AvgPool1D
    AvgPool2D AvgPool3D BatchNormalization BatchNormalizationV1 BatchNormalizationV2 Bidirectional CategoryEncoding
    CenterCrop Concatenate Constant Constraint ContrastLimitedAdaptiveHistogramEqualization Conv1D Conv1DTranspose
    Conv2D Conv2DTranspose Conv3D Conv3DTranspose ConvLSTM1D ConvLSTM2D ConvLSTM3D Convolution1D
    Convolution1DTranspose Convolution2D Convolution2DTranspose Convolution3D Convolution3DTranspose Cropping1D
    Cropping2D Cropping3D CuDNNGRU CuDNNLSTM CutMix Dense DepthwiseConv1D DepthwiseConv2D Discretization Dot
    Dropout ELU EinsumDense Embedding Equalization Flatten Functional GRU GRUCell GaussianDropout GaussianNoise
    GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D GlobalAvgPool1D GlobalAvgPool2D
    GlobalAvgPool3D GlobalMaxPool1D GlobalMaxPool2D GlobalMaxPool3D GlobalMaxPooling1D GlobalMaxPooling2D
    GlobalMaxPooling3D GlorotNormal GlorotUniform GroupNormalization GroupQueryAttention HashedCrossing Hashing
    HeNormal HeUniform Identity IdentityInitializer Initializer InputLayer InputSpec L1 L1L2 L2 LSTM LSTMCell Layer
    LayerNormalization LeakyReLU LecunNormal LecunUniform LocallyConnected1D LocallyConnected2D Masking MaxNorm
    MaxNumBoundingBoxes MaxPool1D MaxPool2D MaxPool3D MaxPooling1D MaxPooling2D MaxPooling3D Maximum MelSpectrogram
    MinMaxNorm Minimum MixUp Model MultiHeadAttention Multiply NonNeg Normalization Ones Orthogonal
    OrthogonalInitializer OrthogonalRegularizer PReLU Permute Pipeline RMSNormalization RNN RadialConstraint
    RandAugment RandomBrightness RandomColorDegeneration RandomColorJitter RandomContrast RandomCrop
    RandomElasticTransform RandomErasing RandomFlip RandomGaussianBlur RandomGrayscale RandomHeight RandomHue
    RandomInvert RandomNormal RandomPerspective RandomPosterization RandomRotation RandomSaturation RandomSharpness
    RandomShear RandomTranslation RandomUniform RandomWidth RandomZoom ReLU Regularizer RepeatVector Rescaling
    Reshape Resizing ReversibleEmbedding STFT STFTInitializer STFTSpectrogram SeparableConv1D SeparableConv2D
    SeparableConvolution1D SeparableConvolution2D Sequential SimpleRNN SimpleRNNCell SlicingOpLambda Softmax
    Solarization SpatialDropout1D SpatialDropout2D SpatialDropout3D SpectralNormalization StackedRNNCells Subtract
    SyncBatchNormalization TFOpLambda ThresholdedReLU TimeDistributed TruncatedNormal UnitNorm UnitNormalization
    UpSampling1D UpSampling2D UpSampling3D VarianceScaling Wrapper ZeroPadding1D ZeroPadding2D ZeroPadding3D Zeros
    constant glorot_normal glorot_uniform he_normal he_uniform identity l1 l1_l2 l2 lecun_normal lecun_uniform
    max_norm min_max_norm non_neg ones orthogonal orthogonal_regularizer radial_constraint random_normal
    random_uniform stft truncated_normal unit_norm variance_scaling zeros
"""
# Layers of Keras' own ConvNeXt; types of numbers, shapes, and values that JSON lacks.
_PARTS = """
    LayerScale StochasticDepth
    CompositeTensor DTypePolicy DTypePolicyMap Float8DTypePolicy FloatDTypePolicy Int4DTypePolicy Int8DTypePolicy
    Policy QuantizedDTypePolicy QuantizedFloat8DTypePolicy TensorShape TypeSpec __bytes__ __complex__ __ellipsis__
    __keras_tensor__ __numpy__ __slice__ __tensor__ __tuple__ __typespec__ slice tuple
"""
_ACTIVATIONS = """
    celu elu exponential gelu glu hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh leaky_relu linear
    log_sigmoid log_softmax mish relu relu6 selu sigmoid silu soft_shrink softmax softplus softsign sparse_plus
    sparse_sigmoid sparsemax squareplus swish tanh tanh_shrink threshold
"""
_CLASSES, _FUNCTIONS = frozenset((_LAYERS + _PARTS).split()), frozenset(_ACTIVATIONS.split())

# Every class in these modules of Keras 3 is arithmetic: its operations, and what a model in a model was trained with.
_MODULES = re.compile(r"keras(\.src)?\.(ops|optimizers|losses|metrics)(\..*)?")


def is_allowed(name: object, module: object, settings: object) -> bool:
    if not isinstance(name, str):
        return False
    if name == "function":
        # Keras looks for functions of `builtins` among its own activations, losses and so on, then among Python's.
        known = isinstance(settings, str) and not hasattr(builtins, settings)
        return known and (settings in _FUNCTIONS or module == "builtins")
    if _MODULES.fullmatch(str(module)):
        return True
    # Keras 2 puts the package in front of the names of registered classes.
    return name.rpartition(">")[2] in _CLASSES


def in_words(name: object, module: object, settings: object) -> str:
    what = f"the function {settings}" if name == "function" and isinstance(settings, str) else f"{name}"
    return in_short(what if module is None else f"{what} from {module}")
