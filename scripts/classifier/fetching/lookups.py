"""Looks up each host of a download once, so that the address that was checked is the one connected to.

Otherwise a name server could answer with a public address for the check and with an inner one for the connection. A
proxy does its own looking up, so there is nothing to check here but addresses written as numbers, and localhost.
"""

import functools
import http.client
import ipaddress
import socket
import urllib.request

from . import connection_errors


class Lookups:
    """Remembers the addresses of hosts, and that there are none."""

    def __init__(self) -> None:
        self._found: dict[str, list[tuple[int, tuple]] | OSError | UnicodeError] = {}

    def handlers(self) -> tuple[urllib.request.BaseHandler, ...]:
        """What makes an opener connect to these addresses. The Host header and TLS still get the name."""
        return _HTTP(self), _HTTPS(self)

    def inner(self, request: urllib.request.Request) -> list[bool]:
        """For each address of the request's host: whether it is this machine, or not reachable from everywhere.

        Empty if the host has none, or if only the proxy can look it up: without a name server, that would take long.
        """
        host = http.client.HTTPConnection(request.host).host  # without the port, as it will be used
        if host.rstrip(".").lower() == "localhost":
            return [True]
        try:
            if connection_errors.proxy_of(request.full_url) is not None:
                found = _look_up(host, socket.AI_NUMERICHOST)
            else:
                found = self._of(host)
        except (OSError, UnicodeError):
            return []
        return [not _is_public(ipaddress.ip_address(address[0])) for _family, address in found]

    def connect(self, host_and_port: tuple[str, int], timeout: float, source_address: tuple | None) -> socket.socket:
        """A connection to the first address that takes one; the last failure if none does."""
        host, port = host_and_port
        failure: OSError | None = None
        for family, (address, _port, *scope) in self._of(host):
            connection = socket.socket(family, socket.SOCK_STREAM)
            try:
                connection.settimeout(timeout)
                if source_address is not None:
                    connection.bind(source_address)
                connection.connect((address, port, *scope))
                return connection
            except OSError as error:
                connection.close()
                failure = error
        raise failure or OSError(f"{host} has no address")

    def _of(self, host: str) -> list[tuple[int, tuple]]:
        if host not in self._found:
            try:
                self._found[host] = _look_up(host)
            except (OSError, UnicodeError) as error:
                self._found[host] = error
        found = self._found[host]
        if isinstance(found, Exception):
            raise found
        return found


class _Handler(urllib.request.AbstractHTTPHandler):
    def __init__(self, lookups: Lookups):
        super().__init__()
        self._lookups = lookups

    def do_open(self, http_class, req, **options):
        return super().do_open(functools.partial(self._connection, http_class), req, **options)

    def _connection(self, http_class, host: str, **options) -> http.client.HTTPConnection:
        connection = http_class(host, **options)
        connection._create_connection = self._lookups.connect  # http.client has no public way
        return connection


class _HTTP(_Handler, urllib.request.HTTPHandler):
    pass


class _HTTPS(_Handler, urllib.request.HTTPSHandler):
    pass


def _look_up(host: str, flags: int = 0) -> list[tuple[int, tuple]]:
    """The families and addresses of a host."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=flags)
    return [(family, address) for family, *_, address in found]


def _is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address.is_global and not address.is_multicast
