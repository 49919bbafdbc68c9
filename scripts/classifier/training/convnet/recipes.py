"""How networks are trained from nothing: what each kind of network starts from, and what the user may change."""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import UserError

BASIC, DEEP = NETWORKS = ("basic", "deep")


@dataclass(frozen=True)
class Views:
    """How training photos are changed at random each time that they are looked at."""

    flip: bool = False  # mirror half of them
    shift: float = 0.0  # up to so much of the side, in both directions
    rotation: float = 0.0  # up to so much of a full turn, either way
    zoom: float = 0.0  # up to so much larger or smaller

    @property
    def any(self) -> bool:
        return self != Views()


@dataclass(frozen=True)
class CnnRecipe:
    """How to train, with the defaults of the Keras tutorial on flowers."""

    network: str = BASIC
    image_size: int = 180
    epochs: int = 10
    batch_size: int = 32
    dropout: float = 0.0
    augment: bool = False
    patience: int | None = None  # stop after so many epochs without a better one; None: never
    seed: int = 0

    def __post_init__(self):
        if not 0 <= self.dropout < 1:
            raise UserError(f"--dropout={self.dropout:g}: expected a share from 0 to below 1, such as 0.2")

    @property
    def views(self) -> Views:
        """The tutorial's rotation and zoom; `deep` looks at mirrored and shifted photos in any case."""
        deep = self.network == DEEP
        turn = 0.1 if self.augment else 0.0
        return Views(flip=deep or self.augment, shift=0.125 if deep else 0.0, rotation=turn, zoom=turn)


def default_epochs(network: str) -> int:
    """The basic network has mostly learned its photos by heart after ten; the deep one still gains."""
    return CnnRecipe.epochs if network == BASIC else 20


def default_batch_size(network: str) -> int:
    """Large batches suit batch normalisation and keep all cores busy; small ones suit the basic network."""
    return CnnRecipe.batch_size if network == BASIC else 128
