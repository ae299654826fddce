"""Folders of a set-up: kept in step with a bucket, described, shared."""

from __future__ import annotations

from typing import Any

import pytest

from benchmark_qa.commands.setup.changes import Change, DescribeFolder, FillFolder, MakeFolder, ShareFolder
from benchmark_qa.commands.setup.declaration import DeclarationError, read_declaration
from benchmark_qa.commands.setup.observed import Observed, SeenFolder
from benchmark_qa.commands.setup.plan import plan
from tests.unit.commands.setup.test_declaration import EXAMPLE

PATH, URL = "Pedestrians/Production", "s3://bucket/photos/"
OWN = f"""sync = "{URL}"
metadata = {{ site = "Berlin", year = 2026 }}
groups = {{ Labelers = "user", Leads = "admin" }}
"""


def declared(text: str = OWN, taken: str = 'registration = ["production"]\n') -> Any:
    head, tail = EXAMPLE.split(f'path = "{PATH}"\n')
    return read_declaration(f'{head}path = "{PATH}"\n{tail.replace(taken, text, 1)}')


def changes(**seen: Any) -> list[Change]:
    """What is planned for the folder, without what is as it is to be."""
    folders = {PATH: SeenFolder("uuid", "Production", **seen)} if seen else {}
    waiting = {} if seen.get("synced_with") else {PATH: 1}
    observed = Observed(folders=folders, waiting=waiting, groups={"Labelers": 1, "Leads": 1})
    planned = plan(declared(), observed)
    return [c for c in planned if c.subject == f"folder '{PATH}'" and c.kind != "unchanged"]


def test_a_new_folder_is_made_described_shared_and_synced() -> None:
    found = changes()
    assert [change.step for change in found] == [
        MakeFolder(PATH),
        DescribeFolder(PATH, {"site": "Berlin", "year": 2026}),
        ShareFolder(PATH, "admin", ("Leads",)),
        ShareFolder(PATH, "user", ("Labelers",)),
        FillFolder(PATH),
    ]
    assert (found[0].message, found[-1].message) == (f"make it, in step with {URL}", f"sync it with {URL}")


def test_what_is_there_is_left_and_only_what_is_missing_is_added() -> None:
    everything = {"site": "Berlin", "year": 2026, "more": 1}
    assert changes(synced_with=URL, metadata=everything, groups={"Labelers": "user", "Leads": "admin"}) == []
    found = changes(synced_with=URL, metadata={"site": "Berlin"}, groups={"Leads": "admin"})
    steps = [DescribeFolder(PATH, {"year": 2026}), ShareFolder(PATH, "user", ("Labelers",))]
    assert [change.step for change in found] == steps


def test_what_people_have_made_different_is_drift_and_another_bucket_a_fault() -> None:
    found = changes(
        synced_with=URL, metadata={"site": "Paris", "year": 2026}, groups={"Labelers": "admin", "Leads": "admin"}
    )
    assert [(change.kind, change.message) for change in found] == [
        ("drift", "metadata 'site' is 'Paris', not 'Berlin'"),
        ("drift", "group 'Labelers' is admin, not user"),
    ]
    for there, words in ((None, "is an ordinary folder"), ("s3://other/", "is in step with s3://other/")):
        found = changes(
            synced_with=there, metadata={"site": "Berlin", "year": 2026}, groups={"Labelers": "user", "Leads": "admin"}
        )
        assert [(change.kind, change.message, change.step) for change in found] == [
            ("fault", f"{words}, not in step with {URL}", None)
        ]


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ({}, "there is no group 'Leads' in the organisation"),
        ({"Leads": 2}, "there are 2 groups 'Leads' in the organisation"),
    ],
)
def test_a_group_that_is_not_one_of_the_organisation_is_a_fault(groups: dict[str, int], message: str) -> None:
    planned = plan(declared(), Observed(groups={"Labelers": 1, **groups}))
    (fault,) = [change for change in planned if change.kind == "fault" and "group" in change.message]
    assert (fault.message, fault.step) == (message, None)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('sync = "s3://bucket/"\nregistration = ["production"]\n', "give either 'registration' or 'sync'"),
        ('sync = "bucket"\n', "folders.1.sync"),
        ('sync = "s3://bucket/"\ngroups = { Labelers = "owner" }\n', "folders.1.groups.Labelers"),
        ('sync = "s3://bucket/"\nmetadata = { a = nan }\n', "NaN and Infinity are no numbers of JSON"),
    ],
)
def test_faulty_folders_are_refused_by_key(text: str, reason: str) -> None:
    with pytest.raises(DeclarationError) as refused:
        declared(text)
    assert reason in str(refused.value)


def test_a_bucket_needs_the_integration_that_opens_it() -> None:
    with pytest.raises(DeclarationError, match="belong together"):
        declared(OWN, 'registration = ["production"]\nintegration = "Our bucket"\n')
