"""Commands named in messages work for the user: in a clone, and with an installed Poets."""

import subprocess
import sys

import pytest

from tests.support.workplace import ROOT


@pytest.mark.parametrize(
    ("package", "said"),
    [
        ("scripts", "python -m scripts.retrain --tune\npip install -r requirements/serve.txt\ndocs/export.md"),
        ("poets", "poets retrain --tune\npip install 'photo-poets[serve]'\ndocs/export.md of Poets' source"),
        ("vendored", "python -m vendored.retrain --tune\npip install -r requirements/serve.txt\ndocs/export.md"),
    ],
)
def test_commands_extras_and_pages_are_named_as_users_find_them(tmp_path, package, said):
    (tmp_path / package).symlink_to(ROOT / "scripts")
    code = (
        f"from {package}.classifier import invocation\n"
        "print(invocation.command('retrain --tune'))\n"
        "print(invocation.install('serve'))\n"
        "print(invocation.page('export.md'))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.strip() == said, done.stderr
