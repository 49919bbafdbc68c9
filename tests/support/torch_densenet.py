"""DenseNet-161 in PyTorch, as torchvision publishes it, to compare ours with."""

from collections import OrderedDict

import torch
from torch import nn


class DenseLayer(nn.Module):
    def __init__(self, channels: int, growth: int):
        super().__init__()
        self.norm1, self.conv1 = nn.BatchNorm2d(channels), nn.Conv2d(channels, 4 * growth, 1, bias=False)
        self.norm2, self.conv2 = nn.BatchNorm2d(4 * growth), nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False)

    def forward(self, x):
        new = self.conv1(torch.relu(self.norm1(x)))
        return torch.cat([x, self.conv2(torch.relu(self.norm2(new)))], 1)


class Transition(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.norm, self.conv = nn.BatchNorm2d(channels), nn.Conv2d(channels, channels // 2, 1, bias=False)

    def forward(self, x):
        return nn.functional.avg_pool2d(self.conv(torch.relu(self.norm(x))), 2)


class DenseNet(nn.Module):
    def __init__(self, layers: tuple[int, ...] = (6, 12, 36, 24), growth: int = 48, first: int = 96):
        super().__init__()
        parts = OrderedDict(
            conv0=nn.Conv2d(3, first, 7, 2, 3, bias=False),
            norm0=nn.BatchNorm2d(first),
            relu0=nn.ReLU(),
            pool0=nn.MaxPool2d(3, 2, 1),
        )
        channels = first
        for block, count in enumerate(layers, 1):
            named = OrderedDict(
                (f"denselayer{number + 1}", DenseLayer(channels + number * growth, growth)) for number in range(count)
            )
            parts[f"denseblock{block}"] = nn.Sequential(named)
            channels += count * growth
            if block < len(layers):
                parts[f"transition{block}"] = Transition(channels)
                channels //= 2
        parts["norm5"] = nn.BatchNorm2d(channels)
        self.features = nn.Sequential(parts)
        self.classifier = nn.Linear(channels, 1000)

    def pooled(self, pictures: torch.Tensor) -> torch.Tensor:
        """[n, 2208] from pictures prepared by torchvision, [n, 3, height, width]."""
        return torch.relu(self.features(pictures)).mean((2, 3))


def random_densenet() -> DenseNet:
    torch.manual_seed(0)
    network = DenseNet().eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor, low, high in (
                (module.weight.data, 0.5, 1.5),
                (module.bias.data, -0.2, 0.2),
                (module.running_mean, -0.2, 0.2),
                (module.running_var, 0.5, 1.5),
            ):
                tensor.uniform_(low, high)
    return network
