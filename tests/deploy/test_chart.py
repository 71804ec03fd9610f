"""The Helm chart itself: what it refuses, what it repeats, and, where Helm is, that the renderings are Helm's."""

import json
import re
import subprocess
from dataclasses import fields

import click
import jsonschema
import kubernetes_validate
import pytest

from connector import __version__
from connector.cli import cli
from connector.settings import Settings, variable_of
from tests.deploy.renderings import (
    CHART,
    DATA,
    PLAIN,
    ROOT,
    case_names,
    judge,
    merged,
    read,
    read_file,
    render,
    tool,
)

SCHEMA = json.loads((CHART / "values.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
[DEFAULTS] = read_file(CHART / "values.yaml")
[MINIMAL] = read_file(DATA / "chart/minimal.values.yaml")
VALUES = [PLAIN / "values.yaml", *(DATA / f"chart/{name}.values.yaml" for name in case_names())]
SETTINGS = {variable_of(each): each for each in fields(Settings)}
KAFKA_TLS = ("kafka.securityProtocol=SSL", "kafka.tls.ca.secret=ca")


def strict_groups(schema, path=()):
    """Give the path of every group of values with members of its own."""
    if "properties" in schema and schema.get("additionalProperties") is False:
        yield path
        for key, inner in schema["properties"].items():
            yield from strict_groups(inner, (*path, key))


def leaves(values, schema, path=()):
    for key, value in values.items():
        inner = schema["properties"][key]
        if isinstance(value, dict) and inner.get("properties") and key != "settings":
            yield from leaves(value, inner, (*path, key))
        else:
            yield (*path, key), value, inner


def at(path, value):
    for key in reversed(path):
        value = {key: value}
    return value


def is_taken(given):
    return VALIDATOR.is_valid(merged(merged(DEFAULTS, MINIMAL), given))


class TestTheSchema:
    def test_it_is_a_schema(self):
        jsonschema.Draft202012Validator.check_schema(SCHEMA)

    @pytest.mark.parametrize("file", VALUES, ids=lambda file: file.name)
    def test_it_takes_what_is_right(self, file):
        [given] = read_file(file)

        VALIDATOR.validate(merged(DEFAULTS, given))

    @pytest.mark.parametrize("path", list(strict_groups(SCHEMA)), ids=lambda path: ".".join(path) or "top")
    def test_a_value_that_there_is_not_is_refused(self, path):
        assert not is_taken(at((*path, "noSuchValue"), "x"))

    def test_it_knows_every_default_and_nothing_else(self):
        without = {
            ".".join((*path, key))
            for path in strict_groups(SCHEMA)
            if path[:1] != ("settings",)
            for key in self._members(path)
        }

        assert without == set()

    @staticmethod
    def _members(path):
        schema, values = SCHEMA, DEFAULTS
        for key in path:
            schema, values = schema["properties"][key], values[key]
        return set(schema["properties"]).symmetric_difference(values) - {"global"}

    def test_every_value_says_what_it_is(self):
        assert [path for path, _, schema in leaves(DEFAULTS, SCHEMA) if not schema.get("description")] == []

    def test_the_address_of_kafka_must_be_given(self):
        assert not VALIDATOR.is_valid(DEFAULTS)
        assert is_taken({})

    @pytest.mark.parametrize(
        "given",
        [
            pytest.param(at(("web", "host"), "127.0.0.1"), id="a port that no probe reaches"),
            pytest.param(at(("web", "port"), 0), id="no port"),
            pytest.param(at(("user",), 0), id="root"),
            pytest.param(at(("drainTimeoutSeconds",), 21), id="a drain that the group does not wait for"),
            pytest.param(at(("keda", "minReplicas"), 0), id="no worker at all"),
            pytest.param(at(("keda", "pollingInterval"), 1), id="looks as often as commits"),
            pytest.param(at(("podDisruptionBudget", "maxUnavailable"), 0), id="nodes that cannot be drained"),
            pytest.param(at(("image", "digest"), "latest"), id="a digest that is none"),
            pytest.param(at(("settings",), {"CONNECTOR_MAX_IN_FLIGHT": 512}), id="a number, which Helm may rewrite"),
            pytest.param(at(("settings",), {"CONNECTOR_LOG_LEVEL": "loud"}), id="a word that the setting does not know"),
            pytest.param(
                at(("extraEnv",), [{"name": "CONNECTOR_ENCHARGE_API_KEY", "value": "x"}]), id="a setting in extraEnv"
            ),
        ],
    )  # fmt: skip
    def test_what_cannot_work_is_refused(self, given):
        assert not is_taken(given)

    @pytest.mark.parametrize("variable", [name for name, each in SETTINGS.items() if each.metadata["secret"]])
    def test_no_secret_is_taken_as_a_setting(self, variable):
        assert not is_taken({"settings": {variable: "in the open"}})
        assert not is_taken({"settings": {f"{variable}_FILE": "/somewhere"}})

    def test_a_secret_is_taken_for_every_secret_setting(self):
        names = {
            re.sub("([A-Z])", r"_\1", name).lower() for name in SCHEMA["properties"]["secrets"]["properties"]
        }

        assert names == {each.name for each in fields(Settings) if each.metadata["secret"]}

    def test_all_other_settings_can_be_given_once(self):
        """Either by a value with a name of its own, or in `settings`."""
        in_settings = set(SCHEMA["properties"]["settings"]["properties"])
        helpers = (CHART / "templates/_helpers.tpl").read_text()
        own = set(re.findall(r'set \$env "(\w+)"|^  "(CONNECTOR_\w+)" ', helpers, re.MULTILINE))
        own = {name for pair in own for name in pair if name} - {"CONNECTOR_LOG_FORMAT"}
        own |= {f"CONNECTOR_KAFKA_OAUTH_{name}" for name in re.findall(r'"(\w+)" \$kafka\.oauth\.', helpers)}

        secret = {name for name, each in SETTINGS.items() if each.metadata["secret"]}
        assert in_settings | own | secret == set(SETTINGS)
        assert not in_settings & own


class TestWhatIsRepeated:
    def test_its_version_is_that_of_the_connector(self):
        [chart] = read_file(CHART / "Chart.yaml")

        assert (chart["version"], chart["appVersion"]) == (__version__, __version__)

    def test_the_alert_rules_are_what_the_operator_takes(self):
        [rules] = read_file(ROOT / "deploy/prometheus/alerts.yaml")

        judge({
            "apiVersion": "monitoring.coreos.com/v1",
            "kind": "PrometheusRule",
            "metadata": {"name": "rules"},
            "spec": rules,
        })  # fmt: skip

    def test_defaults_of_settings_in_templates_are_those_of_the_settings(self):
        helpers = (CHART / "templates/_helpers.tpl").read_text()

        named = re.findall(r'"connector\.setting" \(list \. "(\w+)" "([^"]*)"\)', helpers)

        assert len(named) >= 4
        assert named == [(name, SETTINGS[name].metadata["default"]) for name, _ in named]

    def test_the_web_port_is_that_of_the_settings(self):
        assert DEFAULTS["web"]["port"] == Settings().web_port
        assert DEFAULTS["drainTimeoutSeconds"] == Settings().drain_timeout

    def test_the_partitions_are_those_of_a_new_topic(self):
        [topic] = read_file(ROOT / "topics/segment.events.by-user.yaml")

        assert DEFAULTS["partitions"] == DEFAULTS["keda"]["maxReplicas"] == topic["partitions"]


class TestThePage:
    """docs/kubernetes.md."""

    TEXT = (ROOT / "docs/kubernetes.md").read_text()

    def test_every_value_that_it_names_is_one(self):
        known = {".".join(path) for path, _, _ in leaves(DEFAULTS, SCHEMA)}
        groups = {name.rpartition(".")[0] for name in known}
        of_ours = "|".join(SCHEMA["properties"])
        named = {
            *re.findall(rf"`((?:{of_ours})(?:\.\w+)+)", self.TEXT),
            *re.findall(r"--set(?:-file|-string)? ([\w.]+)=", self.TEXT),
        } - {"destination.yaml", "settings.CONNECTOR_MAX_IN_FLIGHT"}

        assert len(named) > 15
        assert named - known - groups == set()

    def test_every_command_of_ours_on_it_is_one(self):
        lines = re.findall(r"encharge-connector ([a-z]+)(?: --(\w+))?", self.TEXT)
        known = cli.list_commands(click.Context(cli))
        commands = {(name, option) for name, option in lines if name in known}

        assert {name for name, _ in commands} >= {"init", "pause", "status"}
        for name, option in commands:
            options = {each.name for each in cli.get_command(click.Context(cli), name).params}
            assert not option or option in options

    def test_it_says_what_the_objects_were_judged_by(self):
        assert f"Kubernetes {kubernetes_validate.latest_version().rpartition('.')[0]}," in self.TEXT
        origin = (DATA / "README.md").read_text()
        assert f"KEDA {re.search(r'keda/v2 v(2[.][0-9]+)', origin)[1]} " in self.TEXT
        assert f"operator {re.search(r'prometheus-operator v(0[.][0-9]+)', origin)[1]};" in " ".join(
            self.TEXT.split()
        )


@pytest.fixture(scope="module")
def helm():
    found = tool.find()
    if found is None:
        pytest.skip("no Helm here; `make helm` builds it where Go is")
    return found


def chart(helm, *given, values=DATA / "chart/minimal.values.yaml"):
    return read(render.template(helm, values, *(part for each in given for part in ("--set", each))))


class TestWithHelm:
    def test_what_is_committed_is_what_helm_makes(self, helm):
        made = render.rendered(helm)

        assert {file for file, text in made.items() if file.read_text() != text} == set(), (
            "run `make manifests`"
        )
        assert set(DATA.glob("chart/*.rendered.yaml")) <= made.keys()

    @pytest.mark.parametrize("values", VALUES, ids=lambda file: file.name)
    def test_helm_finds_nothing_to_say(self, helm, values):
        done = subprocess.run(
            [helm, "lint", "--strict", "--quiet", "--kube-version", "1.37.0", "--values", values, CHART],
            capture_output=True,
            text=True,
            check=False,
        )

        assert (done.returncode, done.stdout.strip()) == (0, "")

    @pytest.mark.parametrize(
        ("given", "words"),
        [
            (("terminationGracePeriodSeconds=24",), "terminationGracePeriodSeconds is 24; at least 25"),
            (("preStopSeconds=30",), "terminationGracePeriodSeconds is 45; at least 53"),
            (("replicaCount=9",), "replicaCount is 9, but partitions is 8"),
            (
                ("keda.enabled=true", "keda.maxReplicas=9"),
                "keda.maxReplicas is 9, but partitions is 8",
            ),
            (("keda.enabled=true", "keda.minReplicas=4", "keda.maxReplicas=2"), "keda.minReplicas is above"),
            (("strategy.maxSurge=0",), "strategy.maxSurge and strategy.maxUnavailable are both 0"),
            (("destination.file=",), "destination.file is empty"),
            (("destination.file=name: x",), "it has no id"),
            (("destination.file=[",), "is no destination file"),
            (("destination.existingConfigMap=x",), "are both given"),
            (("destination.id=other",), "destination.file has the id production"),
            (
                ("destination.file=", "destination.existingConfigMap=x", "keda.enabled=true"),
                "keda.enabled needs destination.id",
            ),
            (("secrets.enchargeApiKey.name=",), "secrets.enchargeApiKey.name is empty"),
            (("kafka.securityProtocol=SASL_SSL",), "needs kafka.sasl.username and secrets.kafkaSaslPassword.name"),
            (("secrets.kafkaSaslPassword.name=x",), "log in without a password"),
            (
                ("kafka.securityProtocol=SASL_SSL", "kafka.sasl.mechanism=OAUTHBEARER"),
                "OAUTHBEARER needs kafka.oauth.tokenUrl",
            ),
            (("secrets.kafkaOauthClientSecret.name=x",), "no token is asked for with it"),
            (("kafka.tls.ca.secret=x",), "kafka.securityProtocol PLAINTEXT uses no TLS"),
            (
                (
                    "kafka.securityProtocol=SASL_SSL",
                    "kafka.sasl.mechanism=OAUTHBEARER",
                    "kafka.oauth.tokenProvider=a:b",
                    "keda.enabled=true",
                ),
                "KEDA cannot call kafka.oauth.tokenProvider",
            ),
            (("networkPolicies.enabled=false",), "additional properties 'networkPolicies' not allowed"),
        ],
        ids=lambda each: each if isinstance(each, str) else "",
    )  # fmt: skip
    def test_values_that_contradict_each_other_are_refused_with_what_to_change(self, helm, given, words):
        with pytest.raises(subprocess.CalledProcessError) as caught:
            chart(helm, *given)

        assert words in caught.value.stderr

    def test_the_rules_of_the_operator_are_the_alert_rules(self, helm):
        prefix = "https://example.com/connector/"
        [rules] = read_file(ROOT / "deploy/prometheus/alerts.yaml")

        objects = chart(helm, "prometheusRule.enabled=true", f"prometheusRule.runbookPrefix={prefix}")

        [found] = [each for each in objects if each["kind"] == "PrometheusRule"]
        judge(found)
        for group in rules["groups"]:
            for rule in group["rules"]:
                rule["annotations"]["runbook_url"] = prefix + rule["annotations"]["runbook_url"]
        assert found["spec"] == rules

    def test_grafana_is_given_the_dashboard(self, helm):
        objects = chart(helm, "dashboard.enabled=true")

        [found] = [each for each in objects if each["metadata"]["name"].endswith("-dashboard")]
        judge(found)
        [(_, text)] = found["data"].items()
        assert json.loads(text) == json.loads((ROOT / "deploy/grafana/encharge-connector.json").read_text())

    def test_a_release_of_any_name_has_names_that_kubernetes_takes(self, helm):
        for name in ("fullnameOverride", "nameOverride"):
            for each in chart(helm, f"{name}={'a' * 70}", "serviceMonitor.enabled=true", "keda.enabled=true"):
                judge(each)
                assert len(each["metadata"]["name"]) <= 63
                assert all(len(value) <= 63 for value in each["metadata"]["labels"].values())
