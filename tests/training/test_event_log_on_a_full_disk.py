"""TensorBoard's log on a full disk."""

from pathlib import Path

import pytest

from scripts.classifier.errors import UserError
from scripts.classifier.training import summaries


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device here that is always full")
def test_a_full_disk_is_told_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(summaries, "_event_file_name", lambda: "/dev/full")
    with pytest.raises(UserError, match=r"^cannot write to .*: .*; free some space or give another --summaries_dir$"):
        summaries.Summaries(tmp_path).close()
