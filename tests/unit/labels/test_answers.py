"""Answers as they are read: what counts as an answer, to what it belongs, where it holds, and what contradicts it."""

import json
import math
from typing import Any

import pytest

from benchmark_qa.labels.annotations import ROW, Classification, DynamicAnswer
from benchmark_qa.labels.answers import AnswerReader, asked_answers, is_ticked, read_spans
from benchmark_qa.labels.errors import LabelReadError
from benchmark_qa.labels.ontology import ClassificationClass, ObjectClass, Ontology, Question, QuestionType, Shape

STATE = Question("State000", "state", QuestionType.RADIO, options={"Good0000": "good", "Bad00000": "bad"})
WHY = Question(
    "Why00000", "why", QuestionType.RADIO, options={"Rain0000": "rain"}, parent="State000", parent_option="Bad00000"
)
HOW = Question("How00000", "how", QuestionType.TEXT, parent="Why00000", parent_option="Rain0000")
TICKS = Question("Ticks000", "ticks", QuestionType.CHECKLIST, options={"One00000": "1", "Two00000": "2"})
NOTE = Question("Note0000", "note", QuestionType.TEXT)
SIZE = Question("Size0000", "size", QuestionType.NUMERIC)
WEATHER = Question("Weather0", "weather", QuestionType.RADIO, options={"Sun00000": "sun", "Fog00000": "fog"})
BLUR = Question("Blur0000", "blur", QuestionType.TEXT)
ONTOLOGY = Ontology(
    (ObjectClass("Box00000", "box", Shape.BOUNDING_BOX, questions=(STATE, WHY, HOW, TICKS, NOTE, SIZE)),),
    (
        ClassificationClass("ClassWea", "weather", questions=(WEATHER,)),
        ClassificationClass("ClassBlu", "blur", whole=True, questions=(BLUR,)),
    ),
)


def option(name: str) -> dict[str, str]:
    return {"name": name, "featureHash": name}


def said(question: str, answers: Any) -> dict[str, Any]:
    return {"featureHash": question, "answers": answers}


def reader(kind: str = "video", **parts: Any) -> AnswerReader:
    return AnswerReader(json.loads(json.dumps({"data_type": kind, "data_units": {}, **parts})), ONTOLOGY)


def read(*items: Any) -> tuple[dict[str, Any], set[str]]:
    made = reader()
    return made.read_answers(list(items), "here"), made.contradicted


@pytest.mark.parametrize(
    ("question", "given", "answer"),
    [
        ("State000", [option("Good0000")], "Good0000"),
        ("State000", [], None),
        ("State000", [option("Good0000"), option("Bad00000")], None),
        ("Ticks000", [option("One00000"), option("Two00000")], frozenset({"One00000", "Two00000"})),
        ("Ticks000", [], None),
        ("Note0000", "a note", "a note"),
        ("Note0000", "", None),
        ("Note0000", " \u200b\n", None),
        ("Note0000", "one  two", "one  two"),
        ("Note0000", "  caf\u0065\u0301\r\nau\u00a0lait\u200b ", "caf\u00e9\nau lait"),
        ("Size0000", 3, 3.0),
        ("Size0000", 0, 0.0),
        ("Size0000", -1.5, -1.5),
        ("Size0000", None, None),
    ],
)
def test_an_answer_is_read_as_its_question_asks(question: str, given: Any, answer: Any) -> None:
    found, contradicted = read(said(question, given))
    assert found == ({} if answer is None else {question: answer})
    assert type(found.get(question)) is type(answer)
    assert contradicted == set()


@pytest.mark.parametrize(
    ("items", "message"),
    [
        ("none", "here: is not a list"),
        (["none"], "here[0]: is not a JSON object"),
        ([said("Note0000", "x"), said("Unknown0", "x")], "here[1]: feature 'Unknown0' is not in the ontology"),
        ([said(None, "x")], "here[0]: feature None is not in the ontology"),  # type: ignore[arg-type]
        ([{"featureHash": ["x"], "answers": 1}], "is not in the ontology"),
        ([said("Note0000", 5)], "here[0].answers: is not a text"),
        ([said("Size0000", "5")], "here[0].answers: is not a number"),
        ([said("Size0000", True)], "here[0].answers: is not a number"),
        ([said("Size0000", math.nan)], "here[0].answers: is not a number"),
        ([said("Size0000", math.inf)], "here[0].answers: is not a number"),
        ([said("State000", "Good0000")], "here[0].answers: is not a list of options"),
        ([said("State000", ["Good0000"])], "here[0].answers: is not a list of options"),
        ([said("State000", [option("Sun00000")])], "here[0].answers: option 'Sun00000' is not in the ontology"),
        ([said("Ticks000", [option("One00000"), {"featureHash": 5}])], "is not in the ontology"),
    ],
)
def test_what_is_no_answer_is_refused_with_its_place(items: Any, message: str) -> None:
    with pytest.raises(LabelReadError) as refused:
        reader().read_answers(items, "here")
    assert message in str(refused.value)


