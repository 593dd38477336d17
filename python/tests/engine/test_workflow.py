"""A project of tasks, built by `pyflyte` as its users do, and executed in its images."""

from __future__ import annotations

import dataclasses
import json
import sys
import tarfile
from importlib import metadata
from pathlib import Path

import pytest
from flyteidl.admin.task_pb2 import TaskSpec
from flyteidl.core.tasks_pb2 import TaskTemplate

from .conftest import Bed, Project

pytestmark = pytest.mark.engine

WORKFLOW = """
from flytekit import ImageSpec, task, workflow
import helpers

base = ImageSpec(name="{base}", registry="{registry}", packages=["humanize"], builder="imagespec")
image = ImageSpec(name="{name}", registry="{registry}", base_image=base, packages=["tomli"{more}], builder="imagespec")

@task(container_image=image)
def hello(name: str) -> str:
    import humanize, tomli, zipp
    return helpers.greet(name) + f" in its image: {{image.is_container()}}"

@workflow
def w(name: str = "you") -> str:
    return hello(name=name)
"""
HELPERS = 'def greet(name: str) -> str:\n    return f"{text} {{name}}"\n'
# Runs in a container: a task with its inputs and outputs in files.
EXECUTE = """
import os, subprocess, sys
from flyteidl.core.literals_pb2 import LiteralMap
from flytekit.core import utils
from flytekit.core.context_manager import FlyteContextManager
from flytekit.core.type_engine import TypeEngine

inputs = TypeEngine.dict_to_literal_map(FlyteContextManager.current_context(), {{"name": "Ada"}})
os.mkdir("/tmp/in")
os.mkdir("/tmp/out")
utils.write_proto_to_file(inputs.to_flyte_idl(), "/tmp/in/inputs.pb")
done = subprocess.run({command!r}, capture_output=True, text=True)
if done.returncode or os.listdir("/tmp/out") != ["outputs.pb"]:
    sys.exit(done.stdout + done.stderr + str(os.listdir("/tmp/out")))
outputs = utils.load_proto_from_file(LiteralMap, "/tmp/out/outputs.pb")
print(outputs.literals["o0"].scalar.primitive.string_value)
"""


# The source of a fast registration comes when a task starts.
IS_CONTAINER = """
from pathlib import Path
from flytekit.core.context_manager import ExecutionState, FlyteContextManager

for name, text in {files!r}.items():
    Path(name).write_text(text)
import wf

context = FlyteContextManager.current_context()
state = context.new_execution_state().with_params(mode=ExecutionState.Mode.TASK_EXECUTION)
with FlyteContextManager.with_context(context.with_execution_state(state)):
    print(wf.image.is_container())
"""


@dataclasses.dataclass
class Built:
    project: Project
    base: str
    # What `pyflyte build` gave: with the source, and without.
    copied: str
    fast: str
    # The container that a cluster would start, of the packaged workflow.
    image: str
    arguments: list[str]


def packaged(project: Project) -> TaskTemplate:
    """The one task of the workflow as `pyflyte package` would register it."""
    archive = project.directory / "flyte-package.tgz"
    archive.unlink(missing_ok=True)
    ended = project.pyflyte("--pkgs", "wf", "package", "--source", ".", "--output", archive.name)
    assert ended.returncode == 0, ended.stderr
    assert "built in" not in ended.stdout
    found = []
    with tarfile.open(archive) as content:
        for member in content.getmembers():
            if member.name.endswith("_1.pb"):
                file = content.extractfile(member)
                assert file is not None
                spec = TaskSpec()
                spec.ParseFromString(file.read())
                found.append(spec.template)
    (template,) = found
    return template


def image_of(output: str, name: str) -> str:
    """The image of that name which `pyflyte build` says it built."""
    found = {
        word for line in output.splitlines() for word in line.split() if f"/{name}:" in word and " built in " in line
    }
    (image,) = found
    return image


@pytest.fixture(scope="module")
def built(bed: Bed, tmp_path_factory: pytest.TempPathFactory) -> Built:
    project = Project(tmp_path_factory.mktemp("workflow"))
    base, name = bed.name("base"), bed.name("hello")
    text = WORKFLOW.format(base=base, name=name, registry=bed.registry, more="")
    project.write({"wf.py": text, "helpers.py": HELPERS.format(text="hello"), "unused.py": ""})
    copied = project.pyflyte("build", "wf.py", "w")
    assert copied.returncode == 0, copied.stderr
    fast = project.pyflyte("build", "--fast", "wf.py", "w")
    assert fast.returncode == 0, fast.stderr
    template = packaged(project)
    return Built(
        project,
        image_of(copied.stdout + fast.stdout, base),
        image_of(copied.stdout, name),
        image_of(fast.stdout, name),
        template.container.image,
        list(template.container.args),
    )


def test_the_registry_has_what_another_process_registers(bed: Bed, built: Built) -> None:
    assert built.image == built.copied
    assert built.copied != built.fast
    for image in (built.base, built.copied, built.fast):
        assert bed.manifest(image) is not None
        assert bed.environment(image)["_F_IMG_ID"]


