"""The addresses that serve names when it starts."""

import socket

import pytest

from scripts.classifier.serving import addresses, server

TOKEN = "  to ask for a password:     start again with --token=..."


@pytest.mark.parametrize(("host", "own"), [("0.0.0.0", "192.168.1.7"), ("::", "2001:db8::7")])
def test_a_server_open_to_all_names_its_address_in_the_network(monkeypatch, host, own):
    monkeypatch.setattr(addresses, "_own_address", {4: "192.168.1.7", 6: "2001:db8::7"}.__getitem__)
    shown = f"[{own}]" if ":" in own else own
    open_to_all = [
        "next:",
        "  in a browser:              open http://localhost:8501/",
        f"  on a phone in this network:  open http://{shown}:8501/",
    ]
    assert [line.split() for line in addresses.next_steps(host, 8501, True)] == [line.split() for line in open_to_all]
    assert addresses.next_steps(host, 8501, False)[-1].split() == TOKEN.split()


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_without_a_network_only_this_computer_is_named(monkeypatch, host):
    monkeypatch.setattr(addresses, "_own_address", lambda version: None)
    assert addresses.next_steps(host, 80, True) == ["next:", "  in a browser:  open http://localhost:80/"]


@pytest.mark.parametrize(("host", "url"), [("127.0.0.1", "http://127.0.0.1:80/"), ("::1", "http://[::1]:80/")])
def test_a_server_for_this_computer_tells_how_to_open_it_to_phones(host, url):
    browser, phone = addresses.next_steps(host, 80, False)[1:]
    assert browser.endswith(f"open {url}") and phone.endswith("start again with --host=0.0.0.0")


def test_one_address_of_this_computer_is_named_as_it_is():
    assert addresses.next_steps("fe80::1%eth0", 80, True)[1:] == ["  in a browser:  open http://[fe80::1%eth0]:80/"]


@pytest.mark.parametrize(("host", "family"), [("0.0.0.0", socket.AF_INET), ("::", socket.AF_INET6)])
def test_a_socket_open_to_all_is_described(host, family):
    if family == socket.AF_INET6 and not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    with server.listen(host, 0) as taken:
        assert taken.family == family
        taken_host, port = taken.getsockname()[:2]
        assert f"open http://localhost:{port}/" in addresses.next_steps(taken_host, port, True)[1]
