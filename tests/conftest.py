"""Options and helpers that all tests share."""

from pathlib import Path

from tests.kafka_choice import choice

HERE = Path(__file__).parent


def pytest_addoption(parser):
    parser.addoption(
        "--vectors",
        type=Path,
        default=HERE / "vectors",
        help="folder of the golden cases (*.jsonl), default tests/vectors",
    )


def pytest_report_header(config):
    return f"Kafka for the tests: {choice()}"