def test_ticks_of_several_entries_are_one_answer_and_other_answers_contradict() -> None:
    found, contradicted = read(
        said("Ticks000", [option("One00000")]),
        said("Ticks000", [option("Two00000")]),
        said("Note0000", "same"),
        said("Note0000", "same"),
        said("Size0000", 1),
        said("Size0000", None),
    )
    assert found == {"Ticks000": frozenset({"One00000", "Two00000"}), "Note0000": "same", "Size0000": 1.0}
    assert contradicted == set()
    found, contradicted = read(said("Note0000", "one"), said("Note0000", "two"), said("Size0000", 1))
    assert contradicted == {"Note0000"}


def test_an_option_is_ticked_alone_or_among_others() -> None:
    assert is_ticked("a", "a")
    assert is_ticked(frozenset("ab"), "a")
    assert not is_ticked("a", "b")
    assert not is_ticked(frozenset("ab"), "c")
    assert not is_ticked(None, None)
    assert not is_ticked(None, "a")


def test_a_nested_answer_is_left_out_unless_all_options_above_it_are_chosen() -> None:
    whole = {"State000": "Bad00000", "Why00000": "Rain0000", "How00000": "slowly", "Note0000": "x"}
    assert asked_answers(whole, ONTOLOGY) == whole
    assert asked_answers(whole | {"State000": "Good0000"}, ONTOLOGY) == {"State000": "Good0000", "Note0000": "x"}
    without = {key: value for key, value in whole.items() if key != "Why00000"}
    assert asked_answers(without, ONTOLOGY) == {"State000": "Bad00000", "Note0000": "x"}
    assert asked_answers({"Note0000": "x"}, ONTOLOGY) == {"Note0000": "x"}


@pytest.mark.parametrize(
    ("ranges", "spans"),
    [([], ()), ([[5, 9], [0, 2]], ((0.0, 2.0), (5.0, 9.0))), ([[3, 3]], ((3.0, 3.0),)), ([["1", "2"]], ((1.0, 2.0),))],
)
def test_ranges_are_sorted_and_may_be_of_one_frame(ranges: Any, spans: Any) -> None:
    assert read_spans(ranges, "here") == spans


@pytest.mark.parametrize(
    ("ranges", "words"),
    [
        (5, "is not a list"),
        ([5], "not a [start, end] pair"),
        ([[1, 2, 3]], "not a [start, end] pair"),
        ([[1]], "not a [start, end] pair"),
        ([["x", 2]], "whose ends are not numbers"),
        ([[None, 2]], "whose ends are not numbers"),
        ([[2, 1]], "ends before it starts"),
        ([[0, math.inf]], "not finite"),
        ([[-math.inf, 0]], "not finite"),
        ([[math.nan, 0]], "not finite"),
        ([[0, 10**400]], "not numbers"),
    ],
)
def test_a_broken_range_is_refused_with_its_place(ranges: Any, words: str) -> None:
    with pytest.raises(LabelReadError, match=r"^here: ") as refused:
        read_spans(ranges, "here")
    assert words in str(refused.value)


def action(question: str, answers: Any, *ranges: list[int], **more: Any) -> dict[str, Any]:
    return said(question, answers) | {"range": list(ranges)} | more


def test_answers_of_frames_belong_to_their_object_question_and_space() -> None:
    actions = [
        action("Note0000", "a", [5, 9], [0, 2]),
        action("Size0000", 1, [0, 1], spaceId="left"),
        action("Size0000", 2, spaceId=7),
    ]
    entry = {"objectHash": "second", "actions": actions}
    made = reader(object_actions={"key": entry, "gone": {"actions": actions}, "first": {"actions": None}})
    assert made.dynamic_answers({"first": 0, "second": 1}) == {
        1: (
            DynamicAnswer("Note0000", "a", ((0.0, 2.0), (5.0, 9.0))),
            DynamicAnswer("Size0000", 1.0, ((0.0, 1.0),), "left"),
            DynamicAnswer("Size0000", 2.0, (), "7"),
        )
    }
    assert made.contradicted == set()


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"actions": 5}, "object_actions[first].actions: is not a list"),
        ({"actions": [action("Note0000", "a"), action("Note0000", 5)]}, "object_actions[first].actions[1][0].answers"),
        ({"actions": [action("Note0000", "a") | {"range": 5}]}, "object_actions[first].actions[0].range: is not"),
    ],
)
def test_a_broken_action_is_refused_with_its_place(entry: Any, message: str) -> None:
    with pytest.raises(LabelReadError) as refused:
        reader(object_actions={"first": entry}).dynamic_answers({"first": 0})
    assert message in str(refused.value)


