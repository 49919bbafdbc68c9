"""Tells people where to open the page, on this computer and on their phones."""

from __future__ import annotations

import ipaddress
import socket


def url(host: str, port: int) -> str:
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"


def next_steps(host: str, port: int, asks_for_token: bool) -> list[str]:
    address = ipaddress.ip_address(host.partition("%")[0])
    if not address.is_unspecified:
        steps = [("in a browser", f"open {url(host, port)}")]
    else:
        steps = [("in a browser", f"open {url('localhost', port)}")]
        if (found := _own_address(address.version)) is not None:
            steps.append(("on a phone in this network", f"open {url(found, port)}"))
    if address.is_loopback:
        steps.append(("to open it on a phone", "start again with --host=0.0.0.0"))
    elif not asks_for_token:
        steps.append(("to ask for a password", "start again with --token=..."))
    width = max(len(what) for what, _ in steps) + 1
    return ["next:", *(f"  {f'{what}:':{width}}  {words}" for what, words in steps)]


def _own_address(version: int) -> str | None:
    """The address that other computers reach this one at; None without a network."""
    family, elsewhere = (socket.AF_INET, "192.0.2.1") if version == 4 else (socket.AF_INET6, "2001:db8::1")
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as unused:
            unused.connect((elsewhere, 9))  # chooses a route; nothing is sent
            found = unused.getsockname()[0]
    except OSError:
        return None
    return None if ipaddress.ip_address(found).is_loopback else found
