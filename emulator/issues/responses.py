"""Issues on the wire."""

from typing import Any

from emulator.errors import InvalidArgumentsError
from emulator.http.calls import Call
from emulator.http.routes import Routes
from emulator.issues.models import Comment, Issue, Issues, check_anchor
from emulator.wire import iso, page

routes = Routes()

MOST_DELETED = 1000


@routes.get("projects/{project}/issue-tags")
def list_tags(call: Call) -> Any:
    """The issue tags of a project."""
    tags = [{"uuid": uuid, "name": name} for uuid, name in call.project().issues.tags.items()]
    return page(tags, call.query.get("pageToken"))


@routes.post("projects/{project}/issue-tags")
def add_tags(call: Call) -> Any:
    """New issue tags."""
    call.managed_project().issues.add_tags([str(name) for name in call.field("issueTagNames")])


@routes.get("projects/{project}/issues")
def list_issues(call: Call) -> Any:
    """The issues of a data unit."""
    issues = call.project().issues
    found = [_issue_dto(issue, issues) for issue in issues.of_data(call.query.get("dataUnitId", ""))]
    return page(found, call.query.get("pageToken"))


@routes.post("projects/{project}/issues")
def create_issues(call: Call) -> Any:
    """New issues: all of them or, when one is wrong, none."""
    project, now = call.project(), call.platform.now()
    created = []
    for given in call.field("issues"):
        anchor = given.get("anchor") or {}
        check_anchor(anchor)
        if anchor["dataUuid"] not in project.units:
            raise InvalidArgumentsError(f"The project has no data unit {anchor['dataUuid']}")
        comment = Comment(str(given.get("comment") or ""), call.user.email, now)
        created.append(Issue(anchor, [comment], project.issues.tag_uuids(given.get("issueTags") or [])))
    for issue in created:
        project.issues.add(issue)


@routes.post("projects/{project}/issues/delete")
def delete_issues(call: Call) -> Any:
    """Deletes issues."""
    uuids = call.field("issueUuids")
    if len(uuids) > MOST_DELETED:
        raise InvalidArgumentsError(f"At most {MOST_DELETED} issues can be deleted at a time")
    call.project().issues.delete(uuids)


def _issue_dto(issue: Issue, issues: Issues) -> dict[str, Any]:
    place = {axis: issue.anchor[axis] for axis in "xyz" if axis in issue.anchor}
    anchor = {key: value for key, value in issue.anchor.items() if key not in place}
    return {
        **anchor,
        **({"coordinate": place} if place else {}),
        "uuid": issue.uuid,
        "comments": [{"content": c.content, "authorEmail": c.author, "createdAt": iso(c.at)} for c in issue.comments],
        "tags": [{"uuid": uuid, "name": issues.tags[uuid]} for uuid in issue.tags],
        "resolutionHistory": [],
    }