A, B = "a", "b"
LEFT, RIGHT = {"spaceId": "left"}, {"spaceId": "right"}


@pytest.mark.parametrize(
    ("actions", "contradicts"),
    [
        ([action("Note0000", A, [0, 4]), action("Note0000", B, [5, 9])], False),
        ([action("Note0000", A, [0, 5]), action("Note0000", B, [5, 9])], True),
        ([action("Note0000", A, [0, 5]), action("Note0000", A, [5, 9])], False),
        ([action("Note0000", A, [0, 9], **LEFT), action("Note0000", B, [0, 9], **RIGHT)], False),
        ([action("Note0000", A, [0, 9], **LEFT), action("Note0000", B, [9, 9], **LEFT)], True),
        ([action("Note0000", A, [0, 9]), action("Note0000", B, [3, 4], **RIGHT)], True),
        ([action("Note0000", A, [0, 9]), action("Size0000", 1, [0, 9])], False),
        ([action("Ticks000", [option("One00000")], [0, 9]), action("Ticks000", [option("Two00000")], [0, 9])], False),
        # The end that reaches furthest counts, also behind later and shorter pieces.
        ([action("Note0000", A, [0, 9], [1, 2]), action("Note0000", B, [9, 9])], True),
        ([action("Note0000", A, [0, 1]), action("Note0000", B, [2, 6]), action("Note0000", A, [7, 8])], False),
        ([action("Note0000", A, [0, 1]), action("Note0000", B, [2, 7]), action("Note0000", A, [7, 8])], True),
        ([action("Note0000", A, [0, 2], [4, 5]), action("Note0000", B, [3, 3], [6, 6])], False),
        (
            [
                action("Note0000", A, [0, 1]),
                action("Size0000", 1, [0, 3]),
                action("Size0000", 2, [3, 4]),
            ],
            True,
        ),
    ],
)
def test_two_answers_about_one_frame_contradict_each_other(actions: list[Any], contradicts: bool) -> None:
    made = reader(object_actions={"first": {"actions": actions}})
    made.dynamic_answers({"first": 0})
    assert made.contradicted == ({actions[-1]["featureHash"]} if contradicts else set())


def test_other_objects_and_questions_do_not_hide_a_contradiction() -> None:
    clash = [action("Note0000", A, [0, 5]), action("Note0000", B, [5, 9])]
    calm = [action("Size0000", 1, [0, 9]), action("Note0000", A, [0, 9])]
    made = reader(object_actions={"first": {"actions": clash}, "second": {"actions": calm}})
    made.dynamic_answers({"first": 0, "second": 1})
    assert made.contradicted == {"Note0000"}


def test_answers_of_a_whole_life_belong_to_their_object() -> None:
    nested = [said("State000", [option("Good0000")]), said("Why00000", [option("Rain0000")])]
    made = reader(
        object_answers={
            "key": {"objectHash": "second", "classifications": nested},
            "gone": {"classifications": [said("Unknown0", 5)]},
            "first": {"classifications": nested},
            "third": {"classifications": None},
        }
    )
    found = made.static_answers({"first": 0, "second": 1, "third": 2}, {1: ()})
    # With dynamic answers the chosen option may change from frame to frame.
    assert found == {1: {"State000": "Good0000", "Why00000": "Rain0000"}, 0: {"State000": "Good0000"}}


def test_a_broken_answer_of_an_object_names_its_place() -> None:
    made = reader(object_answers={"first": {"classifications": [said("Note0000", 5)]}})
    with pytest.raises(LabelReadError, match=r"object_answers\[first\].classifications\[0\].answers: is not a text"):
        made.static_answers({"first": 0}, {})


def weather(name: str | None, **where: Any) -> dict[str, Any]:
    answers = [said("Weather0", [option(name)])] if name else []
    return {"featureHash": "ClassWea", "classifications": answers, **where}


def classified(kind: str, spaces: Any = None, /, **entries: Any) -> tuple[tuple[Classification, ...], set[str]]:
    made = reader(kind, classification_answers=entries, spaces=spaces or {})
    return made.classifications(), made.contradicted


SUN, FOG = {"Weather0": "Sun00000"}, {"Weather0": "Fog00000"}


