"""Fakes of the ports, for scenarios in virtual time."""

import asyncio
from collections import deque

from connector.delivery.outcome import NoReply, Reply
from connector.errors import OperationalError

OK = Reply(200)
REFUSED = Reply(400, body=b'{"error":{"message":"said 400","errorCode":"E400","traceId":"t1"}}')
BROKEN = Reply(500)
TIMEOUT = NoReply("timeout")


class ScriptedSender:
    """Answers from a script per body, then OK; notes what was sent, when, and what overlapped."""

    def __init__(self, *script, by_body=None, latency_s=0.02):
        self.script = deque(script)
        self.by_body = {body: deque(answers) for body, answers in (by_body or {}).items()}
        self.latency_s = latency_s
        self.sent = []
        self.times_s = []
        self.under_way = 0
        self.most_under_way = 0

    async def send(self, request):
        self.sent.append(request.body)
        self.times_s.append(asyncio.get_running_loop().time())
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await asyncio.sleep(self.latency_s)
        finally:
            self.under_way -= 1
        answers = self.by_body.get(request.body, self.script)
        answer = answers.popleft() if answers else OK
        if isinstance(answer, Exception):
            raise answer
        return answer


class KeptDeadLetters:
    """Keeps dead letters in a list; fails the first `failures` times."""

    def __init__(self, failures=0):
        self.letters = []
        self.failures = failures
        self.attempts = 0

    async def put(self, letter):
        self.attempts += 1
        await asyncio.sleep(0)
        if self.failures:
            self.failures -= 1
            raise OperationalError("the topic cannot be written")
        self.letters.append(letter)

    def codes(self):
        return [letter.code for letter in self.letters]


class ScriptedAccount:
    """Says of the key what the script says, then that it works."""

    def __init__(self, *script):
        self.script = deque(script)
        self.asked = 0

    async def key_works(self):
        self.asked += 1
        await asyncio.sleep(0)
        return self.script.popleft() if self.script else True


class FixedDice:
    """Always rolls the same."""

    def __init__(self, value=0.5):
        self.value = value

    def roll(self):
        return self.value
