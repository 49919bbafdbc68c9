"""Puts into words why a connection failed."""

import socket
import ssl
import urllib.error
import urllib.parse
import urllib.request

from ..errors import in_short


class TransferFailed(Exception):
    """The text gives the reason, and fits after a colon."""


class Refused(TransferFailed):
    """The server answers, but has no such file, or not for everybody."""


def in_words(error: Exception, url: str, *, seconds: float, began: bool) -> str:
    """`seconds` is the time waited for a byte; `began` says that bytes had arrived before."""
    cause = _cause(error)
    if isinstance(cause, TimeoutError):
        cause = f"no byte within {seconds:g} s"
    elif isinstance(cause, socket.gaierror):
        cause = "its name is not found"
    elif isinstance(cause, ssl.SSLCertVerificationError):
        cause = f"its certificate is not trusted: {cause.verify_message}"
    elif isinstance(cause, OSError) and cause.strerror:
        cause = cause.strerror
    proxy = proxy_of(url)
    through = f" through the proxy {proxy}" if proxy is not None else ""
    host = urllib.parse.urlsplit(url).netloc.rpartition("@")[2]
    return f"{host} {'stopped sending' if began else 'cannot be reached'}{through} ({in_short(cause)})"


def is_final(error: Exception) -> bool:
    """True if another attempt would only fail in the same way."""
    return isinstance(_cause(error), ssl.SSLCertVerificationError)


def _cause(error: Exception) -> object:
    return error.reason if isinstance(error, urllib.error.URLError) else error


def proxy_of(url: str) -> str | None:
    """The proxy that the environment sets for a URL, without user and password."""
    parts = urllib.parse.urlsplit(url)
    proxy = urllib.request.getproxies().get(parts.scheme)
    if not proxy or urllib.request.proxy_bypass(parts.netloc.rpartition("@")[2]):
        return None
    return urllib.parse.urlsplit(proxy if "//" in proxy else f"//{proxy}").netloc.rpartition("@")[2]