def test_an_image_has_python_flytekit_and_files_of_whoever_built_it(bed: Bed, built: Built) -> None:
    ask = "import json, sys, os, flytekit; print(json.dumps([sys.version_info[:2], flytekit.__version__, os.listdir('/root')]))"
    version, release, files = json.loads(bed.run(built.copied, "python", "-c", ask))
    assert tuple(version) == sys.version_info[:2]
    assert release == metadata.version("flytekit")
    assert {"wf.py", "helpers.py"} <= set(files)
    assert "unused.py" not in files
    assert "wf.py" not in bed.run(built.fast, "ls", "-A", "/root")


def test_a_task_knows_its_image(bed: Bed, built: Built) -> None:
    """The id is that of the spec with the base in it, which the builder never gets."""
    files = {name: (built.project.directory / name).read_text() for name in ("wf.py", "helpers.py")}
    assert bed.run(built.fast, "python", "-c", IS_CONTAINER.format(files=files)) == "True\n"


def test_a_task_is_executed_in_its_image(bed: Bed, built: Built) -> None:
    """As a cluster does: the registered arguments, a file of inputs, a file of outputs."""
    values = {
        "{{.input}}": "/tmp/in/inputs.pb",
        "{{.outputPrefix}}": "/tmp/out",
        "{{.rawOutputDataPrefix}}": "/tmp/raw",
        "{{.checkpointOutputPrefix}}": "/tmp/check",
        "{{.prevCheckpointPrefix}}": '""',
    }
    command = [values.get(argument, argument) for argument in built.arguments]
    script = EXECUTE.format(command=command)
    said = bed.run(built.copied, "python", "-c", script).strip().splitlines()[-1]
    # With the source in the image, flytekit's id counts where the source lay.
    assert said == "hello Ada in its image: False"


def test_nothing_is_built_twice_and_no_engine_is_needed_to_know(built: Built) -> None:
    ended = built.project.pyflyte("build", "wf.py", "w", DOCKER_HOST="unix:///nowhere")
    assert ended.returncode == 0, ended.stderr
    assert f"Image {built.copied} found. Skip building." in ended.stdout
    assert "built in" not in ended.stdout


def test_an_edit_costs_a_layer(bed: Bed, built: Built) -> None:
    project = built.project
    project.write({"helpers.py": HELPERS.format(text="good day")})
    name = built.copied.rpartition("/")[2].rpartition(":")[0]
    ended = project.pyflyte("build", "wf.py", "w")
    assert ended.returncode == 0, ended.stderr
    edited = image_of(ended.stdout, name)
    before, after = bed.layers(built.copied), bed.layers(edited)
    assert edited != built.copied
    assert before[:-1] == after[:-1]
    assert before[-1] != after[-1]
    assert packaged(project).container.image == edited


def test_a_spec_in_a_file_is_built_as_an_option_of_pyflyte(bed: Bed, tmp_path: Path) -> None:
    project = Project(tmp_path)
    name = bed.name("option")
    task = "from flytekit import task\n@task\ndef t() -> int:\n    return 1\n"
    spec = f"name: {name}\nregistry: {bed.registry}\nbuilder: imagespec\nbuilder_options: {{profile: plain}}\n"
    project.write({"wf.py": task, "spec.yaml": spec})
    ended = project.pyflyte("--pkgs", "wf", "package", "--source", ".", "--image", "spec.yaml", "--output", "p.tgz")
    assert ended.returncode == 0, ended.stderr
    assert bed.manifest(image_of(ended.stdout, name)) is not None


@pytest.mark.parametrize(
    ("fields", "variables", "words"),
    [
        (
            'packages=["no-such-package-at-all"]',
            {},
            ["no-such-package-at-all was not found", "imageSpec.yaml:", "- no-such-package-at-all"],
        ),
        (
            'apt_packages=["--wrong"]',
            {},
            ["`--wrong` is not the name of an apt package", "apt_packages: - --wrong", "help: "],
        ),
        ("", {"IMAGESPEC": "/nowhere/imagespec"}, ["IMAGESPEC=/nowhere/imagespec is not a program"]),
        (
            "",
            {"DOCKER_HOST": "unix:///nowhere", "IMAGESPEC_ENGINE": "docker"},
            ["docker cannot build", "no Docker daemon answers at unix:///nowhere"],
        ),
    ],
)
def test_a_failure_is_a_few_lines_and_no_traceback(
    bed: Bed, tmp_path: Path, fields: str, variables: dict[str, str], words: list[str]
) -> None:
    project = Project(tmp_path)
    options = "builder_options={'profile': 'plain'}"
    spec = f'ImageSpec(name="{bed.name("wrong")}", registry="{bed.registry}", builder="imagespec", {options}, {fields})'
    task = "@task(container_image=image)\ndef t() -> int:\n    return 1\n@workflow\ndef w() -> int:\n    return t()\n"
    project.write({"wf.py": f"from flytekit import ImageSpec, task, workflow\nimage = {spec}\n{task}"})
    ended = project.pyflyte("build", "--fast", "wf.py", "w", **variables)
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    box = ended.stderr[ended.stderr.index("Error") :]
    for word in words:
        assert word in box
