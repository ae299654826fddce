"""What is refused before anything is made, and what people in the production project may not read."""

from __future__ import annotations

import re
from pathlib import Path

from benchmark_qa.terminal.files import only_run_of
from tests.integration.setup.conftest import ANNOTATORS, EXPERT, KEYS, Site
from tests.integration.setup.setup_files import BENCHMARK_DATASET, PRODUCTION, photo, write_setup


def test_what_is_missing_is_named_before_anything_is_made(site: Site, tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.csv"
    manifest.write_text("url\ns3://bucket/0.png\n")
    file = write_setup(tmp_path)
    sourced = 'registration = ["registration"]\nintegration = "No bucket"'
    file.write_text(file.read_text().replace('upload = "production photos"', sourced))
    missing = site.run("setup", "plan", file)
    assert missing.exit_code == 2
    assert f"folders.1.registration: {tmp_path}/registration: there is no such file or folder" in missing.stderr
    (tmp_path / "registration").mkdir()
    assert "holds no registration file" in site.run("setup", "plan", file).stderr
    built = site.run("register", "build", manifest, "--out", tmp_path / "registration", "--storage", "s3")
    assert built.exit_code == 0, built.output
    done = site.run("setup", "apply", file, "--yes")
    assert done.exit_code == 3
    assert "folder 'Pedestrians/Production': there is no cloud integration 'No bucket'" in done.stderr
    assert site.writes() == []


def test_nothing_that_people_in_the_project_can_read_tells_the_benchmark(site: Site, tmp_path: Path) -> None:
    assert site.run("setup", "apply", write_setup(tmp_path), "--yes").exit_code == 0
    for dataset in site.project(PRODUCTION, ANNOTATORS[0]).list_datasets():
        assert re.fullmatch(r"pedestrians [0-9a-f]{12}", dataset.description)


def test_titles_that_tell_are_noticed_and_applied_all_the_same(site: Site, tmp_path: Path) -> None:
    file = write_setup(tmp_path)
    photo(tmp_path / "benchmark photos" / "gold-1.png", 50)
    shown = site.run("setup", "plan", file)
    assert "1 of its titles tell annotators what they label: 'gold-1.png'" in shown.stdout
    assert site.run("setup", "apply", file, "--yes").exit_code == 0
    assert site.run("setup", "plan", file).exit_code == 0


def test_a_key_that_sees_the_project_and_little_else_is_refused(site: Site, tmp_path: Path) -> None:
    file = write_setup(tmp_path)
    assert site.run("setup", "apply", file, "--yes").exit_code == 0
    site.forget_requests()
    refused = site.run("setup", "apply", file, "--yes", ENCORD_SSH_KEY=KEYS[ANNOTATORS[0]].private)
    assert refused.exit_code == 3
    assert f"production project '{PRODUCTION}'" in refused.stderr
    assert "the key's user is annotator there and not admin" in refused.stderr
    assert site.writes() == []


def test_an_admin_of_the_projects_who_may_not_see_their_datasets_is_refused(site: Site, tmp_path: Path) -> None:
    file = write_setup(tmp_path)
    admin = f'"{EXPERT}" = "admin"'
    text = file.read_text().replace(f'"{EXPERT}" = "annotator_reviewer"', admin)
    file.write_text(text.replace("[production.users]", f"[production.users]\n{admin}"))
    assert site.run("setup", "apply", file, "--yes").exit_code == 0
    site.forget_requests()
    refused = site.run("setup", "apply", file, "--yes", ENCORD_SSH_KEY=KEYS[EXPERT].private)
    assert refused.exit_code == 3
    assert f"dataset '{BENCHMARK_DATASET}'" in refused.stderr
    assert "the key's user may not see it" in refused.stderr
    assert site.writes() == []


def test_of_two_applies_at_once_one_is_refused(site: Site, tmp_path: Path) -> None:
    file = write_setup(tmp_path)
    with only_run_of(file):
        refused = site.run("setup", "apply", file, "--yes")
    assert refused.exit_code == 2
    assert "another run with this file is going on" in refused.stderr
    assert site.writes() == []
    assert site.run("setup", "apply", file, "--yes").exit_code == 0
