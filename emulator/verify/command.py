"""`python -m emulator verify`: the observations made somewhere, held against the ledger, under a guard."""

import contextlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from encord import EncordUserClient
from encord.exceptions import EncordException
from encord.http.constants import RequestsSettings

from emulator.ledger import LEDGER, read_ledger, record
from emulator.quickstart.sandbox import ANNOTATORS, OPERATOR, PRODUCTION_TEMPLATE, REVIEWER, Places, email
from emulator.verify.calls import observe_calls, observe_events
from emulator.verify.cleaning import clean
from emulator.verify.guard import Guard, StoppedRun
from emulator.verify.journal import Journal, Kind, journal_of, left_by_others
from emulator.verify.observing import CALLS, ONE_KEY, PEOPLE, Ground, Observations
from emulator.verify.recorder import Recorder, recording
from emulator.verify.stories import observe

ALL_SO, DIFFERS, NOT_TRIED = 0, 5, 6
BUDGET = 600
# Cleaning may always ask for as much again.
BUDGET_OF_CLEANING = 600
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody's e-mail and private key."""

    email: str
    key: str


@dataclass(frozen=True, slots=True)
class Account:
    """Where it is tried and with whom: one person does everything, two are a block of two, three and more a sandbox.

    The first is the admin. `reviewer` is the admin as well unless somebody else is named.
    """

    domain: str
    template: str
    people: tuple[Person, ...]
    annotators: tuple[Person, ...]
    reviewer: Person
    public_url: str | None = None
    port: int = 0
    only: tuple[str, ...] = ()
    """The behaviours to be tried; all when empty."""

    @property
    def ground(self) -> str:
        """What runs must have in common so that one can use what the other has left."""
        return f"{self.domain} {self.template} {self.people[0].email}"

    @property
    def here(self) -> bool:
        """Whether it is on this machine: an emulator."""
        host = urlsplit(self.domain).hostname or ""
        return host == "localhost" or _is_loopback(host)

    def client(self, person: Person) -> EncordUserClient:
        """Somebody's client, which asks once: the first 429 is to be seen."""
        once = RequestsSettings(max_retries=0, connection_retries=0)
        return EncordUserClient.create_with_ssh_private_key(person.key, domain=self.domain, requests_settings=once)

    def expected(self) -> Observations:
        """What is to be observed with these people, and this address.

        Raises:
            ValueError: what was asked for cannot be.
        """
        found = dict(ONE_KEY)
        if len(self.annotators) > 1:
            found |= PEOPLE
        if self.public_url is not None:
            found |= {
                name: value for name, value in CALLS.items() if name != "webhooks.parts" or len(self.annotators) > 1
            }
        unknown = [name for name in self.only if name not in found]
        if unknown:
            raise ValueError(
                f"{unknown[0]} cannot be tried with these keys and addresses; these can: {', '.join(found)}"
            )
        return {name: value for name, value in found.items() if name in self.only or not self.only}


def account_of_sandbox(folder: Path, url: str | None) -> Account:
    """The people of a sandbox, at its emulator or at another one of the same world.

    Raises:
        ValueError: the address is not of this machine, or the folder is no sandbox.
    """
    domain = url or Places.of_sandbox(folder).emulator

    def person(name: str) -> Person:
        return Person(email(name), (folder / "keys" / name).read_text(encoding="ascii"))

    annotators = tuple(person(name) for name in ANNOTATORS)
    admin, reviewer = person(OPERATOR), person(REVIEWER)
    account = Account(domain, PRODUCTION_TEMPLATE, (admin, reviewer, *annotators), annotators, reviewer)
    if not account.here:
        raise ValueError(f"{domain} is not on this machine: a real account is verified with --live")
    return account


def live_account(
    domain: str,
    template: str | None,
    first: tuple[Path | None, str | None],
    second: tuple[Path | None, str | None],
    *,
    public_url: str | None,
    port: int,
) -> Account:
    """A real account, with one person or two.

    Raises:
        ValueError: something is missing.
        OSError: a key cannot be read.
    """
    if template is None:
        raise ValueError("--live needs --template HASH: the workflow that the README describes")
    people = [_person("", *first)]
    if second != (None, None):
        people.append(_person("second-", *second))
    if len({person.email for person in people}) != len(people):
        raise ValueError("--second-email must be somebody else's")
    everybody = tuple(people)
    return Account(domain, template, everybody, everybody, everybody[0], public_url, port)


def _person(option: str, key: Path | None, address: str | None) -> Person:
    if key is None or address is None:
        raise ValueError(f"give both --{option}key FILE and --{option}email ADDRESS")
    return Person(address, key.read_text(encoding="utf-8"))


def plan(account: Account, budget: int) -> Iterator[str]:
    """What is about to be done, for somebody to say yes to."""
    yield f"At {account.domain}, as {', '.join(person.email for person in account.people)}, this run makes:"
    stories = 5 if account.public_url is not None else 3
    yield f"  {stories} projects from the template {account.template}, with a dataset, an ontology and a folder each,"
    yield "  or fewer: what an earlier run has archived is used again, if its journal lies beside this run's"
    yield f"  all called 'bqa-verify RUN ...'; nothing else can be written to; at most {budget} requests"
    yield "When it ends it deletes items and folders and archives the projects; the SDK cannot delete the rest."


