"""The audit of locked packages: the real pip-audit, asking a stand-in for the vulnerability service."""

import json
import threading
from dataclasses import replace
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from requirements import audit
from requirements.locked import Policy, read_lock

POLICY = Policy.read()


@pytest.fixture
def service():
    with VulnerabilityService() as service:
        yield service


def found(service, tmp_path):
    lines = [f"{name}==1.0 --hash=sha256:{'0' * 64}" for name in ("four", "one", "three", "two", "zero")]
    lock = tmp_path / "lock.txt"
    lock.write_text("\n".join(lines))
    options = ["--vulnerability-service", "osv", "--osv-url", service.url]
    options += ["--cache-dir", str(tmp_path / "cache")]
    answers = list(audit.ask_all(audit.questions([lock]), options))
    assert {each["name"] for each in answers if "version" in each} == set(service.asked) - service.refused
    return audit.judge(answers, POLICY, date(2026, 1, 1))


def test_no_hole_is_said_only_of_what_was_asked_about(service, tmp_path):
    findings = found(service, tmp_path)

    assert findings.lines() == ["audit: 5 locked packages asked about, 0 holes to close"]
    assert findings.exit_code(if_reachable=False) == 0


def test_a_known_hole_is_told_with_the_version_that_closes_it(service, tmp_path):
    service.holes["two"] = ("GHSA-xxxx", "1.1")

    findings = found(service, tmp_path)

    assert "two 1.0: GHSA-xxxx, closed in 1.1" in findings.lines()
    assert findings.exit_code(if_reachable=True) == 1


def test_a_service_that_is_away_is_told_and_is_no_clean_bill(service, tmp_path):
    service.close()

    findings = found(service, tmp_path)

    [line] = findings.lines()
    assert line.startswith("NOT AUDITED: 5 packages")
    assert findings.exit_code(if_reachable=False) == 2
    assert findings.exit_code(if_reachable=True) == 0


def test_a_service_that_answers_for_some_is_told_too(service, tmp_path):
    service.refused.add("two")

    findings = found(service, tmp_path)

    assert any(line.startswith("NOT AUDITED: 2 packages") for line in findings.lines())
    assert findings.exit_code(if_reachable=False) == 2


def test_what_pip_audit_skips_counts_as_not_audited():
    findings = audit.judge([{"name": "one", "skip_reason": "not found"}], POLICY, date(2026, 1, 1))

    assert findings.lines()[0].endswith("not found")
    assert findings.exit_code(if_reachable=False) == 2


def test_a_tool_that_does_not_work_is_a_failure():
    with pytest.raises(SystemExit, match="pip-audit does not work"):
        audit.ask(["one==1.0"], ["--no-such-option"])


@pytest.mark.parametrize(("today", "code"), [(date(2026, 6, 1), 0), (date(2026, 6, 2), 1)])
def test_a_hole_may_wait_until_its_last_day(today, code):
    entry = {"package": "one", "hole": "CVE-1", "reason": "never called", "until": date(2026, 6, 1)}
    policy = replace(POLICY, table={**POLICY.table, "waiting": [entry]})
    hole = {"id": "GHSA-1", "aliases": ["CVE-1"], "fix_versions": []}

    findings = audit.judge([{"name": "one", "version": "1.0", "vulns": [hole]}], policy, today)

    assert findings.exit_code(if_reachable=False) == code
    assert "one 1.0: GHSA-1, closed in no version yet" in findings.lines()[0]


def test_every_locked_version_is_asked_about_once():
    lists = audit.questions(audit.LOCKS)

    asked = [each for names in lists for each in names]
    assert sorted(asked) == sorted(
        {f"{each.name}=={each.version}" for lock in audit.LOCKS for each in read_lock(lock)}
    )


class VulnerabilityService:
    """Answers as OSV does: https://google.github.io/osv.dev/post-v1-query."""

    def __init__(self):
        self.holes, self.asked, self.refused = {}, [], set()

    def __enter__(self):
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                name = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["package"]["name"]
                service.asked.append(name)
                body = json.dumps(service.answer(name)).encode()
                self.send_response(503 if name in service.refused else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/query"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()
        return self

    def answer(self, name):
        if name not in self.holes:
            return {}
        id_, fixed = self.holes[name]
        ranges = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": fixed}]}]
        return {
            "vulns": [
                {
                    "id": id_,
                    "summary": "bad",
                    "affected": [{"package": {"name": name, "ecosystem": "PyPI"}, "ranges": ranges}],
                }
            ]
        }

    def close(self):
        if self.thread.is_alive():
            self.server.shutdown()
            self.thread.join()
            self.server.server_close()

    def __exit__(self, *error):
        self.close()
