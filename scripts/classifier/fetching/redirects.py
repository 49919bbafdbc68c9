"""Decides which redirects to follow: never to a weaker protocol, and never from the web into this network."""

import contextlib
import http.client
import ipaddress
import socket
import urllib.error
import urllib.request

from ..errors import in_short
from . import connection_errors

_WEB = ("http", "https")


class Misdirected(Exception):
    """A redirect is not followed. The text gives the reason, and fits after a colon."""


class Redirects(urllib.request.HTTPRedirectHandler):
    """Also follows 308, which Python 3.10 does not."""

    def __init__(self, url: str):
        self._url = url  # the first one, which the user or this program chose

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
        if _is_inner(following) and not _is_inner(urllib.request.Request(self._url)):
            raise Misdirected(
                f"the server redirects to {in_short(following.host)}, an address inside this network, "
                "where only addresses in the same network may lead"
            )


def _other_scheme(scheme: object) -> Misdirected:
    return Misdirected(f"the server redirects to {in_short(scheme)}, expected https or http")


def _is_inner(request: urllib.request.Request) -> bool:
    """True if the host is this machine, or one that cannot be reached from everywhere.

    A name that only the proxy can look up is not looked up here: without a name server, that would take long.
    """
    host = http.client.HTTPConnection(request.host).host  # without the port, as it will be used
    if host.rstrip(".").lower() == "localhost":
        return True
    known = socket.AI_NUMERICHOST if connection_errors.proxy_of(request.full_url) is not None else 0
    with contextlib.suppress(OSError, UnicodeError):  # a name that is not found leads nowhere
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=known)
        return any(not _is_public(ipaddress.ip_address(address[0])) for *_, address in found)
    return False


def _is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address.is_global and not address.is_multicast
