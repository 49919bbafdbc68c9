"""Says which part of a network is wanted, and what the user knows about it that it does not tell itself."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, fields

from ..errors import UserError
from .frozen_backbones import Prelude


@dataclass(frozen=True)
class Choices:
    """None: as the network says itself."""

    bottleneck_layer: str | None = None
    input_size: int | None = None
    input_mean: float | None = None
    input_std: float | None = None

    def given(self) -> dict[str, object]:
        return {name: value for name, value in asdict(self).items() if value is not None}

    def fingerprint(self, content: str) -> str:
        """Of the network whose file has the sha256 `content`, used like this."""
        given = self.given()
        return hashlib.sha256(f"{content} {sorted(given.items())}".encode()).hexdigest() if given else content

    def refuse(self, name: str, *heeded: str) -> None:
        """Raises for what means nothing for this network."""
        for flag in self.given():
            if flag not in heeded:
                raise UserError(f"--{flag} means nothing for {name}, which knows it by itself: leave it out")

    def prelude(self, mean: float | None, std: float | None, origin: object) -> Prelude:
        """`mean` and `std` are what was found out, None where nothing was."""
        mean = mean if self.input_mean is None else self.input_mean
        std = std if self.input_std is None else self.input_std
        if std == 0:
            raise UserError("--input_std=0: pixels are divided by it, so it cannot be 0")
        if mean is None or std is None:
            raise UserError(
                f"{origin} does not tell what it wants of pixels of 0 to 255: say what is subtracted from them with "
                "--input_mean and by what the difference is divided with --input_std (0 and 255 make 0 to 1 of them, "
                "127.5 and 127.5 make -1 to 1)"
            )
        return Prelude.of(mean, std)

    def size(self, found: int | None, origin: object) -> int:
        size = found if self.input_size is None else self.input_size
        if size is None:
            raise UserError(f"{origin} does not tell the size of the pictures that it takes: give it as --input_size")
        return size


ALL = tuple(each.name for each in fields(Choices))
