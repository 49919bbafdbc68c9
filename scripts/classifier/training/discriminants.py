"""Two things that the bottlenecks of training photos teach: what tells labels apart, and what they share.

Linear discriminant analysis gives the first, principal component analysis the second. Both are bounded in time: about
a second on two cores.
"""

from __future__ import annotations

import numpy as np

# How far the covariance is drawn towards that of independent values: there are about as many values as photos. On
# flowers 0.7 was a little better than 0.5, and 0.3 worse.
_SHRINKAGE = 0.7
# A label's photos are in several groups, such as flowers seen from afar and close up. With one group or eight, fewer
# other flowers are told.
_GROUPS, _MOST_GROUPS = 4, 1024
# Which groups are found depends on luck: the mean over several ways to group is better than most of them.
_WAYS = 3
_ROUNDS = 10
# With 64 directions, fewer pictures of other things are told; with more than 128, hardly more.
_DIRECTIONS = 128
_SPARE, _PASSES = 16, 4  # of the search for them

# Multiplications in a covariance matrix, which bounds the photos that it is taken from.
_MOST_WORK = 2e10


def discriminants(
    vectors: np.ndarray, labels: np.ndarray, none: bool, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """[groups, values], [groups] and [ways, labels]: a vector's product with the first, plus the second, is highest for
    its own group, and the third tells where the groups of each label start, for each way to group them.

    `labels` are 0, 1 ... without gaps. All count as equally frequent. If the last is `none` of the labels, it stays one
    group: other things than these will come, and they are more like all of these than like some.
    """
    count = int(labels.max()) + 1
    each = max(1, min(_GROUPS, _MOST_GROUPS // count))
    ways: list[list[np.ndarray]] = [[] for _ in range(_WAYS if each > 1 else 1)]
    means = []
    for label in range(count):
        own = vectors[labels == label]
        means.append(own.mean(axis=0))
        for way in ways:
            way.append(_centres(own, 1 if none and label == count - 1 else each, random))
    groups = [group for way in ways for group in way]
    rows, centres = _enough(vectors, random), np.concatenate(groups)
    weights = _over_covariance(vectors[rows] - np.stack(means)[labels[rows]], centres)
    starts = np.cumsum([0, *(len(group) for group in groups[:-1])]).reshape(len(ways), count)
    return weights, -(centres * weights).sum(axis=1) / 2, starts


def _centres(vectors: np.ndarray, most: int, random: np.random.Generator) -> np.ndarray:
    """The means of groups of near vectors (k-means), at most so many."""
    centres = vectors[random.choice(len(vectors), min(most, len(vectors)), replace=False)]
    for _ in range(_ROUNDS if len(centres) > 1 else 1):
        nearest = ((centres**2).sum(axis=1) - 2 * vectors @ centres.T).argmin(axis=1)
        _, nearest, sizes = np.unique(nearest, return_inverse=True, return_counts=True)
        members = np.equal(np.arange(len(sizes))[:, None], nearest).astype(vectors.dtype)
        centres = members @ vectors / sizes[:, None].astype(vectors.dtype)
    return centres


def _over_covariance(residuals: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The rows times the inverse of the residuals' covariance, which is shrunk."""
    photos, values = residuals.shape
    # Standardised values vary by 1: the best guess if each label has one photo, so that none is left over.
    spread = float((residuals**2).mean()) or 1.0
    own, common = (1 - _SHRINKAGE) / photos, _SHRINKAGE * spread
    if values <= photos:
        covariance = own * (residuals.T @ residuals)
        covariance.flat[:: values + 1] += common
        return np.linalg.solve(covariance, rows.T).T
    # The same by way of a smaller matrix (Woodbury).
    products = own * (residuals @ residuals.T)
    products.flat[:: photos + 1] += common
    return (rows - own * np.linalg.solve(products, residuals @ rows.T).T @ residuals) / common


def principal_directions(vectors: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """[directions, values] of length 1, along which the vectors' own directions lie; by subspace iteration."""
    some = vectors[_enough(vectors, random)]
    some = some / np.maximum(np.linalg.norm(some, axis=1, keepdims=True), 1e-12)
    photos, values = some.shape
    wanted = max(1, min(_DIRECTIONS, photos // 4, values // 8))
    width = min(wanted + _SPARE, photos, values)
    found = random.standard_normal((values, width)).astype(np.float32)
    for _ in range(_PASSES):
        found = _orthonormal(some.T @ (some @ found))
    inside = some @ found
    turned = np.linalg.eigh(inside.T @ inside)[1][:, ::-1]
    return (found @ turned[:, :wanted]).T


def _orthonormal(columns: np.ndarray) -> np.ndarray:
    """Columns of length 1 at right angles that span the same (Cholesky's way: five times as fast as numpy's qr)."""
    columns = columns.astype(np.float64)
    columns /= np.maximum(np.linalg.norm(columns, axis=0), 1e-300)
    products = columns.T @ columns
    products.flat[:: len(products) + 1] += 1e-10  # a few photos span less than is asked for
    return np.linalg.solve(np.linalg.cholesky(products), columns.T).T.astype(np.float32)


def _enough(vectors: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """The rows of so many vectors, drawn at random, as the work allows."""
    photos, values = vectors.shape
    # The smaller of the two possible matrices takes photos * values * (the fewer of both) multiplications.
    most = int(max(_MOST_WORK / values**2, np.sqrt(_MOST_WORK / values)))
    if photos <= most:
        return np.arange(photos)
    return np.sort(random.choice(photos, most, replace=False))
