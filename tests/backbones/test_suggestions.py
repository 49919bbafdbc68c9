"""A misspelt --architecture is answered with the network that was meant."""

import pytest

from scripts.classifier.backbones import table
from scripts.classifier.errors import UserError

V1_WIDTHS, V1_SIZES = "0.25, 0.50, 0.75 or 1.0", "128, 160, 192 or 224"

ANSWERS = {
    "mobilenet_0.3_224": f"no such width, choose {V1_WIDTHS} (",
    "mobilenet_1.0_225": f"no such size, choose {V1_SIZES} (",
    "mobilenet_0.3_225_quantized": f"no such width, choose {V1_WIDTHS}; no such size, choose {V1_SIZES} (",
    "MobileNetV2_0.9_224": "no such width, choose 0.35, 0.5, 0.75, 1.0, 1.3 or 1.4 (",
    "MobileNetV2_1.4_192": "did you mean MobileNetV2_1.4_224?",
    "mobilenet_0.5_224": "did you mean mobilenet_0.50_224?",
    "mobilenet_1_224": "did you mean mobilenet_1.0_224?",
    "MobileNet_0.5_128": "did you mean MobileNet_0.50_128?",
    "mobilenet_0.5_224_quantized": "did you mean mobilenet_0.50_224_quantized?",
    "mobilenet_0.25_224_quant": "did you mean mobilenet_0.25_224_quantized?",
    "mobilenet_v1_1.0_224": "did you mean mobilenet_1.0_224?",
    "mobilenet_v2_1.0_224": "did you mean MobileNetV2_1.0_224?",
    "mobilnet_0.50_224": "did you mean mobilenet_0.50_224?",
    "mobilenet_1.0": "did you mean mobilenet_1.0_128, mobilenet_1.0_160, mobilenet_1.0_192 or mobilenet_1.0_224?",
    "densenet": "did you mean densenet161, DenseNet121, DenseNet169 or DenseNet201?",
    "DenseNt121": "did you mean DenseNet121?",
    "EfficientNetB": "did you mean one of EfficientNetB0, EfficientNetB1 ... EfficientNetB7?",
    "EfficientNetB9": "did you mean one of EfficientNetB0, EfficientNetB1 ... EfficientNetB7?",
    "efficientnet_b0": "did you mean EfficientNetB0?",
    "resnet18": "did you mean one of ResNet101, ResNet101V2 ... ResNet50V2?",
    "inception_v4": "did you mean inception_v3?",
    "qqqq": "no such network, file or folder (",
    "": "no such network, file or folder (",
    "_0_0": "no such network, file or folder (",
    "models/network.keras": "no such file or folder;",
    "network.pb": "no such file or folder;",
    "tfhub.dev/google/module/1": "a TensorFlow Hub handle (https://...)",
}


@pytest.mark.parametrize("name", ANSWERS)
def test_the_error_names_what_was_meant(name):
    with pytest.raises(UserError) as refused:
        table.resolve(name)
    said = str(refused.value)
    assert said.startswith(f"--architecture={name}: ") and ANSWERS[name] in said
    assert "\n" not in said and "python -m scripts.architectures" in said


@pytest.mark.parametrize(
    ("name", "network"),
    [("inceptionv3", "inception_v3"), ("MobilenetV2", "MobileNetV2"), ("resnet50", "ResNet50"), ("vgg16", "VGG16")],
)
def test_capitals_do_not_matter(name, network):
    assert table.resolve(name) == network
