"""The settings for training from scratch, and their defaults for each network."""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import UserError
from ...photos import fitting

BASIC, DEEP = NETWORKS = ("basic", "deep")


@dataclass(frozen=True)
class Views:
    """The random changes to training photos, drawn again in every epoch."""

    flip: bool = False  # mirror half of them
    shift: float = 0.0  # at most, as a share of the side, in both directions
    rotation: float = 0.0  # at most, as a share of a full turn, either way
    zoom: float = 0.0  # at most, as a share, larger or smaller

    @property
    def any(self) -> bool:
        return self != Views()


@dataclass(frozen=True)
class CnnRecipe:
    """The defaults are those of the Keras tutorial on flowers."""

    network: str = BASIC
    image_size: int = 180
    epochs: int = 10
    batch_size: int = 32
    dropout: float = 0.0
    augment: bool = False
    patience: int | None = None  # stop after this many epochs without a better one; None: never
    seed: int = 0
    fit: str = fitting.SQUEEZE  # how photos become squares

    def __post_init__(self):
        if not 0 <= self.dropout < 1:
            raise UserError(f"--dropout={self.dropout:g}: expected a number from 0 to below 1, such as 0.2")

    @property
    def views(self) -> Views:
        """The tutorial's rotation and zoom; `deep` always mirrors and shifts photos."""
        deep = self.network == DEEP
        turn = 0.1 if self.augment else 0.0
        return Views(flip=deep or self.augment, shift=0.125 if deep else 0.0, rotation=turn, zoom=turn)


def default_epochs(network: str) -> int:
    """After ten, the basic network has mostly memorised its photos; the deep one still improves."""
    return CnnRecipe.epochs if network == BASIC else 20


def default_batch_size(network: str) -> int:
    """Large batches suit batch normalisation and keep all cores busy; small ones suit the basic network."""
    return CnnRecipe.batch_size if network == BASIC else 128
