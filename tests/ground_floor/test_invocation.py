"""What users are told to type has to work where they are: in a clone, and where Poets is installed."""

import subprocess
import sys

import pytest

from tests.support.workplace import ROOT


@pytest.mark.parametrize(
    ("package", "said"),
    [
        ("scripts", "python -m scripts.retrain --tune\npip install -r requirements/serve.txt"),
        ("poets", "poets retrain --tune\npip install 'photo-poets[serve]'"),
        ("vendored", "python -m vendored.retrain --tune\npip install -r requirements/serve.txt"),
    ],
)
def test_commands_and_extras_are_named_as_this_door_has_them(tmp_path, package, said):
    (tmp_path / package).symlink_to(ROOT / "scripts")
    code = (
        f"from {package}.classifier import invocation\n"
        "print(invocation.command('retrain --tune'))\n"
        "print(invocation.install('serve'))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.strip() == said, done.stderr
