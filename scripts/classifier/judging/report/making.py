"""The report's sections on the training: how it went, and the settings it used."""

from __future__ import annotations

from ...drawing import curve_points
from ...photos.image_lists import SPLITS
from ..judged import spoken
from . import charts
from .markup import Section, text

_DISTORTIONS = ("flip_left_right", "random_crop", "random_scale", "random_brightness")


def curves(curve: dict[str, list] | None) -> Section | None:
    if curve is None or not curve.get("step"):
        return None
    validated = any(value is not None for value in curve.get("validation_accuracy") or [])
    drawn = ""
    for heading, key, top, meaning in (
        ("Accuracy", "accuracy", 1.0, "higher is better"),
        ("Cross entropy", "cross_entropy", None, "lower is better"),
    ):
        series = [("training", curve[key])]
        if validated:
            series.append(("validation", curve[f"validation_{key}"]))
        last = ((which, curve_points.last(values)) for which, values in series)
        ends = ", ".join(f"{which} {value:.2f}" for which, value in last if value is not None)
        what = f"{heading} over {curve['step'][-1]:,} training steps; at the end: {ends}"
        picture = charts.curve(curve["step"], series, top, what, shares=top is not None)
        drawn += f"<div><h3>{heading} <span class=soft>({meaning})</span></h3>{picture}</div>"
    lines = '<li><i class="k-training"></i>training photos, which it learned from</li>'
    lines += '<li><i class="k-validation"></i>validation photos, which it did not</li>' if validated else ""
    body = (
        "<p>Each step looks at some photos and corrects the classifier a little. If the lines are still improving at "
        "the end, train for more steps. If the gap between them grows, the classifier is learning its photos by heart "
        "(overfitting): more photos help. A pale band shows how far single "
        "measurements strayed.</p>"
        f'<ul class="key" aria-hidden="true">{lines}</ul><div class="charts">{drawn}</div>'
    )
    return Section("training", "How it learned", body)


def making(record: dict | None) -> Section | None:
    if record is None:
        return None
    options, backbone = _dict(record.get("options")), _dict(record.get("backbone"))
    photos = [_dict(each) for each in _dict(record.get("photos")).values()]
    numbers = [f"{sum(each.get(split, 0) for each in photos):,} {spoken(split)}" for split in SPLITS] if photos else []
    distorted = [
        f"{flag.replace('_', ' ')} {options[flag]}" if options[flag] is not True else flag.replace("_", " ")
        for flag in _DISTORTIONS
        if options.get(flag)
    ]
    seconds = [each for each in _dict(record.get("seconds")).values() if isinstance(each, int | float)]
    versions = [f"{package} {version}" for package, version in _dict(record.get("versions")).items()]
    facts = [
        ("Network", backbone.get("architecture") or options.get("architecture")),
        ("Arithmetic", backbone.get("precision")),
        ("Values a photo", backbone.get("bottleneck_size")),
        ("Photos", ", ".join(numbers) or None),
        ("Unreadable photos", record.get("unreadable_photos")),
        ("Training steps", record.get("steps_trained")),
        ("Learning rate", options.get("learning_rate")),
        ("Photos a step", options.get("train_batch_size")),
        ("Distortions", ", ".join(distorted) or None),
        ("Seed", record.get("seed")),
        ("Time", f"{sum(seconds):.0f} s" if seconds else None),
        ("Versions", ", ".join(versions) or None),
        ("Fingerprint of the photos", record.get("data_fingerprint")),
        ("Checksum of the graph", record.get("graph_sha256")),
    ]
    known = [(title, value) for title, value in facts if value is not None]
    if not known:
        return None
    items = "".join(
        f"<dt>{title}</dt><dd>{text(f'{value:,}' if type(value) is int else value)}</dd>" for title, value in known
    )
    return Section("making", "How it was made", f'<dl class="facts">{items}</dl>')


def _dict(value: object) -> dict:
    """Part of a record, or nothing: a record by another program may hold anything."""
    return value if isinstance(value, dict) else {}