def verify(account: Account, journals: Path, say: Say, *, budget: int = BUDGET, record_in: Path | None = None) -> int:
    """Observes, tells what is as the ledger says and what is not, cleans up, and returns the exit code."""
    journal = Journal(journal_of(journals, uuid4().hex[:8]))
    journal.begin(account.ground)
    say(f"run {journal.run}; journal {journal.path}")
    guard = Guard(account.domain, journal, budget=budget, people=[person.email for person in account.people])
    seen: Observations = {}
    failed: dict[str, str] = {}
    recorder = None
    try:
        with guard.installed(), _listening(account) as recorder:
            _observe(account, journal, recorder, seen, failed)
    except StoppedRun as stop:
        say(f"stopped: {stop}")
        failed = dict.fromkeys(account.expected(), f"the run was stopped: {stop}") | failed
    code = _report(account.expected(), seen, failed, say)
    say(f"{guard.sent} requests")
    clean_run(account, journal, say)
    if record_in is not None:
        _write(record_in, account, seen, recorder)
    return code


def clean_run(account: Account, journal: Journal, say: Say) -> bool:
    """Cleans up after a run, also one that was killed; says whether everything could be cleaned."""
    guard = Guard(account.domain, journal, budget=BUDGET_OF_CLEANING, people=())
    try:
        with guard.installed():
            clean(journal, account.client(account.people[0]), say)
    except (StoppedRun, EncordException) as error:
        say(f"not cleaned: {error}; again: --clean {journal.run}")
        return False
    return True


def _observe(
    account: Account, journal: Journal, recorder: Recorder | None, seen: Observations, failed: dict[str, str]
) -> None:
    ground = Ground(
        admin=(admin := account.client(account.people[0])),
        reviewer=(account.reviewer.email, _client_of(account, account.reviewer, admin)),
        annotators={who.email: _client_of(account, who, admin) for who in account.annotators},
        template=account.template,
        title=journal.title,
        left=lambda story: left_by_others(journal, account.ground, story),
        take=lambda left: _take(journal, left),
    )
    wanted = account.expected().keys()
    single, block = observe(ground, seen, failed, wanted)
    if recorder is not None:
        observe_events(recorder, single, block, seen)
        observe_calls(ground, recorder, seen, failed, wanted)


def _take(journal: Journal, left: tuple[str, str, str]) -> None:
    """What another run of ours has made may be written to in this one, too."""
    kinds: tuple[Kind, ...] = ("project", "dataset", "ontology")
    for kind, uuid in zip(kinds, left, strict=True):
        journal.intend(kind, f"as an earlier run has left it: {uuid}")
        journal.made(kind, uuid)


def _client_of(account: Account, person: Person, admin: EncordUserClient) -> EncordUserClient:
    return admin if person == account.people[0] else account.client(person)


@contextlib.contextmanager
def _listening(account: Account) -> Iterator[Recorder | None]:
    if account.public_url is None:
        yield None
        return
    with recording(account.port) as recorder:
        yield recorder


def _report(expected: Observations, seen: Observations, failed: dict[str, str], say: Say) -> int:
    """Tells every observation; returns the exit code."""
    sentences = {behaviour.id: behaviour.what for behaviour in read_ledger()}
    differing = [name for name in expected if name in seen and seen[name] != expected[name]]
    for name in sorted(expected):
        if name in differing:
            say(f"differs    {name}: {seen[name]}, not {expected[name]}. Not so: {sentences[name]}")
        elif name in seen:
            say(f"as told    {name}")
        else:
            say(f"not tried  {name}: {failed.get(name, 'no observation was made')}")
    tried = [name for name in expected if name in seen]
    missing = len(expected) - len(tried)
    say(f"{len(tried) - len(differing)} as the ledger says, {len(differing)} differ, {missing} not tried")
    if differing:
        return DIFFERS
    return NOT_TRIED if missing else ALL_SO


def _write(folder: Path, account: Account, seen: Observations, recorder: Recorder | None) -> None:
    """Writes what was seen into a ledger, and the evidence beside it; the emulator stays as it is."""
    evidence = folder / "evidence"
    evidence.mkdir(parents=True, exist_ok=True)
    today = datetime.now(UTC).date()
    calls = [{"path": one.path, "headers": one.headers, "keys": sorted(one.body)} for one in _arrivals(recorder)]
    expected = account.expected()
    verdicts = {}
    for name in expected.keys() & seen.keys():
        found: dict[str, Any] = {
            "behaviour": name,
            "date": str(today),
            "domain": account.domain,
            "sdk": version("encord"),
            "observed": seen[name],
            "emulator": expected[name],
        }
        if re.match(r"agents\.|webhooks\.", name):
            found["calls"] = calls
        (evidence / f"{name}.json").write_text(json.dumps(found, indent=2, default=str) + "\n", encoding="utf-8")
        verdicts[name] = seen[name] != expected[name]
    ledger = folder / LEDGER.name
    source = ledger if ledger.exists() else LEDGER
    ledger.write_text(record(source.read_text(encoding="utf-8"), verdicts, today), encoding="utf-8")


def _arrivals(recorder: Recorder | None) -> list[Any]:
    return [] if recorder is None else recorder.arrivals[:20]


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
