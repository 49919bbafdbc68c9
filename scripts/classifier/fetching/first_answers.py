"""Opens a URL and waits for the first bytes, for a limited time."""

import http.client
import queue
import threading
import urllib.request

from .lookups import Lookups
from .redirects import Redirects


def first_answer(
    request: urllib.request.Request, most: int, *, seconds: float, stall_seconds: float
) -> tuple[http.client.HTTPResponse, bytes]:
    """The response with at most `most` of its first bytes; TimeoutError if none arrives within `seconds`.

    A separate thread opens the connection, because looking up a name cannot be given a time limit.
    `stall_seconds` limits every single read, later ones of this response included.
    """
    lookups = Lookups()
    opener = urllib.request.build_opener(Redirects(request.full_url, lookups), *lookups.handlers())
    answers: queue.SimpleQueue[tuple[http.client.HTTPResponse, bytes] | Exception] = queue.SimpleQueue()
    abandoned = threading.Event()

    def work() -> None:
        try:
            response = opener.open(request, timeout=stall_seconds)
            answers.put((response, response.read1(most)))
            if abandoned.is_set():
                response.close()
        except Exception as error:  # raised again below
            answers.put(error)

    threading.Thread(target=work, daemon=True).start()
    try:
        answer = answers.get(timeout=max(0.0, seconds))
    except queue.Empty:
        abandoned.set()
        raise TimeoutError from None
    if isinstance(answer, Exception):
        raise answer
    return answer
