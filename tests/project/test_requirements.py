"""The core packages are the ones that the code imports, and the weights that it reads."""

import re
from importlib import metadata

from scripts.classifier.backbones import efficientnet_lite
from tests.support.workplace import ROOT


def test_every_required_package_is_imported():
    code = "\n".join(path.read_text() for path in (ROOT / "scripts").rglob("*.py"))
    modules: dict[str, list[str]] = {}
    for module, packages in metadata.packages_distributions().items():
        for package in packages:
            modules.setdefault(_plain(package), []).append(re.escape(module))
    lines = (ROOT / "requirements" / "core.txt").read_text().splitlines()
    required = [line.partition("==")[0] for line in lines if "==" in line]
    assert required
    weights = {size.package.package for size in efficientnet_lite.SIZES}
    for package in (each for each in required if each not in weights):
        its = "|".join(modules[_plain(package)])
        assert re.search(rf'^\s*(import|from) ({its})\b|import_module\("({its})"', code, re.MULTILINE), package


def _plain(package: str) -> str:
    """The form in which package indexes compare names."""
    return re.sub("[-_.]+", "-", package).lower()
