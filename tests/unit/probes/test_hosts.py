"""Which hosts may be asked, and at which addresses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.engine.hosts import HostError, entry_fault, place_of, refused_address, require_allowed


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://ci.example.com/ok", ["ci.example.com"]),
        ("https://CI.Example.com./ok", ["ci.example.com"]),
        ("https://ci.example.com:443/ok", ["ci.example.com"]),
        ("https://ci.example.com:8443/", ["ci.example.com:8443"]),
        ("http://ci.example.com/", ["http://ci.example.com"]),
        ("http://ci.example.com:8080/", ["http://ci.example.com:8080"]),
        ("https://ci.example.com:8080/", ["http://ci.example.com:8080"]),
        ("http://localhost:9090/", ["localhost:9090"]),
        ("http://127.0.0.1:9090/", ["127.0.0.1:9090"]),
        ("http://[::1]:9090/", ["[::1]:9090"]),
    ],
)
def test_a_host_on_the_list_may_be_asked(url: str, allowed: list[str]) -> None:
    require_allowed(place_of(url), allowed)


@pytest.mark.parametrize(
    ("url", "allowed", "why"),
    [
        ("https://ci.example.com/", [], "not in `allowedHosts`"),
        ("https://evil.example.com/", ["ci.example.com"], "`evil.example.com` is not in"),
        ("https://ci.example.com.evil.test/", ["ci.example.com"], "is not in"),
        ("https://sub.ci.example.com/", ["ci.example.com"], "is not in"),
        ("https://ci.example.com:8443/", ["ci.example.com"], "`ci.example.com:8443` is not in"),
        ("http://ci.example.com/", ["ci.example.com"], "only be asked over HTTPS"),
        ("http://ci.example.com:8080/", ["ci.example.com:8080"], "only be asked over HTTPS"),
        ("http://169.254.169.254/latest", ["ci.example.com"], "is not in"),
        ("http://localhost:9090/", ["localhost:9091"], "is not in"),
    ],
)
def test_no_other_may(url: str, allowed: list[str], why: str) -> None:
    with pytest.raises(HostError, match=why):
        require_allowed(place_of(url), allowed)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://ci.example.com/",
        "file:///etc/passwd",
        "ci.example.com",
        "",
        "https://",
        "https:///path",
        "https://user:secret@ci.example.com/",
        "https://ci.example.com@evil.test/",
        "https://ci.example.com\\@evil.test/",
        "https://ci.example.com /",
        "https://ci.example.com/\r\nHost: evil",
        "https://ci.example.com:99999/",
        "https://ci.example.com:port/",
        "https://[::1/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://127.1/",
        "https://ci..example.com/",
        "https://ci.example.com/#fragment",
        "https://exämple.com/",
    ],
)
def test_what_is_no_url_of_a_web_service_is_refused(url: str) -> None:
    with pytest.raises(HostError):
        place_of(url)


def test_a_password_in_a_url_is_not_repeated() -> None:
    with pytest.raises(HostError) as error:
        place_of("https://user:hunter2@ci.example.com/")
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "fe80::1",
        "::ffff:169.254.169.254",
        "fd00:ec2::254",
        "127.0.0.1",
        "::1",
        "0.0.0.0",  # noqa: S104
        "224.0.0.1",
    ],
)
def test_a_name_must_not_lead_to_an_address_that_no_service_has(address: str) -> None:
    assert refused_address("ci.example.com", address)


@pytest.mark.parametrize("address", ["10.0.0.7", "192.168.1.1", "93.184.216.34", "2606:2800::1", "fd12:3456::1"])
def test_addresses_of_services_are_fine_private_ones_too(address: str) -> None:
    assert refused_address("ci.example.com", address) is None


def test_localhost_is_this_machine_and_nothing_else() -> None:
    assert refused_address("localhost", "127.0.0.1") is None
    assert refused_address("localhost", "169.254.169.254")


def test_the_list_may_name_such_an_address_itself() -> None:
    require_allowed(place_of("http://169.254.169.254/"), ["http://169.254.169.254"])
    assert refused_address("169.254.169.254", "169.254.169.254") is None


@pytest.mark.parametrize(
    "entry",
    ["*.example.com", "https://ci.example.com", "ci.example.com/path", "", "http://", "a b", "user@host", "x:y"],
)
def test_entries_of_another_form_are_told(entry: str) -> None:
    assert entry_fault(entry)


@given(st.text(max_size=60), st.text(max_size=30))
def test_a_url_either_leads_somewhere_or_is_refused(url: str, entry: str) -> None:
    try:
        place = place_of(url)
    except HostError:
        return
    assert place.scheme in ("http", "https")
    assert place.host
    with pytest.raises(HostError):
        require_allowed(place, ["other.example"])
    entry_fault(entry)
