"""The guard of a run: every request passes here, and none goes out that could touch what the run has not made."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import requests
from requests import PreparedRequest, Response, Session

from emulator.verify.endpoints import Asked, Endpoint, asked
from emulator.verify.journal import Journal

TOO_MANY_REQUESTS = 429


class StoppedRun(BaseException):
    """The run ends here. No `except Exception` of the SDK or of a check holds it back."""


class GuardRefusal(StoppedRun):
    """A check wanted to write to what is not of its run: a fault of the check."""


class Guard:
    """Stands at `requests.Session.send` while it is installed; counts, and refuses."""

    def __init__(self, domain: str, journal: Journal, *, budget: int, people: Iterable[str]) -> None:
        self.sent = 0
        self.budget = budget
        self._host = _host(domain)
        self._journal = journal
        self._people = {person.lower() for person in people}
        self._handed_out: set[str] = set()

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Nothing leaves this process in the block that the guard has not let pass."""
        own_send = requests.Session.send
        guard = self

        def send(session: Session, request: PreparedRequest, **settings: Any) -> Response:
            what = guard._let_pass(request)
            response = own_send(session, request, **settings)
            guard._learn(what, response)
            return response

        requests.Session.send = send  # type: ignore[method-assign,assignment]
        try:
            yield
        finally:
            requests.Session.send = own_send  # type: ignore[method-assign]

    def _let_pass(self, request: PreparedRequest) -> Asked | None:
        """What the request is; None for bytes that go to, or come from, a URL handed out in this run."""
        if self.sent >= self.budget:
            raise StoppedRun(f"the budget of {self.budget} requests is spent")
        if str(request.url) in self._handed_out:
            self.sent += 1
            return None
        if _host(str(request.url)) != self._host:
            raise GuardRefusal(f"{request.method} {urlsplit(str(request.url)).netloc}: not the platform's address")
        what = asked(request)
        if what.endpoint is None:
            raise GuardRefusal(f"{what.name}: not in the table of endpoints")
        self._check(what, what.endpoint)
        self.sent += 1
        return what

    def _check(self, what: Asked, endpoint: Endpoint) -> None:
        for kind, place in endpoint.touched:
            found = what.values(place)
            if not found:
                raise GuardRefusal(f"{what.name}: it does not say of which {kind}")
            for value in found:
                if not self._journal.holds(kind, value):
                    raise GuardRefusal(f"{what.name}: {kind} {value} was not made in this run")
        strangers = {email.lower() for email in what.values("body.payload.user_emails.*")} - self._people
        if strangers:
            raise GuardRefusal(f"{what.name}: {min(strangers)} is not one of the people of this run")
        if endpoint.effect == "create":
            self._intend(what, endpoint)

    def _intend(self, what: Asked, endpoint: Endpoint) -> None:
        kind, title = endpoint.makes[0][0], "".join(what.values(endpoint.title))
        if not title.startswith(f"{self._journal.mark} ") or self._journal.intended(kind, title):
            raise GuardRefusal(f"{what.name}: {title!r} is no title of this run, or was used before")
        self._journal.intend(kind, title)

    def _learn(self, what: Asked | None, response: Response) -> None:
        answer = _json_of(response) if what is not None else None
        if response.status_code == TOO_MANY_REQUESTS or (
            isinstance(answer, dict) and answer.get("status") == TOO_MANY_REQUESTS
        ):
            raise StoppedRun("the platform answered 429, too many requests: that is a finding, too")
        if what is None or what.endpoint is None or not response.ok:
            return
        makes = what.endpoint.makes
        if self._is_of_the_run(what):
            makes = (*makes, *what.endpoint.lists)
        for kind, place in makes:
            for uuid in what.values(place, answer):
                self._journal.made(kind, uuid)
        self._handed_out |= set(_signed_urls(answer))

    def _is_of_the_run(self, what: Asked) -> bool:
        """Whether the folder, or the project, that was asked is one that this run has made."""
        asked_of = [("folder", uuid) for uuid in what.values("path.folder")]
        asked_of += [("project", uuid) for uuid in (*what.values("path.project"), what.header) if uuid]
        return bool(asked_of) and all((kind, uuid) in self._journal for kind, uuid in asked_of)


def _signed_urls(answer: Any) -> Iterator[str]:
    """The URLs of an answer at which bytes are put or fetched."""
    if isinstance(answer, dict):
        for key, value in answer.items():
            if key in ("signedUrl", "signed_url") and isinstance(value, str):
                yield str(requests.Request("GET", value).prepare().url)
            else:
                yield from _signed_urls(value)
    elif isinstance(answer, list):
        for one in answer:
            yield from _signed_urls(one)


def _json_of(response: Response) -> Any:
    try:
        return json.loads(response.content) if response.content else None
    except ValueError:
        return None


def _host(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc
