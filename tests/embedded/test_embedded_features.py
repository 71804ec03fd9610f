"""What the pinned jars must be able to do: each test fails when a jar it needs is dropped from the list."""

import asyncio
import os
import subprocess

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from connector.embedded import EmbeddedKafka
from connector.embedded.java import java_executable
from tests.embedded.records import client, consume, create_topic, produce

pytestmark = pytest.mark.kafka

LITERAL = ResourcePatternType.LITERAL
CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]


@pytest.mark.parametrize("stored", ["producer", "uncompressed", *CODECS[1:]])
def test_the_broker_reads_every_codec_and_writes_every_codec(kafka, stored):
    topic = f"stored-{stored}"
    create_topic(kafka, topic, compression_type=stored)

    for codec in CODECS:
        produce(kafka, topic, [codec.encode() * 50] * 20, compression=codec, linger_ms=50)

    assert consume(kafka, topic, 100) == [codec.encode() * 50 for codec in CODECS for _ in range(20)]


def test_a_topic_can_allow_records_of_five_megabytes(kafka):
    create_topic(kafka, "large", max_message_bytes=8_000_000)
    value = os.urandom(5_000_000)

    produce(kafka, "large", [value, value], message_max_bytes=8_000_000)

    assert consume(kafka, "large", 2, fetch_message_max_bytes=8_000_000) == [value, value]


def test_topics_are_not_made_by_using_them(kafka):
    failures = []
    producer = Producer(client(kafka, message_timeout_ms=1000))
    producer.produce("unheard-of", b"x", on_delivery=lambda error, _: failures.append(error))
    producer.flush(20)

    assert failures[0] is not None
    assert "unheard-of" not in AdminClient(client(kafka)).list_topics(timeout=20).topics


def test_groups_of_the_new_protocol_work_with_a_regular_expression(kafka):
    create_topic(kafka, "regular-1")
    produce(kafka, "regular-1", [b"a"])

    assert consume(kafka, "^regular-.*", 1, group="new", group_protocol="consumer") == [b"a"]


def test_committed_transactions_are_read_and_aborted_ones_are_not(kafka):
    create_topic(kafka, "transactions")
    producer = Producer(client(kafka, transactional_id="one"))
    producer.init_transactions(20)

    for value in (b"committed", b"aborted", b"committed too"):
        producer.begin_transaction()
        producer.produce("transactions", value)
        producer.flush(20)
        (producer.abort_transaction if value == b"aborted" else producer.commit_transaction)(20)

    read = consume(kafka, "transactions", 2, isolation_level="read_committed")
    assert read == [b"committed", b"committed too"]


def test_a_compacted_topic_is_compacted_while_one_looks(kafka, eventually):
    config = {"cleanup_policy": "compact", "min_cleanable_dirty_ratio": 0.01, "segment_ms": 100}
    create_topic(kafka, "compacted", **config)
    produce(kafka, "compacted", [b"%d" % number for number in range(50)], key=b"same")

    def first_offset_left():
        # A segment is closed when the next record comes after its time.
        produce(kafka, "compacted", [b"last"], key=b"same")
        return first_record(kafka, "compacted").offset()

    eventually(first_offset_left, within_s=40)


def test_records_are_deleted_up_to_an_offset(kafka):
    create_topic(kafka, "deleted")
    produce(kafka, "deleted", [b"a", b"b", b"c"])
    partition, admin = TopicPartition("deleted", 0, 2), AdminClient(client(kafka))

    admin.delete_records([partition])[partition].result(20)

    assert first_record(kafka, "deleted").value() == b"c"


def first_record(kafka, topic):
    consumer = Consumer(client(kafka, group_id="first"))
    try:
        consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
        (record,) = consumer.consume(1, 20)
        return record
    finally:
        consumer.close()


async def test_aiokafka_produces_and_consumes_in_a_group_with_a_short_session(kafka):
    await asyncio.to_thread(create_topic, kafka, "aio")
    async with AIOKafkaProducer(
        bootstrap_servers=kafka.bootstrap_servers, enable_idempotence=True
    ) as producer:
        await producer.send_and_wait("aio", b"x")

    async with AIOKafkaConsumer(
        "aio",
        bootstrap_servers=kafka.bootstrap_servers,
        group_id="aio",
        auto_offset_reset="earliest",
        session_timeout_ms=1000,
        heartbeat_interval_ms=300,
    ) as consumer:
        record = await asyncio.wait_for(consumer.getone(), 20)

    assert record.value == b"x"


