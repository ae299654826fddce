"""`python -m emulator verify`: the observations made somewhere, held against the ledger."""

from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from encord import EncordUserClient
from encord.http.constants import RequestsSettings

from emulator.ledger import read_ledger
from emulator.quickstart.sandbox import ANNOTATORS, OPERATOR, PRODUCTION_TEMPLATE, REVIEWER, Places, email
from emulator.verify.observing import EXPECTED, Ground, observe

ALL_SO, DIFFERS, NOT_TRIED = 0, 5, 6


class NotHereError(ValueError):
    """An address where nothing may be made."""


def ground_of(folder: Path, url: str | None) -> Ground:
    """The people of a sandbox, at its emulator or at another one of the same world.

    Raises:
        NotHereError: the address is not of this machine.
        ValueError: the folder is no sandbox.
    """
    domain = url or Places.of_sandbox(folder).emulator
    host = urlsplit(domain).hostname or ""
    # What is made is not kept in a journal yet, so nothing but an emulator may be asked to make it.
    if host != "localhost" and not _is_loopback(host):
        raise NotHereError(f"{domain} is not on this machine: only emulators are verified, a real account is not")

    def client(person: str) -> EncordUserClient:
        key = (folder / "keys" / person).read_text(encoding="ascii")
        once = RequestsSettings(max_retries=0, connection_retries=0)
        return EncordUserClient.create_with_ssh_private_key(key, domain=domain, requests_settings=once)

    return Ground(
        admin=client(OPERATOR),
        reviewer=(email(REVIEWER), client(REVIEWER)),
        annotators={email(person): client(person) for person in ANNOTATORS},
        template=PRODUCTION_TEMPLATE,
    )


def verify(ground: Ground, say: Callable[[str], None]) -> int:
    """Observes, tells what is as the ledger says and what is not, and returns the exit code."""
    seen, failed = observe(ground)
    sentences = {behaviour.id: behaviour.what for behaviour in read_ledger()}
    differing = [name for name, value in seen.items() if value != EXPECTED[name]]
    for name in sorted(EXPECTED):
        if name in differing:
            say(f"differs    {name}: {seen[name]}, not {EXPECTED[name]}. Not so: {sentences[name]}")
        elif name in seen:
            say(f"as told    {name}")
        else:
            say(f"not tried  {name}: {failed.get(name, 'no observation was made')}")
    agreeing, missing = len(seen) - len(differing), len(EXPECTED) - len(seen)
    say(f"{agreeing} as the ledger says, {len(differing)} differ, {missing} not tried")
    if differing:
        return DIFFERS
    return ALL_SO if len(seen) == len(EXPECTED) else NOT_TRIED


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
