"""What Encord would make twice is looked for before every attempt to make it."""

from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest
from encord.storage import StorageFolder

from benchmark_qa.encord_api import retries
from benchmark_qa.encord_api.errors import EncordUnavailable, RequestRejected
from benchmark_qa.encord_api.folders import FolderTree, ListedFolder, UnknownFolder, find_or_make, mark_of
from benchmark_qa.encord_api.reviews import DataUnitIssues
from benchmark_qa.encord_api.uploads import UploadFolder


class Shelf:
    """Folders, of which the answer to the first request to make one is lost."""

    def __init__(self, *folders: ListedFolder, lost: int = 1) -> None:
        self.folders = list(folders)
        self.lost = lost

    def make(self) -> ListedFolder:
        made = ListedFolder(f"new {len(self.folders)}", "Photos", "the mark", None)
        self.folders.append(made)
        self.lost -= 1
        if self.lost >= 0:
            raise EncordUnavailable("no connection", retry_after=1)
        return made


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "_wait", lambda state: 0.0)


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_a_lost_answer_makes_nothing_twice(lost: int) -> None:
    shelf = Shelf(lost=lost)
    made = find_or_make("folder", "Photos", "the mark", lambda: shelf.folders, shelf.make)
    assert [folder.uuid for folder in shelf.folders] == [made.uuid]


def test_what_is_there_is_taken_and_another_title_is_not() -> None:
    shelf = Shelf(ListedFolder("a", "Photos of cats", "", None), ListedFolder("b", "Photos", "", None))
    assert find_or_make("folder", "Photos", "the mark", lambda: shelf.folders, shelf.make).uuid == "b"


def test_of_two_of_a_title_the_marked_one_is_ours_and_without_a_mark_both_are_named() -> None:
    theirs, ours = ListedFolder("a", "Photos", "", None), ListedFolder("b", "Photos", "by the mark", None)
    shelf = Shelf(theirs, ours)
    assert find_or_make("folder", "Photos", "the mark", lambda: shelf.folders, shelf.make) is ours
    with pytest.raises(RequestRejected, match="2 of folder 'Photos': a, b"):
        find_or_make("folder", "Photos", "another mark", lambda: shelf.folders, shelf.make)


def test_marks_are_the_same_every_time_and_differ_by_kind_and_title() -> None:
    assert mark_of("folder", "Photos") == mark_of("folder", "Photos")
    assert len({mark_of("folder", "Photos"), mark_of("dataset", "Photos"), mark_of("folder", "Photo")}) == 3


class SdkFolder:
    """As much of the SDK's folder as making data groups takes; the first answer is lost."""

    uuid, name, remote_url = UUID(int=1), "Photos", None

    def __init__(self) -> None:
        self.groups: list[SimpleNamespace] = []
        self.requests = 0

    def list_items(self, **_: Any) -> list[SimpleNamespace]:
        return self.groups

    def create_data_groups(self, grids: list[Any]) -> None:
        self.requests += 1
        self.groups += [SimpleNamespace(name=grid.name) for grid in grids[: 2 if self.requests == 1 else None]]
        if self.requests == 1:
            raise EncordUnavailable("no connection", retry_after=1)


def test_data_groups_of_which_some_were_made_before_the_answer_was_lost_are_made_once() -> None:
    sdk_folder = SdkFolder()
    folder = UploadFolder(cast(StorageFolder, sdk_folder))
    folder.create_data_groups([(title, [str(UUID(int=2))]) for title in ("a", "b", "c")])
    assert [group.name for group in sdk_folder.groups] == ["a", "b", "c"]
    folder.create_data_groups([("d", [str(UUID(int=2))])])
    assert (len(sdk_folder.groups), sdk_folder.requests) == (4, 3)


class Listed(FolderTree):
    """A tree whose folders are known without a request."""

    def __init__(self, *folders: ListedFolder) -> None:
        self._folders = folders

    def by_uuid(self, uuid: str) -> ListedFolder:
        (found,) = (folder for folder in self._folders if folder.uuid == uuid)
        return found

    def anywhere(self, title: str) -> list[ListedFolder]:
        return [folder for folder in self._folders if folder.title == title]


A, B = "7a000000-0000-4000-8000-00000000000a", "7a000000-0000-4000-8000-00000000000b"


def test_a_folder_is_named_by_uuid_or_by_a_title_that_is_its_own() -> None:
    tree = Listed(ListedFolder(A, "Cats", "", None), ListedFolder(B, "Dogs", "", A))
    assert [tree.named(name).uuid for name in ("Cats", "Dogs", A, B)] == [A, B, A, B]


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("Cats", f"there are 2 folders 'Cats': {A}, {B}; give the uuid of one"),
        ("cats", "there is no folder 'cats'"),
        (A.replace("-", ""), f"there is no folder '{A.replace('-', '')}'"),
    ],
)
def test_a_title_of_none_or_of_several_folders_is_refused(name: str, problem: str) -> None:
    tree = Listed(ListedFolder(A, "Cats", "", None), ListedFolder(B, "Cats", "", None))
    with pytest.raises(UnknownFolder) as refused:
        tree.named(name)
    assert str(refused.value) == problem


class SdkIssues:
    """As much of the SDK's issues of a data unit as raising them takes; some answers are lost."""

    def __init__(self, lost: int) -> None:
        self.issues: list[SimpleNamespace] = []
        self.lost = lost

    def list(self) -> list[SimpleNamespace]:
        return self.issues

    def _add(self, comment: str) -> None:
        self.issues.append(SimpleNamespace(comments=[SimpleNamespace(content=comment)]))
        self.lost -= 1
        if self.lost >= 0:
            raise EncordUnavailable("no connection", retry_after=1)

    def add_file_issue(self, comment: str, _tags: Any) -> None:
        self._add(comment)

    def add_frame_issue(self, _frame: int, comment: str, _tags: Any) -> None:
        self._add(comment)


@pytest.mark.parametrize("frame", [None, 3])
@pytest.mark.parametrize("lost", [0, 1, 2])
def test_a_lost_answer_raises_no_issue_twice(monkeypatch: pytest.MonkeyPatch, lost: int, frame: int | None) -> None:
    issues = SdkIssues(lost)
    monkeypatch.setattr(DataUnitIssues, "_issues", issues)
    DataUnitIssues(cast(Any, None), "project", "data").raise_issue("look at this", frame=frame)
    assert [issue.comments[0].content for issue in issues.issues] == ["look at this"]
