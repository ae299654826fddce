"""Graphs copied from a template: what keeps its uuid, and where the copy's references lead."""

from emulator.projects.world import AgentStageSpec, WorkflowSpec
from emulator.workflow.graph import STANDARD_WORKFLOW, Graph

TEMPLATE = WorkflowSpec.model_validate(
    {
        "start": "Agent",
        "stages": [
            {"type": "annotation", "title": "Annotate", "next": "Review"},
            {"type": "review", "title": "Review", "next": "Complete", "reject": "Annotate"},
            {
                "type": "agent",
                "title": "Agent",
                "pathways": [{"name": "on", "to": "Complete"}, {"name": "back", "to": "Annotate"}],
            },
            {"type": "percentage_router", "title": "Some", "routes": [{"percentage": 100, "to": "Review"}]},
            {"type": "user_router", "title": "Whose", "routes": [{"users": [], "to": "Review"}], "default": "Agent"},
            {"type": "complete"},
        ],
    }
)


def pathways(graph: Graph) -> dict[str, str]:
    """The uuids of all pathways, by stage and name."""
    return {
        f"{stage.title}/{pathway.name}": pathway.uuid
        for stage in graph.stages.values()
        if isinstance(stage, AgentStageSpec)
        for pathway in stage.pathways
    }


def test_a_copied_graph_has_the_same_form_and_stages_of_its_own() -> None:
    one, two = Graph.copied(STANDARD_WORKFLOW, "new"), Graph.copied(STANDARD_WORKFLOW, "new")
    assert [s.title for s in one.stages.values()] == [s.title for s in two.stages.values()]
    assert not set(one.stages) & set(two.stages)
    assert one.stages[one.start].title == "Annotate"


def test_the_pathways_of_a_template_keep_their_uuids_in_every_copy() -> None:
    one, two = Graph.copied(TEMPLATE, "new"), Graph.copied(TEMPLATE, "new")
    assert pathways(one) == pathways(two) == pathways(Graph(TEMPLATE))
    assert not set(one.stages) & set(two.stages)


def test_the_stages_of_a_template_keep_their_uuids_when_the_switch_says_so() -> None:
    assert set(Graph.copied(TEMPLATE, "kept").stages) == {stage.uuid for stage in TEMPLATE.stages}


def test_every_reference_of_a_copied_graph_leads_to_the_stage_of_the_same_title() -> None:
    for graph in (Graph.copied(TEMPLATE, "new"), Graph.copied(TEMPLATE, "kept")):
        titles = {stage.uuid: stage.title for stage in graph.stages.values()}
        found = {}
        for stage in graph.stages.values():
            found[stage.title] = sorted(title for uuid, title in titles.items() if uuid in str(stage.model_dump()))
        assert titles[graph.start] == "Agent"
        assert found["Annotate"] == ["Annotate", "Review"]
        assert found["Review"] == ["Annotate", "Complete", "Review"]
        assert found["Agent"] == ["Agent", "Annotate", "Complete"]
        assert found["Some"] == ["Review", "Some"]
        assert found["Whose"] == ["Agent", "Review", "Whose"]
