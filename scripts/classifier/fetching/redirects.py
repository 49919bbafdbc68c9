"""Decides which redirects to follow: never to a weaker protocol, and never from the web into this network."""

import urllib.error
import urllib.request

from ..errors import in_short
from .lookups import Lookups

_WEB = ("http", "https")


class Misdirected(Exception):
    """A redirect is not followed. The text gives the reason, and fits after a colon."""


class Redirects(urllib.request.HTTPRedirectHandler):
    """Also follows 308, which Python 3.10 does not."""

    def __init__(self, url: str, lookups: Lookups):
        self._first = urllib.request.Request(url)  # which the user or this program chose
        self._lookups = lookups

    def redirect_request(self, req, fp, code, msg, headers, newurl):
        following = super().redirect_request(req, fp, 307 if code == 308 else code, msg, headers, newurl)
        if following is not None:
            self._check(req, following)
            fp.close()  # urllib would read all of its body, which may be endless
        return following

    def http_error_302(self, req, fp, code, msg, headers):
        try:
            return super().http_error_302(req, fp, code, msg, headers)
        except urllib.error.HTTPError as error:
            # urllib itself refuses the schemes that it knows to be unsafe.
            if error.url.startswith(tuple(f"{scheme}:" for scheme in _WEB)):
                raise
            raise _other_scheme(error.url.partition(":")[0]) from None
        except ValueError as error:
            raise Misdirected(f"the server redirects to an address that is none ({in_short(error)})") from None

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302

    def _check(self, current: urllib.request.Request, following: urllib.request.Request) -> None:
        if following.type not in _WEB:
            raise _other_scheme(following.type)
        if current.type == "https" and following.type != "https":
            raise Misdirected("the server redirects from https to http, where anybody on the way could change the file")
        # Who answers from the web may give both kinds of addresses, so one is enough to refuse, and not to allow.
        first = self._lookups.inner(self._first)
        if any(self._lookups.inner(following)) and not (first and all(first)):
            raise Misdirected(
                f"the server redirects to {in_short(following.host)}, an address inside this network, "
                "where only addresses in the same network may lead"
            )


def _other_scheme(scheme: object) -> Misdirected:
    return Misdirected(f"the server redirects to {in_short(scheme)}, expected https or http")
