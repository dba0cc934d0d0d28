"""What is promised about the project itself: its layout, its wheel, its README."""

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from assistant import samples
from assistant.settings import Settings, profile_names, valid_keys
from knowledge.loaders import SUFFIXES

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def folders() -> set[str]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    if not listed:
        pytest.skip("not a git checkout")
    code = {str(Path(name).parent) for name in listed if name.endswith((".py", ".toml"))}
    return {folder for folder in code if folder != "."} | {"assistant/samples"}


def test_the_tree_in_the_readme_is_the_tree() -> None:
    told = re.findall(r"^ {4}([a-z_/]+)/ {2,}\S", README, re.MULTILINE)
    assert set(told) == folders()


def test_nothing_else_lies_at_the_top() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    top = {Path(name).parts[0] for name in listed if not name.startswith(".")}
    assert top <= {
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "CHANGELOG.md",
        "Makefile",
        *("assistant", "knowledge", "connectors", "tests", "configs"),
    }


def test_every_command_in_the_readme_exists() -> None:
    told = set(re.findall(r"^(?:cat \S+ \| )?assistant (?:--\S+ \S+ )?([a-z]+)", README, re.MULTILINE))
    for command in told:
        done = subprocess.run(
            [str(Path(sys.executable).with_name("assistant")), command, "--help"], capture_output=True, check=False
        )
        assert done.returncode == 0, command
    assert {"ingest", "ask", "chat", "search", "documents", "doctor"} <= told


def test_the_python_in_the_readme_compiles() -> None:
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        compile(block, "README.md", "exec")


def test_the_handbook_names_settings_that_exist_with_their_defaults() -> None:
    page = (samples.folder() / "handbook" / "04-profiles.md").read_text(encoding="utf-8")
    told = dict(re.findall(r"^\| `([a-z_.]+)` \|.*\| ([^|]+) \|$", page, re.MULTILINE))
    assert set(told) <= set(valid_keys())
    numbers = {key: float(default) for key, default in told.items() if re.fullmatch(r"[\d.]+", default)}
    assert len(numbers) == 11
    for key, default in numbers.items():
        section, name = key.split(".")
        assert Settings.model_fields[section].default.model_dump()[name] == default, key


def test_the_course_has_ten_lessons_and_a_pdf_and_a_word_document() -> None:
    course = samples.folder() / "course"
    lessons = list(course.glob("*.md"))
    assert len(lessons) >= 10
    assert all("## Exercises" in lesson.read_text(encoding="utf-8") for lesson in lessons)
    assert {path.suffix for path in course.iterdir()} == {".md", ".pdf", ".docx"} <= SUFFIXES


def test_every_package_is_pinned_once() -> None:
    lines = (ROOT / "configs" / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[a-z0-9-]+==[\w.]+", pin) for pin in pins)
    assert len({pin.partition("==")[0] for pin in pins}) == len(pins)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [
        *project["dependencies"],
        *(name for extra in project["optional-dependencies"].values() for name in extra),
    ]
    names = {re.split(r"[\[><=]", want)[0].lower().replace("_", "-") for want in wanted}
    assert names - {project["name"]} <= {pin.partition("==")[0] for pin in pins}


@pytest.mark.slow
def test_the_wheel_carries_profiles_samples_and_types(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)],
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {f"assistant/configs/{name}.toml" for name in profile_names()} <= names
    assert {"assistant/samples/course/lab-handbook.pdf", "assistant/samples/handbook/01-installing.md"} <= names
    assert {f"assistant/grounding/wordnet/{name}" for name in ("LICENSE", "antonyms.txt", "synonyms.txt")} <= names
    assert {"assistant/py.typed", "knowledge/py.typed", "connectors/py.typed"} <= names
    assert not any(name.startswith(("tests/", "configs/")) for name in names)