def test_a_classification_has_its_name_its_class_its_frames_and_its_answers() -> None:
    found, contradicted = classified(
        "video",
        key=weather("Sun00000", range=[[5, 9], [0, 2]], classificationHash="named"),
        skipped={"featureHash": None, "classifications": 5},
        blur={"featureHash": "ClassBlu", "classifications": [said("Blur0000", "much")], "range": [[0, 3]]},
    )
    assert found == (
        Classification("named", 0, ROW, ((0.0, 2.0), (5.0, 9.0)), SUN),
        Classification("blur", 1, ROW, (), {"Blur0000": "much"}),
    )
    assert contradicted == set()


@pytest.mark.parametrize(("kind", "there"), [("video", False), ("image", False), ("dicom", False), ("audio", True)])
def test_without_a_frame_a_classification_of_framed_data_does_not_exist(kind: str, there: bool) -> None:
    found, _ = classified(kind, only=weather("Sun00000"))
    assert found == ((Classification("only", 0, ROW, (), SUN),) if there else ())
    whole, _ = classified(kind, only={"featureHash": "ClassBlu", "classifications": []})
    assert whole == (Classification("only", 1, ROW, (), {}),)


def test_a_classification_is_there_once_for_each_space() -> None:
    kinds = {"film": {"space_type": "video"}, "sound": {"space_type": "audio"}, "page": {"space_type": "pdf"}}
    where = {
        "root": {"range": [[0, 1]]},
        "film": {"range": [[3, 4]], "type": "frame"},
        "sound": {"range": [[7, 8]], "type": "audio"},
        "page": {"range": []},
        "unknown": {},
    }
    found, _ = classified("group", kinds, one=weather("Sun00000", spaces=where))
    assert found == (
        Classification("one", 0, "film", ((3.0, 4.0),), SUN),
        Classification("one", 0, "sound", (), SUN),
        Classification("one", 0, "unknown", (), SUN),
    )
    blur = {"featureHash": "ClassBlu", "classifications": [], "spaces": {"page": {"range": [[1, 2]]}}}
    assert classified("group", kinds, one=blur)[0] == (Classification("one", 1, "page", (), {}),)
    rooted, _ = classified("video", kinds, one=weather("Sun00000", range=[[0, 1]], spaces={"root": {}}))
    assert rooted == (Classification("one", 0, ROW, ((0.0, 1.0),), SUN),)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"featureHash": "Unknown0"}, "classification_answers[one]: feature 'Unknown0' is not in the ontology"),
        ({"featureHash": 5}, "classification_answers[one]: feature"),
        (weather(None) | {"classifications": [5]}, "classification_answers[one].classifications[0]: is not a JSON"),
        (weather("Sun00000", range=5), "classification_answers[one].range: is not a list"),
        (
            weather("Sun00000", spaces={"film": {"range": 5}}),
            "classification_answers[one].spaces[film].range: is not a list",
        ),
    ],
)
def test_a_broken_classification_is_refused_with_its_place(entry: Any, message: str) -> None:
    with pytest.raises(LabelReadError) as refused:
        classified("video", one=entry)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("entries", "contradicts"),
    [
        ([weather("Sun00000", range=[[0, 4]]), weather("Fog00000", range=[[5, 9]])], False),
        ([weather("Sun00000", range=[[0, 5]]), weather("Fog00000", range=[[5, 9]])], True),
        ([weather("Sun00000", range=[[0, 5]]), weather("Sun00000", range=[[5, 9]])], False),
        ([weather("Sun00000", range=[[0, 5]]), weather(None, range=[[0, 9]])], False),
    ],
)
def test_two_answers_to_one_classification_on_a_frame_contradict(entries: list[Any], contradicts: bool) -> None:
    _, found = classified("video", one=entries[0], two=entries[1])
    assert found == ({"Weather0"} if contradicts else set())


def test_classifications_of_the_whole_data_unit_contradict_each_other_only_if_they_differ() -> None:
    def blur(word: str) -> dict[str, Any]:
        return {"featureHash": "ClassBlu", "classifications": [said("Blur0000", word)]}

    assert classified("video", one=blur("much"), two=blur("little"))[1] == {"Blur0000"}
    assert classified("video", one=blur("much"), two=blur("much"), sun=weather("Sun00000", range=[[0, 1]]))[1] == set()
    sides = {"left": {"space_type": "audio"}, "right": {"space_type": "audio"}}
    apart = {"one": weather("Sun00000", spaces={"left": {}}), "two": weather("Fog00000", spaces={"right": {}})}
    assert classified("group", sides, **apart)[1] == set()
