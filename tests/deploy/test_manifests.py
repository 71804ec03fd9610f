"""What the chart makes of values, and the plain manifests: valid, safe, and what the connector itself expects."""

import copy
import re
from dataclasses import fields

import click
import httpx
import jsonschema
import kubernetes_validate
import pytest
from aiohttp import web
from prometheus_client import CollectorRegistry

from connector import __version__
from connector.cli import cli
from connector.delivery.gate import Shut
from connector.edges.console.safety import guard
from connector.edges.console.session import Gatekeeper
from connector.edges.web import Health, start_web
from connector.settings import Settings, variable_of
from tests.deploy.renderings import (
    PLAIN,
    PLAIN_NAME,
    ROOT,
    case_names,
    container,
    environment,
    judge,
    matches,
    mount,
    plain_files,
    read_file,
    render,
    renderings,
)  # fmt: skip
from tests.metric_samples import sample_labels
from tests.promql import selectors

RENDERINGS = {each.name: each for each in renderings()}
SECRETS = {variable_of(each) for each in fields(Settings) if each.metadata["secret"]}
LAST_COMMITS_S = 10  # two commits and leaving the groups

each_rendering = pytest.mark.parametrize("rendering", RENDERINGS.values(), ids=lambda each: each.name)
each_object = pytest.mark.parametrize(
    "found",
    [
        pytest.param(found, id=f"{each.name}: {found['kind']} {found['metadata']['name']}")
        for each in RENDERINGS.values()
        for found in each.objects
    ],
)
each_pod = pytest.mark.parametrize(
    ("rendering", "pod"),
    [
        pytest.param(each, pod, id=f"{each.name}: {purpose}")
        for each in RENDERINGS.values()
        for purpose, pod in each.pods().items()
    ],
)
each_scaled = pytest.mark.parametrize(
    "rendering", [each for each in RENDERINGS.values() if each.of("ScaledObject")], ids=lambda each: each.name
)


def test_what_is_committed_was_made_from_the_chart_of_today():
    assert render.DIGEST.read_text().strip() == render.digest(), "run `make helm manifests`"


def test_every_set_of_values_is_rendered():
    assert set(RENDERINGS) == {*case_names(), PLAIN_NAME}
    kinds = {found["kind"] for each in RENDERINGS.values() for found in each.objects}
    assert kinds == {
        "ConfigMap", "Deployment", "Job", "NetworkPolicy", "Pod", "PodDisruptionBudget", "ScaledObject", "Service",
        "ServiceAccount", "ServiceMonitor", "TriggerAuthentication",
    }  # fmt: skip


@each_object
def test_an_object_is_what_its_api_takes(found):
    judge(found)


@pytest.mark.parametrize("kind", ["Deployment", "ScaledObject", "ServiceMonitor", "TriggerAuthentication"])
def test_not_anything_would_be_taken(kind):
    [found] = RENDERINGS["everything"].of(kind)
    broken = copy.deepcopy(found)
    broken["spec"]["noSuchField"] = 1

    with pytest.raises((jsonschema.ValidationError, kubernetes_validate.ValidationError)):
        judge(broken)


class TestThePlainManifests:
    def test_each_file_holds_one_object_and_is_named_by_its_kind(self):
        for file in plain_files():
            [found] = read_file(file)
            assert file.name == f"{found['kind'].lower()}.yaml"

    def test_kustomize_is_given_all_of_them(self):
        [kustomization] = read_file(PLAIN / "kustomization.yaml")

        assert kustomization["resources"] == [file.name for file in plain_files()]

    def test_nothing_of_helm_is_left_in_them(self):
        for file in plain_files():
            assert "helm.sh" not in file.read_text()
            assert "Helm" not in file.read_text()