@pytest.fixture(scope="module")
def secured(kafka_jars, tmp_path_factory):
    """A broker with TLS, with passwords, and with both, that grants nothing to anybody but ANONYMOUS."""
    keys = tmp_path_factory.mktemp("keys")
    keytool = [java_executable().with_name("keytool"), "-alias", "broker", "-storepass", "changeit"]
    keytool += ["-keystore", keys / "broker.p12"]
    name = ["-dname", "CN=127.0.0.1", "-ext", "SAN=IP:127.0.0.1"]
    subprocess.run([*keytool, "-genkeypair", "-keyalg", "EC", *name], check=True, capture_output=True)
    subprocess.run(
        [*keytool, "-exportcert", "-rfc", "-file", keys / "ca.pem"], check=True, capture_output=True
    )
    jaas = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
    properties = {
        "ssl.keystore.location": str(keys / "broker.p12"),
        "ssl.keystore.password": "changeit",
        "ssl.keystore.type": "PKCS12",
        "sasl.enabled.mechanisms": "SCRAM-SHA-256,SCRAM-SHA-512",
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
    }
    for listener in ("passwords", "both"):
        for mechanism in ("scram-sha-256", "scram-sha-512"):
            properties[f"listener.name.{listener}.{mechanism}.sasl.jaas.config"] = jaas
    listeners = {"TLS": "SSL", "PASSWORDS": "SASL_PLAINTEXT", "BOTH": "SASL_SSL"}
    with EmbeddedKafka(jars=kafka_jars, listeners=listeners, properties=properties) as broker:
        broker.ca_file = str(keys / "ca.pem")
        yield broker


@pytest.fixture
def somebody(secured, request):
    """A user of this test alone; gives the settings of a client on a listener, which win over `client`'s."""
    name, password, admin = request.node.name, "correct", AdminClient(client(secured))
    credentials = [
        UserScramCredentialUpsertion(name, ScramCredentialInfo(mechanism, 4096), password.encode())
        for mechanism in (ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512)
    ]
    for credential in credentials:
        admin.alter_user_scram_credentials([credential])[name].result(20)

    def on(listener, mechanism="SCRAM-SHA-512", password=password):
        protocol = {"TLS": "SSL", "PASSWORDS": "SASL_PLAINTEXT", "BOTH": "SASL_SSL"}[listener]
        settings = {"bootstrap_servers": secured.address(listener), "security_protocol": protocol}
        settings |= {"ssl_ca_location": secured.ca_file} if "SSL" in protocol.split("_") else {}
        if listener != "TLS":
            settings |= {"sasl_mechanism": mechanism, "sasl_username": name, "sasl_password": password}
        return settings

    on.principal = f"User:{name}"
    return on


def test_tls_serves_those_who_trust_its_certificate(secured, somebody):
    create_topic(secured, "over-tls")

    produce(secured, "over-tls", [b"x"], **somebody("TLS"))

    assert consume(secured, "over-tls", 1, **somebody("TLS")) == [b"x"]


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-512"])
@pytest.mark.parametrize("listener", ["PASSWORDS", "BOTH"])
def test_a_user_with_a_password_does_what_an_acl_grants(secured, somebody, eventually, listener, mechanism):
    topic = f"granted-{listener}-{mechanism}"
    create_topic(secured, topic)
    grant(secured, somebody.principal, topic)
    admin = AdminClient(client(secured, **somebody(listener, mechanism)))
    eventually(lambda: topic in admin.list_topics(timeout=20).topics)  # the grant has reached the broker

    produce(secured, topic, [b"x"], **somebody(listener, mechanism))

    assert consume(secured, topic, 1, group=topic, **somebody(listener, mechanism)) == [b"x"]


def test_a_user_without_an_acl_sees_nothing(secured, somebody):
    create_topic(secured, "hidden")

    topics = AdminClient(client(secured, **somebody("PASSWORDS"))).list_topics(timeout=20).topics

    assert topics == {}


def test_a_wrong_password_is_refused(secured, somebody, eventually):
    errors = []
    settings = somebody("PASSWORDS", password="wrong")
    admin = AdminClient(client(secured, **settings) | {"error_cb": errors.append})

    eventually(lambda: admin.poll(0.1) or errors)

    assert errors[0].code() == KafkaError._AUTHENTICATION


def grant(kafka, principal, name):
    admin = AdminClient(client(kafka))
    bindings = [
        AclBinding(kind, name, LITERAL, principal, "*", operation, AclPermissionType.ALLOW)
        for kind, operation in [
            (ResourceType.TOPIC, AclOperation.READ),
            (ResourceType.TOPIC, AclOperation.WRITE),
            (ResourceType.GROUP, AclOperation.READ),
        ]
    ]
    for result in admin.create_acls(bindings).values():
        result.result(20)
