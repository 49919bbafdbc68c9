"""Writes shares as people read them."""

from __future__ import annotations


def percent(share: float, decimals: int = 1) -> str:
    """0.82 is "82.0 %". Rounding never gives 100 % or 0 %: 0.99994 is ">99.9 %", and 0.0004 "<0.1 %"."""
    shown, smallest = f"{100 * share:.{decimals}f}", 10.0**-decimals
    if share < 1 and float(shown) >= 100:
        return f">{100 - smallest:.{decimals}f} %"
    if share > 0 and float(shown) == 0:
        return f"<{smallest:.{decimals}f} %"
    return f"{shown} %"
