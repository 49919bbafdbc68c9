"""The user's choices for a network: which part of it to use, and facts that its file does not state."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, fields

from ..errors import UserError
from ..photos.preprocessing import RGB, asking
from .frozen_backbones import Prelude

# Raised when networks from elsewhere are understood differently: graphs and bottlenecks kept from before are not used.
_UNDERSTANDING = 2


@dataclass(frozen=True)
class Choices:
    """None leaves a choice to the network's file."""

    bottleneck_layer: str | None = None
    input_size: int | None = None
    input_mean: float | None = None
    input_std: float | None = None
    channels: str | None = None

    def given(self) -> dict[str, object]:
        return {name: value for name, value in asdict(self).items() if value is not None}

    def fingerprint(self, content: str) -> str:
        """Identifies the network whose file has the sha256 `content`, used with these choices."""
        given = self.given()
        return hashlib.sha256(f"{content} {sorted(given.items())}".encode()).hexdigest() if given else content

    def of_file(self, content: str) -> str:
        """The same for a file that says little about itself, so that it also depends on how we understand it."""
        return self.fingerprint(hashlib.sha256(f"{content} as of {_UNDERSTANDING}".encode()).hexdigest())

    def refuse(self, name: str, *heeded: str) -> None:
        """Raises if a choice does not apply to this network."""
        for flag in self.given():
            if flag not in heeded:
                raise UserError(f"--{flag} does not apply to {name}, which fixes it: leave it out")

    def prelude(self, mean: float | None, std: float | None, origin: object, channels: str | None = RGB) -> Prelude:
        """`mean`, `std` and `channels` come from the file; None if it does not state them."""
        mean = mean if self.input_mean is None else self.input_mean
        std = std if self.input_std is None else self.input_std
        channels = channels if self.channels is None else self.channels
        if std == 0:
            raise UserError("--input_std=0: pixels are divided by it, so it cannot be 0")
        if mean is None or std is None or channels is None:
            taken = {"input_mean": mean, "input_std": std, "channels": channels}
            raise asking(origin, [name for name, value in taken.items() if value is None])
        return Prelude.of(mean, std, channels)

    def size(self, found: int | None, origin: object) -> int:
        size = found if self.input_size is None else self.input_size
        if size is None:
            raise UserError(f"{origin} does not say how large its pictures must be: give --input_size")
        return size


ALL = tuple(each.name for each in fields(Choices))
