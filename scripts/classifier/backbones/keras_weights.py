"""Lists the networks of keras.applications with published weights, and facts about them that need no download.

The checksums are copied from Keras' source, and a test compares them: importing Keras just for these would add seconds
to every run. The sizes are those that Keras reports as it downloads. Those marked with ~ are estimated: 4 bytes for
each weight, plus the overhead of other files of the same family. For MobileNet V1, the overhead includes the last
layer: its space is still in these files.
"""

from __future__ import annotations

from dataclasses import dataclass

_PLACE = "https://storage.googleapis.com/tensorflow/keras-applications"
_OLDER_PLACE = "https://storage.googleapis.com/keras-applications"


@dataclass(frozen=True)
class Published:
    """The weights of a network without its last layer."""

    size: int  # width and height of the pictures it was trained on
    values: int  # the length of its bottlenecks
    about: str  # megabytes to download; "~8" is an estimate
    url: str
    checksum: str | None  # md5 or sha256

    @property
    def megabytes(self) -> int:
        return int(self.about.removeprefix("~"))

    @property
    def estimated(self) -> bool:
        return self.about.startswith("~")


# Name, size, values, megabytes, file (~ stands for the long ending, ^ for the older place), checksum.
_TABLE = """
ConvNeXtBase          224 1024  351  convnext/convnext_base_notop.h5  40a20c5548a5e9202f69735ecc06c990e6b7c9d2de39f0361e27baeb24cb7c45
ConvNeXtLarge         224 1536  786  convnext/convnext_large_notop.h5  96f02b6f0753d4f543261bc9d09bed650f24dd6bc02ddde3066135b63d23a1cd
ConvNeXtSmall         224  768  199  convnext/convnext_small_notop.h5  6fc8009faa2f00c1c1dfce59feea9b0745eb260a7dd11bee65c8e20843da6eab
ConvNeXtTiny          224  768  112  convnext/convnext_tiny_notop.h5  d547c096cabd03329d7be5562c5e14798aa39ed24b474157cef5e85ab9e49ef1
ConvNeXtXLarge        224 2048 1393  convnext/convnext_xlarge_notop.h5  de3f8a54174130e0cecdc71583354753d557fcf1f4487331558e2a16ba0cfe05
DenseNet121           224 1024   29  densenet/densenet121~  30ee3e1110167f948a6b9946edeeb738
DenseNet169           224 1664   52  densenet/densenet169~  b8c4d4c20dd625c148057b9ff1c1176b
DenseNet201           224 1920   75  densenet/densenet201~  c13680b51ded0fb44dff2d8f86ac8bb1
EfficientNetB0        224 1280   17  ^efficientnetb0_notop.h5  50bc09e76180e00e4465e1a485ddc09d
EfficientNetB1        240 1280   27  ^efficientnetb1_notop.h5  74c4e6b3e1f6a1eea24c589628592432
EfficientNetB2        260 1408   32  ^efficientnetb2_notop.h5  111f8e2ac8aa800a7a99e3239f7bfb39
EfficientNetB3        300 1536   44  ^efficientnetb3_notop.h5  af6d107764bb5b1abb91932881670226
EfficientNetB4        380 1792   72  ^efficientnetb4_notop.h5  ebc24e6d6c33eaebbd558eafbeedf1ba
EfficientNetB5        456 2048  115  ^efficientnetb5_notop.h5  38879255a25d3c92d5e44e04ae6cec6f
EfficientNetB6        528 2304  165  ^efficientnetb6_notop.h5  9ecce42647a20130c1f39a5d4cb75743
EfficientNetB7        600 2560  258  ^efficientnetb7_notop.h5  cbcfe4450ddf6f3ad90b1b398090fe4a
EfficientNetV2B0      224 1280   24  efficientnet_v2/efficientnetv2-b0_notop.h5  893217f2bb855e2983157299931e43ff
EfficientNetV2B1      240 1280   28  efficientnet_v2/efficientnetv2-b1_notop.h5  0e80663031ca32d657f9caa404b6ec37
EfficientNetV2B2      260 1408   36  efficientnet_v2/efficientnetv2-b2_notop.h5  1dfe2e7a5d45b6632553a8961ea609eb
EfficientNetV2B3      300 1536   53  efficientnet_v2/efficientnetv2-b3_notop.h5  f6abf7b5849ac99a89b50dd3fd532856
EfficientNetV2L       480 1280  473  efficientnet_v2/efficientnetv2-l_notop.h5  b0b66b5c863aef5b46e8608fe1711615
EfficientNetV2M       480 1280  214  efficientnet_v2/efficientnetv2-m_notop.h5  1b8dc055df72dde80d614482840fe342
EfficientNetV2S       384 1280   82  efficientnet_v2/efficientnetv2-s_notop.h5  af0682fb74e8c54910f2d4393339c070
InceptionResNetV2     299 1536  219  inception_resnet_v2/inception_resnet_v2~  d19885ff4a710c122648d3b5c3b684e4
MobileNetV3Large      224  960   13  mobilenet_v3/weights_mobilenet_v3_large_224_1.0_float_no_top_v2.h5  07fb09a5933dd0c8eaafa16978110389
MobileNetV3Large_0.75 224  720   ~8  mobilenet_v3/weights_mobilenet_v3_large_224_0.75_float_no_top_v2.h5  40af19a13ebea4e2ee0c676887f69a2e
MobileNetV3Small      224  576    4  mobilenet_v3/weights_mobilenet_v3_small_224_1.0_float_no_top_v2.h5  d3e8ec802a04aa4fc771ee12a9a9b836
MobileNetV3Small_0.75 224  432   ~3  mobilenet_v3/weights_mobilenet_v3_small_224_0.75_float_no_top_v2.h5  ebdb5cc8e0b497cd13a7c275d475c819
NASNetLarge           331 4032  344  nasnet/NASNet-large-no-top.h5  d81d89dc07e6e56530c4e77faddd61b5
NASNetMobile          224 1056   20  nasnet/NASNet-mobile-no-top.h5  1ed92395b5b598bdda52abe5c0dbfd63
ResNet101             224 2048  171  resnet/resnet101~  88cf7a10940856eca736dc7b7e228a21
ResNet101V2           224 2048  171  resnet/resnet101v2~  c0ed64b8031c3730f411d2eb4eea35b5
ResNet152             224 2048  235  resnet/resnet152~  ee4c566cf9a93f14d82f913c2dc6dd0c
ResNet152V2           224 2048  235  resnet/resnet152v2~  ed17cf2e0169df9d443503ef94b23b33
ResNet50              224 2048   95  resnet/resnet50~  4d473c1dd8becc155b73f8504c6f6626
ResNet50V2            224 2048   95  resnet/resnet50v2~  fac2f116257151a9d068a22e544a4917
VGG16                 224  512   59  vgg16/vgg16~  6d6bbae143d832006294945121d1f1fc
VGG19                 224  512   80  vgg19/vgg19~  253f8cb515780f3b799900260a226db6
Xception              299 2048   84  xception/xception~  b0042744bf5b25fce3cb969f33bebb97
"""  # noqa: E501

