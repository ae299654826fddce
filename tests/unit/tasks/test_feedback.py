"""What people in the editor are told, and for whom attempts are counted."""

from dataclasses import replace
from typing import Any

import pytest

from benchmark_qa.config.deployment import Branches
from benchmark_qa.encord_api.models import LabelRow, Project, Stage
from benchmark_qa.records.score import Judged
from benchmark_qa.tasks.decision import NEUTRAL_MESSAGE
from benchmark_qa.tasks.feedback import FeedbackPolicy, asker_of, audience_of, message_to_annotator, message_to_reviewer

JUDGED = [Judged("ann@example.com", 0.91, True), Judged("ben@example.com", 0.35, False), Judged(None, None, True)]


@pytest.mark.parametrize("policy", ["verdict", "score", "details"])
def test_a_reviewer_hears_no_name_and_no_score_unless_it_is_configured(policy: FeedbackPolicy) -> None:
    hidden = message_to_reviewer(JUDGED, policy)
    assert not any(each in hidden for each in ("ann", "ben", "0.", "91", "35", "below"))
    assert "ask the person who leads" in hidden, "what to do next"
    shown = message_to_reviewer(JUDGED, policy, see_names=True)
    assert "ben" in shown
    assert "ann" in shown
    assert message_to_reviewer(JUDGED, "off", see_names=True) == NEUTRAL_MESSAGE


@pytest.mark.parametrize("policy", ["verdict", "score", "details"])
def test_whose_task_does_not_pass_is_told_what_to_do_next(policy: FeedbackPolicy) -> None:
    assert "compare your labels with the guidelines" in message_to_annotator(JUDGED[1], policy, 0.7)
    assert "compare" not in message_to_annotator(JUDGED[0], policy, 0.7)


@pytest.mark.parametrize("policy", ["verdict", "score", "details"])
def test_the_message_about_a_task_uses_no_word_of_the_verdict_about_a_person(policy: FeedbackPolicy) -> None:
    messages = [message_to_annotator(each, policy, 0.7) for each in JUDGED if each.score is not None]
    messages.append(message_to_reviewer(JUDGED, policy, see_names=True))
    for message in messages:
        assert not any(word in message for word in ("bar", "below", "above", "undecided"))
    assert ("0.70" in messages[1]) == (policy != "verdict"), "what a task has to reach"


def row(**facts: Any) -> LabelRow:
    return replace(ROW, **facts)


ROW = LabelRow(
    data_hash="5e0b3a44-0000-4000-8000-000000000001",
    data_title="image.jpg",
    dataset_hash="dataset",
    branch_name="main",
    label_hash="label",
    last_edited_at=None,
    last_actioned_by=None,
    stage_uuid=None,
    stage_title=None,
)


def test_one_persons_attempts_do_not_use_up_anothers() -> None:
    ann, ben = row(last_actioned_by="ann@example.com"), row(last_actioned_by="ben@example.com")
    assert asker_of([ann], "annotator") == asker_of([ann], "annotator")
    assert asker_of([ann], "annotator") != asker_of([ben], "annotator"), "the task was given to ben"
    assert asker_of([ann], "reviewer") != asker_of([ann], "annotator")
    other = row(data_hash="5e0b3a44-0000-4000-8000-000000000002", last_actioned_by="ann@example.com")
    assert asker_of([other], "annotator") != asker_of([ann], "annotator")


def test_where_the_person_is_not_known_attempts_are_counted_for_the_data_unit() -> None:
    unknown = row(last_actioned_by=None)
    assert asker_of([unknown], "annotator") == unknown.data_hash
    for rows in ([row(last_actioned_by="ann@example.com")], [unknown]):
        assert len(asker_of(rows, "annotator")) == 36
        assert "ann" not in asker_of(rows, "annotator")


@pytest.mark.parametrize(
    ("branches", "audience"),
    [
        (["main"], "annotator"),
        (["main", "a-snapshot"], "annotator"),
        (["main", "encord-ann"], "nobody"),
        (["encord-ann"], "nobody"),
        (["encord-ann", "encord-ben"], "nobody"),
    ],
)
def test_whoever_annotates_anew_hears_nothing_about_an_earlier_consensus(branches: list[str], audience: str) -> None:
    project = Project("p", "P", "o", {}, {}, (Stage("1", "Annotate", "ANNOTATION"),))
    rows = [row(branch_name=name, stage_uuid="1") for name in branches]
    assert audience_of(project, rows, Branches()) == audience
