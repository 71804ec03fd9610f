import pytest

from connector.embedded.properties import server_properties

PORTS = {"PLAINTEXT": 21000, "TLS": 21001}
PROTOCOLS = {"PLAINTEXT": "PLAINTEXT", "TLS": "SSL"}


def properties(**overrides):
    text = server_properties("127.0.0.1", PORTS, 22000, PROTOCOLS, overrides)
    return dict(line.split("=", 1) for line in text.splitlines())


def test_every_listener_is_opened_on_its_port_and_the_controller_beside_them():
    made = properties()

    assert (
        made["listeners"] == "PLAINTEXT://127.0.0.1:21000,TLS://127.0.0.1:21001,CONTROLLER://127.0.0.1:22000"
    )
    assert made["listener.security.protocol.map"] == "PLAINTEXT:PLAINTEXT,TLS:SSL,CONTROLLER:PLAINTEXT"
    assert made["controller.quorum.voters"] == "1@127.0.0.1:22000"


def test_properties_given_win_over_ours():
    made = properties(**{"auto.create.topics.enable": "true", "num.partitions": "3"})

    assert made["auto.create.topics.enable"] == "true"
    assert made["num.partitions"] == "3"


@pytest.mark.parametrize(
    ("value", "written"),
    [
        pytest.param("C:\\x", "C:\\\\x", id="backslash"),
        pytest.param("a\nb", "a\\nb", id="line feed"),
        pytest.param(" a b", "\\ a b", id="leading space"),
        pytest.param("ä€", "\\u00e4\\u20ac", id="not ASCII"),
        pytest.param("😀", "\\ud83d\\ude00", id="surrogates"),
        pytest.param("k=v; u:p", "k=v; u:p", id="separators need nothing in a value"),
    ],
)
def test_values_are_escaped_as_java_reads_them(value, written):
    assert properties(x=value)["x"] == written