class TestWorkers:
    @each_rendering
    def test_selectors_mean_the_workers_and_nobody_else(self, rendering):
        pods = {purpose: pod["metadata"]["labels"] for purpose, pod in rendering.pods().items()}
        chosen = [
            rendering.one("Deployment")["spec"]["selector"]["matchLabels"],
            rendering.one("Service")["spec"]["selector"],
            *(each["spec"]["selector"]["matchLabels"] for each in rendering.of("PodDisruptionBudget")),
            *(
                each["labelSelector"]["matchLabels"]
                for each in rendering.worker["spec"].get("topologySpreadConstraints", ())
            ),
        ]

        for selector in chosen:
            assert [purpose for purpose, labels in pods.items() if matches(selector, labels)] == ["worker"]

    @each_rendering
    def test_a_worker_is_given_more_time_to_stop_than_it_takes(self, rendering):
        pod = rendering.worker
        wait_s = container(pod).get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        drain_s = Settings.from_environment(
            {"CONNECTOR_DRAIN_TIMEOUT": environment(pod)["CONNECTOR_DRAIN_TIMEOUT"]}
        ).drain_timeout

        assert wait_s == rendering.values["preStopSeconds"]
        assert pod["spec"]["terminationGracePeriodSeconds"] > wait_s + drain_s + LAST_COMMITS_S

    @each_rendering
    def test_there_are_never_more_workers_than_partitions(self, rendering):
        replicas = rendering.one("Deployment")["spec"].get("replicas")

        assert (replicas is None) == bool(rendering.of("ScaledObject"))
        assert replicas is None or 1 <= replicas <= rendering.values["partitions"]

    @each_rendering
    def test_a_rollout_can_replace_workers(self, rendering):
        strategy = rendering.one("Deployment")["spec"]["strategy"]

        assert strategy["type"] == "Recreate" or strategy["rollingUpdate"] not in (
            {"maxSurge": 0, "maxUnavailable": 0}, {"maxSurge": "0%", "maxUnavailable": "0%"},
        )  # fmt: skip

    @each_rendering
    def test_its_memory_has_room_above_what_the_alert_tells_of(self, rendering):
        alert = (ROOT / "deploy/prometheus/alerts.yaml").read_text()
        told_mib = int(re.search(r"process_resident_memory_bytes.* > (\d+) \* 1024 \* 1024", alert)[1])

        limit = container(rendering.worker)["resources"]["limits"]["memory"]
        assert int(limit.removesuffix("Mi")) > told_mib

    @each_rendering
    def test_draining_a_node_may_take_a_worker_even_of_those_that_are_not_ready(self, rendering):
        for each in rendering.of("PodDisruptionBudget"):
            assert each["spec"]["maxUnavailable"] not in (0, "0%")
            assert each["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


class TestPods:
    @each_pod
    def test_it_is_confined(self, rendering, pod):
        spec, security = pod["spec"], container(pod)["securityContext"]

        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["runAsUser"] == spec["securityContext"]["fsGroup"] == 10001
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert security == {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        }
        assert spec["automountServiceAccountToken"] is False
        assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys()

    @each_pod
    def test_its_user_is_that_of_the_image(self, rendering, pod):
        user = re.search(r"^USER (\d+):(\d+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)

        security = pod["spec"]["securityContext"]
        assert (str(security["runAsUser"]), str(security["runAsGroup"])) == user.groups()

    @each_pod
    def test_its_image_is_of_this_version_unless_a_digest_is_given(self, rendering, pod):
        image = container(pod)["image"]

        if rendering.values["image"]["digest"]:
            assert image.endswith(f"@{rendering.values['image']['digest']}")
        else:
            assert image == f"segment-encharge-connector:{__version__}"

    @each_pod
    def test_its_command_is_one_of_ours(self, rendering, pod):
        name, *arguments = container(pod)["args"]

        command = cli.get_command(click.Context(cli), name)
        while isinstance(command, click.Group):
            name, *arguments = arguments
            command = command.get_command(click.Context(command), name)
        command.make_context(name, list(arguments)).close()

    @each_pod
    def test_its_settings_are_taken_with_what_is_mounted(self, rendering, pod, tmp_path):
        variables = mount(pod, tmp_path / "volumes", rendering.of("ConfigMap"))

        settings = Settings.from_environment(variables)

        assert settings.web_port == rendering.values["web"]["port"]
        assert settings.kafka_bootstrap_servers == rendering.values["kafka"]["bootstrapServers"].replace(
            " ", ""
        )

    @each_pod
    def test_no_secret_is_in_the_open(self, rendering, pod):
        assert not environment(pod).keys() & SECRETS
        assert not rendering.of("Secret")

    @each_pod
    def test_changes_of_what_is_mounted_arrive(self, rendering, pod):
        assert not [each for each in container(pod).get("volumeMounts", ()) if "subPath" in each]

    @each_pod
    def test_mounted_secrets_can_be_read_by_its_group_alone(self, rendering, pod):
        modes = [
            each["projected"]["defaultMode"] for each in pod["spec"].get("volumes", ()) if "projected" in each
        ]

        assert set(modes) <= {0o440}


@each_rendering
def test_a_worker_that_delivers_has_its_mappings_and_every_secret_that_is_named(rendering, tmp_path):
    variables = mount(rendering.worker, tmp_path / "volumes", rendering.of("ConfigMap"))
    settings = Settings.from_environment(variables)
    named = {
        re.sub("([A-Z])", r"_\1", name).lower()
        for name, reference in rendering.values["secrets"].items()
        if reference["name"]
    }

    if rendering.values["role"] == "ingest":
        assert "CONNECTOR_DESTINATION_FILE" not in variables
        named -= {"encharge_api_key", "encharge_write_key"}
    else:
        assert "id: " in settings.destination_file.read_text()
        assert settings.encharge_api_key
    assert {
        each.name for each in fields(Settings) if each.metadata["secret"] and getattr(settings, each.name)
    } == named


class TestTheTopicsJob:
    @pytest.mark.parametrize("name", [name for name, each in RENDERINGS.items() if each.of("Job")])
    def test_it_makes_sure_of_the_number_of_partitions_and_asks_nobody(self, name):
        rendering = RENDERINGS[name]
        settings = Settings.from_environment(
            {
                "CONNECTOR_PARTITIONING": rendering.values["settings"].get(
                    "CONNECTOR_PARTITIONING", "repartition"
                )
            }
        )
        role = "source" if settings.partitioning == "source" else "by-user"

        args = container(rendering.pods()["topics"])["args"]

        assert args == ["topics", "apply", "--partitions", f"{role}={rendering.values['partitions']}"]

    def test_it_sees_no_key_of_encharge_and_no_console_token(self):
        job = RENDERINGS["everything"].pods()["topics"]

        assert "kafka-sasl-password" in str(job)
        assert "encharge-api-key" not in str(job)
        assert "encharge-write-key" not in str(job)
        assert "console-token" not in str(job)

    def test_it_comes_before_the_workers(self):
        annotations = RENDERINGS["everything"].one("Job")["metadata"]["annotations"]

        assert annotations["helm.sh/hook"] == "pre-install,pre-upgrade"
        assert "before-hook-creation" in annotations["helm.sh/hook-delete-policy"]


class TestTheWebPort:
    @each_rendering
    def test_every_port_that_is_asked_by_name_is_there(self, rendering):
        named = {each["name"]: each["containerPort"] for each in container(rendering.worker)["ports"]}
        asked = [
            *(each["targetPort"] for each in rendering.one("Service")["spec"]["ports"]),
            *(probe["httpGet"]["port"] for probe in probes(rendering).values()),
            *(
                port["port"]
                for policy in rendering.of("NetworkPolicy")
                for rule in policy["spec"]["ingress"]
                for port in rule.get("ports", ())
            ),
        ]

        assert named == {"web": int(environment(rendering.worker)["CONNECTOR_WEB_PORT"])}
        assert set(asked) == {"web"}

    @each_rendering
    def test_it_is_open_to_the_network_of_the_pods(self, rendering):
        assert environment(rendering.worker)["CONNECTOR_WEB_HOST"] in ("0.0.0.0", "::")

    async def test_probes_and_prometheus_are_answered_as_they_come(self):
        """The kubelet and Prometheus name the address of the pod, which no rule of the console may refuse."""
        paths = {probe["httpGet"]["path"] for each in RENDERINGS.values() for probe in probes(each).values()}
        for monitor in RENDERINGS["everything"].of("ServiceMonitor"):
            paths |= {each["path"] for each in monitor["spec"]["endpoints"]}
        health = Health(list, dict, list)
        console = web.Application(middlewares=[guard(Gatekeeper(None), host="127.0.0.1")])
        runner = await start_web(health, CollectorRegistry(), host="127.0.0.1", port=0, console=console)
        host, port = runner.addresses[0]
        try:
            async with httpx.AsyncClient(base_url=f"http://{host}:{port}", trust_env=False) as client:
                as_they_come = {"Host": "10.1.2.3:6066", "User-Agent": "kube-probe/1.37"}
                answers = {
                    path: (await client.get(path, headers=as_they_come)).status_code for path in sorted(paths)
                }
        finally:
            await runner.cleanup()

        assert {path.partition("?")[0] for path in answers} == {"/live", "/ready", "/metrics"}
        assert set(answers.values()) == {200}

    @each_rendering
    def test_a_rollout_and_a_restart_wait_for_nothing_outside(self, rendering):
        paths = {name: probe["httpGet"]["path"] for name, probe in probes(rendering).items()}

        assert paths["startupProbe"] == paths["livenessProbe"] == "/live"
        assert paths["readinessProbe"] == "/ready?" + "&".join(f"ignore={code}" for code in Shut)

    def test_kafka_may_be_away_for_an_hour_when_a_worker_starts(self):
        startup = probes(RENDERINGS["minimal"])["startupProbe"]

        assert startup["periodSeconds"] * startup["failureThreshold"] == 3600

    def test_the_job_is_named_as_the_alert_rules_ask_for_it(self):
        [endpoint] = RENDERINGS["everything"].one("ServiceMonitor")["spec"]["endpoints"]

        [relabeling] = endpoint["relabelings"]
        assert relabeling["targetLabel"] == "job"
        assert f'job="{relabeling["replacement"]}"' in (ROOT / "deploy/prometheus/alerts.yaml").read_text()

    def test_prometheus_finds_the_service(self):
        rendering = RENDERINGS["everything"]
        chosen = rendering.one("ServiceMonitor")["spec"]["selector"]["matchLabels"]

        assert matches(chosen, rendering.one("Service")["metadata"]["labels"])


@pytest.mark.parametrize("name", [name for name, each in RENDERINGS.items() if each.of("NetworkPolicy")])
class TestTheNetworkPolicy:
    def test_it_holds_for_all_pods_of_ours_in_both_directions(self, name):
        spec = RENDERINGS[name].one("NetworkPolicy")["spec"]

        assert sorted(spec["policyTypes"]) == ["Egress", "Ingress"]
        for pod in RENDERINGS[name].pods().values():
            assert matches(spec["podSelector"]["matchLabels"], pod["metadata"]["labels"])

    def test_it_lets_through_what_is_needed_and_nothing_else(self, name):
        rendering = RENDERINGS[name]
        rules = rendering.one("NetworkPolicy")["spec"]["egress"]
        servers = environment(rendering.worker)["CONNECTOR_KAFKA_BOOTSTRAP_SERVERS"].split(",")
        needed = {("UDP", 53), ("TCP", 53), ("TCP", 443)} | {
            ("TCP", int(server.rpartition(":")[2])) for server in servers
        }
        more = {
            (port["protocol"], port["port"])
            for rule in rendering.values["networkPolicy"]["extraEgress"]
            for port in rule["ports"]
        }

        allowed = {(port["protocol"], port["port"]) for rule in rules for port in rule["ports"]}

        assert allowed == needed | more

    def test_only_prometheus_and_who_is_named_may_ask(self, name):
        rendering = RENDERINGS[name]
        values = rendering.values["networkPolicy"]

        rules = rendering.one("NetworkPolicy")["spec"]["ingress"]

        assert [rule["from"] for rule in rules] == [
            values["monitoring"],
            *(rule["from"] for rule in values["extraIngress"]),
        ]


class TestScalingByLag:
    @each_scaled
    def test_never_above_partitions_and_never_to_none(self, rendering):
        spec = rendering.one("ScaledObject")["spec"]

        assert 1 <= spec["minReplicaCount"] <= spec["maxReplicaCount"] <= rendering.values["partitions"]
        assert "idleReplicaCount" not in spec
        assert trigger(rendering, "kafka")["metadata"]["allowIdleConsumers"] == "false"
        assert trigger(rendering, "kafka")["metadata"]["limitToPartitionsWithLag"] == "true"

    @each_scaled
    def test_it_looks_at_what_the_workers_read(self, rendering, tmp_path):
        variables = mount(rendering.worker, tmp_path / "volumes", rendering.of("ConfigMap"))
        settings = Settings.from_environment(variables)
        [given] = re.findall("id: (.*)", rendering.values["destination"]["file"]) or [
            rendering.values["destination"]["id"]
        ]

        asked = trigger(rendering, "kafka")["metadata"]

        assert asked["consumerGroup"] == settings.deliver_group(given)
        assert asked["topic"] == settings.deliver_topic
        assert asked["bootstrapServers"] == settings.kafka_bootstrap_servers
        assert asked["offsetResetPolicy"] == "earliest"
        assert asked.get("tls") == ("enable" if settings.kafka_security_protocol.endswith("SSL") else None)

    @each_scaled
    def test_partitions_that_stand_still_count_for_nothing_by_looks_at_fixed_times(self, rendering):
        """KEDA compares offsets from one look to the next, so looks must be further apart than commits."""
        found = trigger(rendering, "kafka")

        assert found["metadata"]["excludePersistentLag"] == "true"
        assert found["useCachedMetrics"] is True
        assert rendering.one("ScaledObject")["spec"]["pollingInterval"] > Settings().commit_interval

    def test_with_prometheus_nobody_is_added_while_nothing_is_sent(self):
        rendering = RENDERINGS["everything"]
        modifiers = rendering.one("ScaledObject")["spec"]["advanced"]["scalingModifiers"]
        lag, shut = (trigger(rendering, kind) for kind in ("kafka", "prometheus"))

        assert modifiers["formula"] == f"{shut['name']} > 0 ? 0 : {lag['name']}"
        assert modifiers["target"] == lag["metadata"]["lagThreshold"]
        [selector] = selectors(shut["metadata"]["query"])
        assert selector.name in sample_labels()
        asked = {each.name: each.value for each in selector.matchers.matchers}
        assert asked["service"] == rendering.one("Service")["metadata"]["name"]
        assert asked["namespace"] == rendering.one("Service")["metadata"]["namespace"]

    def test_by_kafka_alone_nothing_is_asked_of_prometheus(self):
        spec = RENDERINGS["tokens"].one("ScaledObject")["spec"]

        assert [each["type"] for each in spec["triggers"]] == ["kafka"]
        assert "scalingModifiers" not in spec["advanced"]

    @each_scaled
    def test_what_is_scaled_and_what_logs_in_are_there(self, rendering):
        spec = rendering.one("ScaledObject")["spec"]
        deployment = rendering.one("Deployment")

        assert spec["scaleTargetRef"]["name"] == deployment["metadata"]["name"]
        assert spec["scaleTargetRef"]["envSourceContainerName"] == container(rendering.worker)["name"]
        logins = {each["metadata"]["name"]: each for each in rendering.of("TriggerAuthentication")}
        known = {*logins, rendering.values["keda"]["triggerAuthentication"]}
        assert trigger(rendering, "kafka")["authenticationRef"]["name"] in known
        for login in logins.values():
            for each in login["spec"]["env"]:
                assert each["name"] in environment(rendering.worker)

    @pytest.mark.parametrize(
        ("name", "sasl", "parameters"),
        [
            ("everything", "scram_sha512", {"username", "password", "ca", "cert", "key"}),
            (
                "tokens",
                "oauthbearer",
                {"username", "password", "oauthTokenEndpointUri", "scopes", "oauthExtensions", "ca"},
            ),
        ],
    )
    def test_it_logs_in_as_the_workers_do(self, name, sasl, parameters):
        spec = RENDERINGS[name].one("TriggerAuthentication")["spec"]

        given = [each["parameter"] for references in spec.values() for each in references]
        assert sorted(given) == sorted(parameters)
        assert trigger(RENDERINGS[name], "kafka")["metadata"]["sasl"] == sasl

    def test_a_scaling_that_is_paused_says_so(self):
        annotations = RENDERINGS["everything"].one("ScaledObject")["metadata"]["annotations"]

        assert annotations == {"autoscaling.keda.sh/paused": "true"}
        assert "annotations" not in RENDERINGS["tokens"].one("ScaledObject")["metadata"]


def probes(rendering):
    found = container(rendering.worker)
    return {name: found[name] for name in ("startupProbe", "livenessProbe", "readinessProbe")}


def trigger(rendering, kind):
    [found] = [each for each in rendering.one("ScaledObject")["spec"]["triggers"] if each["type"] == kind]
    return found
