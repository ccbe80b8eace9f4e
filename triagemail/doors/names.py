"""The names of the Internet: what a domain publishes about its mail (SPF, DMARC, MX). Only `doctor` asks."""

from __future__ import annotations

from dataclasses import dataclass

import dns.exception
import dns.rdtypes.ANY.TXT
import dns.rdtypes.mxbase
import dns.resolver

LIFETIME = 5.0  # seconds for one answer, all servers and tries together


class NamesUnknown(Exception):
    """No answer: there is no resolver, or it does not reach the domain's servers."""


@dataclass(frozen=True, slots=True)
class Published:
    """`spf` and `dmarc` hold each record of that kind as it stands there: () none, more than one is a mistake of the
    domain's (RFC 7208 4.5, RFC 7489 6.6.3)."""

    mx: tuple[str, ...]
    spf: tuple[str, ...]
    dmarc: tuple[str, ...]


def published(domain: str) -> Published:
    """Raises NamesUnknown."""
    resolver = _resolver()
    mx = [each for each in _records(resolver, domain, "MX") if isinstance(each, dns.rdtypes.mxbase.MXBase)]
    hosts = tuple(sorted(str(each.exchange).rstrip(".").lower() for each in mx))
    spf = tuple(text for text in _texts(resolver, domain) if text.lower().split(" ")[0] == "v=spf1")
    dmarc = tuple(text for text in _texts(resolver, f"_dmarc.{domain}") if text.lower().startswith("v=dmarc1"))
    return Published(hosts, spf, dmarc)


def _resolver() -> dns.resolver.Resolver:
    try:
        return dns.resolver.Resolver()
    except dns.exception.DNSException as error:
        raise NamesUnknown(f"no resolver: {error}") from error


def _texts(resolver: dns.resolver.Resolver, name: str) -> list[str]:
    found = [each for each in _records(resolver, name, "TXT") if isinstance(each, dns.rdtypes.ANY.TXT.TXT)]
    return [b"".join(each.strings).decode("ascii", "replace") for each in found]


def _records(resolver: dns.resolver.Resolver, name: str, kind: str) -> list[dns.rdata.Rdata]:
    try:
        return list(resolver.resolve(name, kind, lifetime=LIFETIME))
    except (dns.resolver.NoAnswer, dns.resolver.NXDOMAIN):
        return []
    except dns.exception.DNSException as error:
        raise NamesUnknown(f"{name} {kind}: {error}") from error
