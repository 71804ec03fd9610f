"""What was rendered from the chart, as objects; the API of Kubernetes and of others to judge them by."""

import importlib.util
import json
from pathlib import Path

import jsonschema
import kubernetes_validate
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy/helm/segment-encharge-connector"
PLAIN = ROOT / "deploy/kubernetes"
DATA = ROOT / "tests/data"
PLAIN_NAME = "plain manifests"


def script(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


render = script(PLAIN / "render.py")
tool = script(ROOT / "deploy/helm/tool.py")


def read(text):
    return [each for each in YAML(typ="safe", pure=True).load_all(text) if each is not None]


def read_file(path):
    return read(path.read_text())


def case_names():
    return sorted(file.name.removesuffix(".values.yaml") for file in (DATA / "chart").glob("*.values.yaml"))


def plain_files():
    return sorted(set(PLAIN.glob("*.yaml")) - {PLAIN / "values.yaml", PLAIN / "kustomization.yaml"})


def merged(defaults, given):
    """Give values as Helm merges them: maps member by member, all else replaced."""
    return defaults | {
        key: merged(defaults[key], value)
        if isinstance(defaults.get(key), dict) and isinstance(value, dict)
        else value
        for key, value in given.items()
    }


class Rendering:
    """The objects of one set of values."""

    def __init__(self, name, values, objects):
        [defaults] = read_file(CHART / "values.yaml")
        [given] = read_file(values)
        self.name = name
        self.values = merged(defaults, given)
        self.objects = objects

    def of(self, kind):
        return [each for each in self.objects if each["kind"] == kind]

    def one(self, kind):
        [found] = self.of(kind)
        return found

    @property
    def worker(self):
        return self.one("Deployment")["spec"]["template"]

    def pods(self):
        """Give what pods are made from, by what they are for: the worker, the job of the topics, the check."""
        found = {"worker": self.worker}
        for job in self.of("Job"):
            found["topics"] = job["spec"]["template"]
        for pod in self.of("Pod"):
            found["check"] = pod
        return found


def renderings():
    cases = [
        Rendering(name, DATA / f"chart/{name}.values.yaml", read_file(DATA / f"chart/{name}.rendered.yaml"))
        for name in case_names()
    ]
    plain = [each for file in plain_files() for each in read_file(file)]
    return [*cases, Rendering(PLAIN_NAME, PLAIN / "values.yaml", plain)]


def container(pod):
    [found] = pod["spec"]["containers"]
    return found


def environment(pod):
    return {each["name"]: each["value"] for each in container(pod)["env"]}


def matches(selector, labels):
    return selector.items() <= labels.items()


def mount(pod, directory, config_maps=()):
    """Lay the volumes of a pod out below a directory, with made-up secrets; give its environment as it is there.

    directory    must not exist yet
    config_maps  those that are there; others hold made-up texts
    """
    data = {each["metadata"]["name"]: each["data"] for each in config_maps}
    volumes = {each["name"]: each for each in pod["spec"].get("volumes", ())}
    places = {}
    for each in container(pod).get("volumeMounts", ()):
        target = places[each["mountPath"]] = directory / each["name"]
        target.mkdir(parents=True)
        volume = volumes[each["name"]]
        for source in volume.get("projected", {}).get("sources", ()):
            [(_, reference)] = source.items()
            for item in reference["items"]:
                (target / item["path"]).write_text(f"made up for {item['path']}")
        if "configMap" in volume:
            texts = data.get(volume["configMap"]["name"], {"destination.yaml": "id: made-up\n"})
            for name, text in texts.items():
                (target / name).write_text(text)
    return {name: moved(value, places) for name, value in environment(pod).items()}


def moved(value, places):
    for path, target in places.items():
        if value == path or value.startswith(f"{path}/"):
            return f"{target}{value.removeprefix(path)}"
    return value


def judge(found):
    """Raise jsonschema's or kubernetes_validate's error for an object that its API would refuse."""
    if "." in found["apiVersion"].partition("/")[0] and not found["apiVersion"].partition("/")[0].endswith(
        ".k8s.io"
    ):
        schema = json.loads((DATA / f"crds/{found['kind'].lower()}.json").read_text())
        assert found["apiVersion"] == schema["x-api-version"]
        jsonschema.Draft202012Validator(strict(schema)).validate(found)
    else:
        kubernetes_validate.validate(found, kubernetes_validate.latest_version(), strict=True)


def strict(schema):
    """Give a schema of a custom resource that refuses what the API server would drop."""
    if isinstance(schema, list):
        return [strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: strict(value) for key, value in schema.items()}
    if isinstance(found.get("properties"), dict) and found.get("type") == "object":
        found.setdefault("additionalProperties", False)
    return found
