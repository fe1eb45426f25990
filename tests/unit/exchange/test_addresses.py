"""Where webhooks may go: every way to write an inside address is seen for what it is."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from exchange.domain.addresses import AddressRefused, Guard, embedded, parse
from hypothesis import given
from hypothesis import strategies as st

PRODUCTION = Guard(development=False, ports=(443, 8443))
DEVELOPMENT = Guard(development=True, ports=(443, 8443))

INSIDE = [
    "127.0.0.1", "127.8.9.10", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.1.1",  # noqa: S104
    "100.64.0.1", "192.0.0.8", "192.0.2.1", "198.18.0.1", "198.51.100.7", "203.0.113.9", "224.0.0.1", "240.0.0.1",
    "255.255.255.255", "192.88.99.1", "169.254.169.254", "100.100.100.200",
    "::", "::1", "fc00::1", "fd12:3456::1", "fe80::1", "ff02::1", "fd00:ec2::254", "2001:db8::1", "100::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe", "64:ff9b:1::a00:1", "2002:7f00:1::", "2002:a00:1::1",
    "2001:0:4136:e378:8000:63bf:80ff:fffe",
]  # fmt: skip
OUTSIDE = ["1.1.1.1", "8.8.8.8", "193.62.157.66", "2606:4700::1111", "2a00:1450:4009:80b::200e", "::ffff:8.8.8.8"]


@pytest.mark.parametrize("address", INSIDE)
def test_nothing_inside_is_posted_to(address: str) -> None:
    with pytest.raises(AddressRefused):
        PRODUCTION.check(ip_address(address))


@pytest.mark.parametrize("address", OUTSIDE)
def test_what_lies_outside_is(address: str) -> None:
    PRODUCTION.check(ip_address(address))


@pytest.mark.parametrize("address", ["169.254.169.254", "fd00:ec2::254", "::ffff:169.254.169.254", "::", "224.0.0.1"])
def test_the_machines_keeper_is_refused_in_development_too(address: str) -> None:
    with pytest.raises(AddressRefused):
        DEVELOPMENT.check(ip_address(address))


def test_in_development_this_machine_and_its_neighbours_are_allowed() -> None:
    for address in ("127.0.0.1", "::1", "10.0.0.1", "192.168.1.1"):
        DEVELOPMENT.check(ip_address(address))
    assert DEVELOPMENT.target("http://127.0.0.1:9000/x").port == 9000


@given(st.ip_addresses(v=4))
def test_an_address_in_the_clothes_of_ipv6_is_judged_as_itself(address: IPv4Address) -> None:
    clothes = (
        IPv6Address(f"::ffff:{address}"), IPv6Address(f"64:ff9b::{address}"),
        IPv6Address((0x2002 << 112) | (int(address) << 80)),
    )  # fmt: skip
    for each in clothes:
        assert embedded(each) == address
        assert _allowed(each) == _allowed(address)


def _allowed(address: IPv4Address | IPv6Address) -> bool:
    try:
        PRODUCTION.check(address)
    except AddressRefused:
        return False
    return True


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://hooks.example.org/", "not-https"),
        ("ftp://hooks.example.org/", "unclear"),
        ("https://hooks.example.org:22/", "port"),
        ("https://hooks.example.org:0/", "port"),
        ("https://hooks.example.org:99999/", "unclear"),
        ("https://user:pw@hooks.example.org/", "credentials"),
        ("https://hooks.example.org@127.0.0.1/", "credentials"),
        ("https://hooks.example.org/#x", "unclear"),
        ("https://hooks.example.org#", "unclear"),
        ("https://2130706433/", "unclear"),
        ("https://0x7f000001/", "unclear"),
        ("https://0x7f.0.0.1/", "unclear"),
        ("https://0177.0.0.1/", "unclear"),
        ("https://127.1/", "unclear"),
        ("https://127.0.0.1./", "unclear"),
        ("https://127.0.0.1/", "private"),
        ("https://[::1]/", "private"),
        ("https://[::ffff:7f00:1]/", "private"),
        ("https://[fe80::1%25eth0]/", "unclear"),
        ("https://169.254.169.254/latest/", "metadata"),
        ("https://①②⑦.⓪.⓪.①/", "unclear"),
        ("https://hooks。example.org/", "unclear"),
        ("https://hooks.example.org\\@127.0.0.1/", "unclear"),
        ("https://hooks.exa mple.org/", "unclear"),
        ("https://hooks.example.org/\r\nHost: x", "unclear"),
        ("https://hooks.example.org/" + "x" * 1000, "unclear"),
        ("https://-hooks.example.org/", "unclear"),
        ("https:///path", "unclear"),
        ("https://", "unclear"),
        ("//hooks.example.org/", "unclear"),
        ("https://hooks_1.example.org/", "unclear"),
        ("https://example.123/", "unclear"),
    ],
)
def test_an_address_that_could_be_read_in_two_ways_is_refused(url: str, code: str) -> None:
    with pytest.raises(AddressRefused) as refused:
        PRODUCTION.target(url)
    assert refused.value.code == code


def test_a_good_address_is_taken_apart() -> None:
    target = PRODUCTION.target("https://Hooks.Example.org/in?x=1")
    assert (target.host, target.port, target.path, target.literal) == ("hooks.example.org", 443, "/in?x=1", None)
    assert PRODUCTION.target("https://8.8.8.8:8443").literal == IPv4Address("8.8.8.8")


@given(st.text(max_size=60))
def test_whatever_is_sent_is_parsed_or_refused_and_nothing_else(text: str) -> None:
    for url in (text, f"https://{text}", f"https://a.example/{text}"):
        try:
            target = parse(url)
        except AddressRefused:
            continue
        assert target.host
        assert target.host.isascii()
