"""What people change by hand in Encord is reported, left alone, and never undone behind their backs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from encord.objects import Shape
from encord.orm.dataset import StorageLocation
from encord.storage import StorageFolder
from encord.utilities.project_user import ProjectUserRole

from emulator.testing import running
from tests.integration.setup.conftest import ANNOTATORS, Site, empty_world
from tests.integration.setup.setup_files import (
    BENCHMARK,
    BENCHMARK_DATASET,
    PRODUCTION,
    PRODUCTION_DATASET,
    photo,
    write_setup,
)


@pytest.fixture
def done(tmp_path: Path) -> Iterator[tuple[Site, Path]]:
    """A set-up that has been applied."""
    with running(empty_world()) as served:
        site, file = Site(served), write_setup(tmp_path)
        assert site.run("setup", "apply", file, "--yes").exit_code == 0
        yield site, file


def reported(site: Site, file: Path) -> list[tuple[str, str, str]]:
    """What a plan finds, and that neither it nor another apply changes anything."""
    found = [(c["kind"], c["subject"], c["message"]) for changes in site.plan(file).values() for c in changes]
    site.forget_requests()
    assert site.run("setup", "plan", file).exit_code == 4
    left = site.run("setup", "apply", file, "--yes")
    assert left.exit_code == 4
    assert site.writes() == []
    assert "-> " in left.stdout  # what to do about it
    return found


def folder(site: Site, title: str) -> StorageFolder:
    (found,) = [f for f in site.client().find_storage_folders(search=title) if f.name == title]
    return found


def test_another_role_is_reported_with_both_roles(done: tuple[Site, Path]) -> None:
    site, file = done
    anna = ANNOTATORS[0]
    project = site.project(PRODUCTION)
    project.remove_users([anna])
    project.add_users([anna], ProjectUserRole.REVIEWER)
    subject = f"production project '{PRODUCTION}'"
    assert reported(site, file) == [("drift", subject, f"{anna} is reviewer, not annotator")]


def test_people_whom_the_file_does_not_name_are_left_alone(done: tuple[Site, Path]) -> None:
    site, file = done
    site.project(PRODUCTION).add_users(["zoe@example.com"], ProjectUserRole.ANNOTATOR)
    assert site.run("setup", "plan", file).exit_code == 0


def test_a_detached_dataset_is_reported_and_attached_again_on_request(done: tuple[Site, Path]) -> None:
    site, file = done
    project = site.project(PRODUCTION)
    (benchmark,) = [d.dataset_hash for d in project.list_datasets() if d.title == BENCHMARK_DATASET]
    project.remove_datasets([str(benchmark)])
    (change,) = site.plan(file)["change"]
    assert change["message"] == f"attach dataset '{BENCHMARK_DATASET}'"
    site.forget_requests()
    assert site.run("setup", "apply", file, "--yes").exit_code == 0
    assert site.writes() == ["legacy projectdataset.POST"]
    assert {d.title for d in site.project(PRODUCTION).list_datasets()} == {BENCHMARK_DATASET, PRODUCTION_DATASET}


def test_a_dataset_too_many_is_a_fault_of_the_benchmark_project_and_drift_of_production(
    done: tuple[Site, Path],
) -> None:
    site, file = done
    other = site.client().create_dataset("Other", StorageLocation.CORD_STORAGE, create_backing_folder=False)
    for title in (BENCHMARK, PRODUCTION):
        site.project(title).add_datasets([other.dataset_hash])
    also = f"has dataset 'Other' ({other.dataset_hash}) as well"
    assert {(kind, subject) for kind, subject, message in reported(site, file) if message == also} == {
        ("fault", f"benchmark project '{BENCHMARK}'"),
        ("drift", f"production project '{PRODUCTION}'"),
    }
    assert "Other" in {d.title for d in site.project(BENCHMARK).list_datasets()}


def test_an_edited_ontology_is_reported_feature_by_feature(done: tuple[Site, Path]) -> None:
    site, file = done
    (ontology,) = [found["ontology"] for found in site.client().get_ontologies()]
    ontology.structure.objects[0].name = "person"
    ontology.structure.add_object("dog", Shape.POLYGON)
    ontology.save()
    assert reported(site, file) == [
        ("drift", "ontology 'Pedestrians'", "lacks object 'pedestrian' (bounding_box)"),
        ("drift", "ontology 'Pedestrians'", "has also object 'person' (bounding_box)"),
        ("drift", "ontology 'Pedestrians'", "has also object 'dog' (polygon)"),
    ]


def test_renamed_things_are_known_by_their_mark_and_not_made_again(done: tuple[Site, Path]) -> None:
    site, file = done
    client = site.client()
    folder(site, "Benchmark").update(name="Truth photos")
    (ontology,) = [found["ontology"] for found in client.get_ontologies()]
    ontology.title = "People on foot"
    ontology.save()
    platform = site.running.emulator.platform  # the SDK renames neither datasets nor projects
    (dataset,) = [d for d in platform.datasets.values() if d.title == PRODUCTION_DATASET]
    (project,) = [p for p in platform.projects.values() if p.title == BENCHMARK]
    dataset.title, project.title = "Photos of March", "The truth"
    assert [(subject, message.split(" (")[0]) for _, subject, message in reported(site, file)] == [
        ("folder 'Pedestrians/Benchmark'", "is called 'Truth photos' in Encord now"),
        ("ontology 'Pedestrians'", "is called 'People on foot' in Encord now"),
        (f"dataset '{PRODUCTION_DATASET}'", "is called 'Photos of March' in Encord now"),
        (f"benchmark project '{BENCHMARK}'", "is called 'The truth' in Encord now"),
    ]


def test_a_moved_folder_is_not_made_again(done: tuple[Site, Path]) -> None:
    site, file = done
    folder(site, "Production").move_to_folder(None)
    assert reported(site, file) == [("drift", "folder 'Pedestrians/Production'", "lies in another folder now")]


def test_data_units_of_other_folders_in_a_dataset_are_counted(done: tuple[Site, Path]) -> None:
    site, file = done
    item = folder(site, "Pedestrians").upload_image(photo(file.parent / "stray.png", 77))
    (listed,) = site.client().get_datasets(title_eq=BENCHMARK_DATASET)
    site.client().get_dataset(listed["dataset"].dataset_hash).link_items([item])
    assert reported(site, file) == [("drift", f"dataset '{BENCHMARK_DATASET}'", "holds 1 data units of other folders")]


def test_two_things_of_one_title_are_refused_with_both_hashes(site: Site, tmp_path: Path) -> None:
    create = site.client().create_dataset
    hashes = sorted(
        create(BENCHMARK_DATASET, StorageLocation.CORD_STORAGE, create_backing_folder=False).dataset_hash
        for _ in range(2)
    )
    file = write_setup(tmp_path)
    site.forget_requests()
    refused = site.run("setup", "apply", file, "--yes")
    assert refused.exit_code == 2
    wanted = f"there are 2 of dataset '{BENCHMARK_DATASET}': {hashes[0]}, {hashes[1]}; say which with 'hash'"
    assert wanted in refused.stderr
    assert site.writes() == []
    titled = f'title = "{BENCHMARK_DATASET}"'
    file.write_text(file.read_text().replace(titled, f'{titled}\nhash = "{hashes[1]}"'))
    assert site.run("setup", "apply", file, "--yes").exit_code == 0
    assert [str(d.dataset_hash) for d in site.project(BENCHMARK).list_datasets()] == [hashes[1]]


def test_a_twin_made_by_hand_does_not_hide_what_the_set_up_has_made(done: tuple[Site, Path]) -> None:
    site, file = done
    site.client().create_ontology("Pedestrians")
    site.client().create_storage_folder("Pedestrians")
    assert site.run("setup", "plan", file).exit_code == 0


def test_a_project_with_another_ontology_is_a_fault(done: tuple[Site, Path]) -> None:
    site, file = done
    platform = site.running.emulator.platform
    (project,) = [p for p in platform.projects.values() if p.title == BENCHMARK]
    other = site.client().create_ontology("Other")
    project.ontology = platform.ontologies[other.ontology_hash]
    (kind, subject, message), *_ = reported(site, file)
    assert (kind, subject) == ("fault", f"benchmark project '{BENCHMARK}'")
    assert f"has ontology {other.ontology_hash}" in message
