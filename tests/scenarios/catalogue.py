"""All scenarios by name; what each does is told by its docstring."""

from tests.scenarios import encharge_stories, kafka_stories, worker_stories

SCENARIOS = {
    "churn": worker_stories.churn,
    "rejoin": worker_stories.rejoin,
    "kill-all": worker_stories.kill_all,
    "broker-crash": kafka_stories.broker_crash,
    "stall": encharge_stories.stall,
    "stall-and-join": encharge_stories.stall_and_join,
    "backlog": worker_stories.backlog,
    "transactions": kafka_stories.transactions,
    "poll-interval": encharge_stories.poll_interval,
    "frozen": worker_stories.frozen,
    "key-revoked": encharge_stories.key_revoked,
    "outage": encharge_stories.outage,
    "dead-letters-refused": kafka_stories.dead_letters_refused,
    "dead-letters-missing": kafka_stories.dead_letters_missing,
    "one-user-500": encharge_stories.one_user_always_500,
    "one-mapping-400": encharge_stories.one_mapping_always_400,
    "trickle-429": encharge_stories.trickle_of_429,
    "three-of-500": encharge_stories.three_of_500_fail,
}