# Keras has no checksums for these. Values and megabytes by width.
_MOBILENET = {"0.25": (256, "2"), "0.50": (512, "~6"), "0.75": (768, "~11"), "1.0": (1024, "17")}
_MOBILENET_V2 = {
    "0.35": (1280, "2"),
    "0.5": (1280, "~3"),
    "0.75": (1280, "~6"),
    "1.0": (1280, "9"),
    "1.3": (1664, "~15"),
    "1.4": (1792, "~18"),
}
_SIZES = (96, 128, 160, 192, 224)


def published() -> dict[str, Published]:
    """By the names of keras.applications, followed by _WIDTH and _SIZE if there are several."""
    found = dict(map(_row, _TABLE.strip().splitlines()))
    for width, (values, about) in _MOBILENET.items():
        for size in _SIZES[1:]:
            file = f"mobilenet/mobilenet_{_tenths(width)}_{size}_tf_no_top.h5"
            found[f"MobileNet_{width}_{size}"] = Published(size, values, about, f"{_PLACE}/{file}", None)
    for width, (values, about) in _MOBILENET_V2.items():
        for size in _SIZES if float(width) <= 1 else _SIZES[-1:]:
            file = f"mobilenet_v2/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_{width}_{size}_no_top.h5"
            found[f"MobileNetV2_{width}_{size}"] = Published(size, values, about, f"{_PLACE}/{file}", None)
    return {**found, **{name: found[f"{name}_1.0_224"] for name in ("MobileNet", "MobileNetV2")}}


def _row(line: str) -> tuple[str, Published]:
    name, size, values, about, file, checksum = line.split()
    file = file.replace("~", "_weights_tf_dim_ordering_tf_kernels_notop.h5")
    url = f"{_OLDER_PLACE}/{file[1:]}" if file.startswith("^") else f"{_PLACE}/{file}"
    return name, Published(int(size), int(values), about, url, checksum)


def _tenths(width: str) -> str:
    """As in the files' names: 2_5 for 0.25, 5_0 for 0.50, 1_0 for 1.0."""
    return {"0.25": "2_5", "0.50": "5_0", "0.75": "7_5", "1.0": "1_0"}[width]
