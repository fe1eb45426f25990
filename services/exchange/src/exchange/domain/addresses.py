"""Which addresses a webhook may be sent to: nothing inside, and nothing that two programs read in two ways."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final
from urllib.parse import urlsplit

Address = IPv4Address | IPv6Address

#: A name of labels; the last one has a letter, so that no part of a number passes for a name.
_NAME: Final = re.compile(
    r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*(?=[a-z0-9-]*[a-z])[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
)
#: Looks like a number in some base to a C library.
_NUMBERS: Final = re.compile(r"(0x[0-9a-f]*|[0-9]+)(\.(0x[0-9a-f]*|[0-9]+)){0,3}\.?")
_NAT64: Final = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))
#: Asked for credentials by whoever runs in a cloud; refused even in development.
_METADATA: Final = frozenset(
    {ip_address("169.254.169.254"), ip_address("fd00:ec2::254"), ip_address("100.100.100.200")}
)
_INSIDE: Final = (IPv4Network("0.0.0.0/8"), IPv4Network("192.0.0.0/24"), IPv4Network("192.88.99.0/24"))
_PORT: Final = {"http": 80, "https": 443}
_MOST_CHARACTERS: Final = 1_000


class AddressRefused(Exception):
    """Nothing is sent there. `code` is stable; the text says why."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(why)
        self.code = code


@dataclass(frozen=True, slots=True)
class Target:
    """A receiver's address, taken apart once."""

    scheme: str
    host: str
    port: int
    #: With its query.
    path: str
    #: The address itself, where the host is one.
    literal: Address | None


@dataclass(frozen=True, slots=True)
class Guard:
    """What is allowed where this runs."""

    development: bool
    ports: Collection[int]

    def target(self, url: str) -> Target:
        """The parts of a receiver's URL. Raises `AddressRefused`."""
        target = parse(url)
        if target.scheme != "https" and not self.development:
            raise AddressRefused("not-https", "Webhooks go over https alone.")
        if target.port not in self.ports and not self.development:
            raise AddressRefused("port", f"The port must be one of {', '.join(map(str, sorted(self.ports)))}.")
        if target.literal is not None:
            self.check(target.literal)
        return target

    def check(self, address: Address) -> None:
        """Raises `AddressRefused` unless a connection to this address may be made."""
        found = embedded(address)
        if found in _METADATA or address in _METADATA:
            raise AddressRefused("metadata", "That address belongs to the machine's own keeper.")
        if found.is_multicast or found.is_unspecified or (found.is_reserved and not found.is_loopback):
            raise AddressRefused("not-a-receiver", "Nobody receives at that address.")
        inside = not found.is_global or any(found in net for net in _INSIDE if found.version == net.version)
        if inside and not self.development:
            raise AddressRefused("private", "The name leads to a private, loopback or link-local address.")


def parse(url: str) -> Target:
    """The parts of a URL. Raises `AddressRefused` for what could be read in two ways."""
    if (
        len(url) > _MOST_CHARACTERS
        or not url.isascii()
        or not url.isprintable()
        or any(c in url for c in " \\<>\"'`{|}^")
    ):
        raise AddressRefused("unclear", "The address must be a plain URL in ASCII; write a name outside it as xn--…")
    try:
        parts = urlsplit(url)
        port, host = parts.port, (parts.hostname or "").lower()
    except ValueError as error:
        raise AddressRefused("unclear", "The address is no URL.") from error
    if parts.scheme not in _PORT:
        raise AddressRefused("unclear", "The address must begin with https://.")
    if parts.username is not None or parts.password is not None or "@" in parts.netloc:
        raise AddressRefused("credentials", "The address must not carry credentials.")
    if parts.fragment or url.endswith("#"):
        raise AddressRefused("unclear", "The address must not have a fragment.")
    if port == 0:
        raise AddressRefused("port", "Nobody listens on port 0.")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, port or _PORT[parts.scheme], path, _literal(host, parts.netloc))


def _literal(host: str, netloc: str) -> Address | None:
    if "[" in netloc:
        if "%" in host:
            raise AddressRefused("unclear", "An address with a zone leads nowhere from here.")
        return _address(host)
    if _NUMBERS.fullmatch(host):
        address = _address(host)
        if str(address) != host:
            raise AddressRefused("unclear", "Write an IPv4 address as four decimal numbers.")
        return address
    if not _NAME.fullmatch(host):
        raise AddressRefused("unclear", "The host is no name.")
    return None


def _address(host: str) -> Address:
    try:
        return ip_address(host)
    except ValueError as error:
        raise AddressRefused("unclear", "The host is no address that everybody reads alike.") from error


def embedded(address: Address) -> Address:
    """The IPv4 address that an IPv6 address stands for, where it stands for one; itself otherwise."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    low = IPv4Address(int(address) & 0xFFFFFFFF)
    if any(address in net for net in _NAT64):
        return low
    # The old form ::a.b.c.d, but not ::1 and ::.
    return low if int(address) >> 32 == 0 and int(address) > 1 else address
