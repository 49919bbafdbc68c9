"""One process at a time, whatever the previous one did at the end."""

import shutil
import threading

import pytest

from scripts.classifier.locks import sole_owner

LAST_ACTS = {
    "nothing": lambda path: None,
    "renamed": lambda path: path.rename(path.with_name("finished")),
    "removed": lambda path: shutil.rmtree(path) if path.is_dir() else path.unlink(),
}


@pytest.mark.parametrize("folder", [False, True], ids=["file", "folder"])
@pytest.mark.parametrize("last_act", LAST_ACTS.values(), ids=LAST_ACTS)
def test_a_waiting_process_gets_the_current_file(tmp_path, last_act, folder):
    path = tmp_path / "unfinished"
    owners, most, found = [], [], []

    def work():
        with sole_owner(path, folder=folder):
            owners.append(1)
            most.append(len(owners))
            found.append(path.is_dir() == folder and path.exists())
            if len(found) == 1:
                # The others now wait for this thread's lock.
                for thread in threads[1:]:
                    thread.start()
                threads[1].join(timeout=0.2)
            owners.pop()
            last_act(path)  # another thread may now create and own a new one

    threads = [threading.Thread(target=work) for _ in range(4)]
    threads[0].start()
    threads[0].join()
    for thread in threads[1:]:
        thread.join()
    assert most == [1] * 4
    assert found == [True] * 4


def test_a_missing_folder_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError), sole_owner(tmp_path / "missing" / "unfinished"):
        pass
