"""Builds the package `poets` out of the folder scripts/; pyproject.toml has all that needs no code."""

from pathlib import Path

from setuptools import find_packages, setup

REQUIREMENTS = Path(__file__).parent / "requirements"
EXTRAS = ("cluster", "datasets", "keras_hub", "networks", "notebook", "onnx", "serve")


def listed(name: str) -> list[str]:
    """The packages of a file that pip reads too, without its comments and options."""
    lines = (line.partition(" #")[0].strip() for line in (REQUIREMENTS / f"{name}.txt").read_text("utf-8").splitlines())
    return [line for line in lines if line and not line.startswith(("#", "-"))]


setup(
    package_dir={"poets": "scripts"},
    packages=["poets", *(f"poets.{package}" for package in find_packages("scripts"))],
    package_data={"poets.classifier.serving": ["page/*"]},
    install_requires=listed("core"),
    extras_require={name: listed(name) for name in EXTRAS},
)
