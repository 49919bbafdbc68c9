"""The Ray cluster that a run uses: one that is running, or one that is started here for the run."""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import os
import secrets
import socket
import tempfile
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ... import invocation, machine
from ...errors import UserError, in_short
from . import package

AUTO, LOCAL, _CLIENT = "auto", "local", "ray://"

_CLIENT_PORT = 10001
_SECONDS_TO_ANSWER = 5.0

# Only the network and the paths of photos pass through Ray.
_OBJECT_STORE_BYTES = 512 << 20


def check(where: str) -> None:
    """Raises if no run could use this cluster."""
    if where not in (AUTO, LOCAL) and not (where.startswith(_CLIENT) and len(where) > len(_CLIENT)):
        raise UserError(f"--cluster={where}: expected auto, local or ray://HOST:PORT")
    for needed in ("ray", "pandas", "pyarrow"):
        if importlib.util.find_spec(needed) is None:
            raise UserError(
                f"--cluster={where} needs the package {needed}, which is not installed: {invocation.install('cluster')}"
            )


class Connection(NamedTuple):
    words: str  # a description of the cluster
    from_afar: bool  # this machine is not part of it


@contextlib.contextmanager
def connected(where: str) -> Iterator[Connection]:
    """Connects to Ray while the context lasts."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    # Ray's log is for those who run the cluster. Poets reports to its users itself.
    os.environ.setdefault("RAY_DATA_LOG_LEVEL", "CRITICAL")
    os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", ".*")
    running = _running() if where == AUTO else None if where == LOCAL else where
    # All this has to be set before Ray is imported.
    if running is None:
        # Keeps out everybody else on this machine, and keeps Ray from leaving a token in the user's folder.
        os.environ.setdefault("RAY_AUTH_MODE", "token")
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    elif _has_token():
        os.environ.setdefault("RAY_AUTH_MODE", "token")
    import ray

    logging.getLogger("ray").setLevel(logging.CRITICAL)
    with contextlib.ExitStack() as stack:
        if running is None:
            place = stack.enter_context(tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True))
            stack.callback(ray.shutdown)
            _start(place)
            yield Connection(f"Ray started here: {_size()}", from_afar=False)
        else:
            stack.callback(ray.shutdown)
            _join(running)
            words = f"the Ray cluster at {running.removeprefix(_CLIENT)}: {_size()}"
            yield Connection(words, running.startswith(_CLIENT))


def processors() -> list[int]:
    """The number of processors of each machine that takes work now."""
    import ray

    sizes = (int(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["Alive"])
    return [size for size in sizes if size > 0]


def _running() -> str | None:
    """The address of the cluster that RAY_ADDRESS names, or that this machine joined with `ray start`."""
    if address := os.environ.get("RAY_ADDRESS"):
        return address
    place = Path(os.environ.get("RAY_TMPDIR", "/tmp")) / "ray" / "ray_current_cluster"
    try:
        with place.open() as file:
            owner, address = os.fstat(file.fileno()).st_uid, file.read().strip()
        # Anybody may write to /tmp, and photos and code go to the cluster. root could read them anyway.
        if owner not in (os.geteuid(), 0):
            raise UserError(
                f"{place} names a Ray cluster but belongs to another user: set RAY_ADDRESS={address} if you trust "
                f"it, or use --cluster={LOCAL}"
            )
        _knock(address)
    except (OSError, ValueError):
        return None  # there is none, or it ended without `ray stop`
    return address


def _knock(address: str) -> None:
    """Raises OSError or ValueError at once if nothing answers there: Ray would try for half a minute."""
    parts = urllib.parse.urlsplit(address if "://" in address else f"//{address}")
    socket.create_connection((parts.hostname, parts.port or _CLIENT_PORT), timeout=_SECONDS_TO_ANSWER).close()


def _start(place: str) -> None:
    import ray

    # Workers start in the folder where Ray was started, which may not hold our package.
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(package.ROOT), os.environ.get("PYTHONPATH"))))
    try:
        ray.init(
            address="local",
            num_cpus=machine.cores(),
            include_dashboard=False,
            object_store_memory=_OBJECT_STORE_BYTES,
            log_to_driver=False,
            logging_level=logging.CRITICAL,
            _temp_dir=place,
        )
    except Exception as error:
        raise UserError(
            f"Ray cannot be started here: {in_short(error)}; leave --cluster out to do without it"
        ) from error


def _join(address: str) -> None:
    import ray

    try:
        _knock(address)
    except (OSError, ValueError) as error:
        raise UserError(
            f"no Ray cluster answers at {address} ({in_short(error)}): check the address and that it runs"
        ) from None
    # Only our package is sent: no photos, no virtual environment.
    travels = {"py_modules": [str(package.FOLDER)], "excludes": ["__pycache__"]}
    try:
        ray.init(address=address, runtime_env=travels, log_to_driver=False, logging_level=logging.CRITICAL)
    except Exception as error:
        # Ray raises many kinds of exceptions for other versions and for machines that do not answer.
        raise UserError(
            f"the Ray cluster at {address} cannot be used: {in_short(error)}; make sure that it runs the same versions "
            "of Python and Ray as this machine"
        ) from error


def _has_token() -> bool:
    """True if the user has a token: clusters started with one ask for it, others ignore it."""
    if "RAY_AUTH_TOKEN" in os.environ or "RAY_AUTH_TOKEN_PATH" in os.environ:
        return True
    return (Path.home() / ".ray" / "auth_token").is_file()


def _size() -> str:
    machines = processors()
    return f"{_counted(sum(machines), 'processor')} on {_counted(len(machines), 'machine')}"


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
