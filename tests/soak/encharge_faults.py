"""What Encharge does, and the network on the way to it."""


def outage(world, dice, lasts_s):
    """Everything is answered 503."""
    world.simulator.configure(outage_s=lasts_s)
    world.last(lasts_s)


def stall(world, dice, lasts_s):
    """Nothing is answered."""
    world.simulator.configure(stall_s=lasts_s)
    world.last(lasts_s)


def unauthorized(world, dice, lasts_s):
    """Everything is answered 401."""
    world.simulator.configure(unauthorized_s=lasts_s)
    world.last(lasts_s)


def errors(world, dice, share, lasts_s):
    """Some requests get 500."""
    _settings(world, lasts_s, rate_500=share)


def unavailable(world, dice, share, lasts_s):
    """Some requests get 503."""
    _settings(world, lasts_s, rate_503=share)


def throttled(world, dice, share, lasts_s):
    """Some requests get 429 with Retry-After."""
    _settings(world, lasts_s, rate_429=share)


def limited(world, dice, most_per_s, lasts_s):
    """More requests a second than so many get 429."""
    _settings(world, lasts_s, max_requests_per_second=most_per_s)


def resets(world, dice, share, lasts_s):
    """Some connections are reset instead of an answer, and nothing was done."""
    _settings(world, lasts_s, rate_reset=share)


def lost_replies(world, dice, share, lasts_s):
    """Some requests are done, and the connection is reset instead of an answer."""
    _settings(world, lasts_s, rate_lost_reply=share)


def hangs(world, dice, share, lasts_s):
    """Some requests are held and never answered."""
    _settings(world, lasts_s, rate_hang=share)


def slow(world, dice, latency_ms, lasts_s):
    """Answers take long."""
    _settings(world, lasts_s, latency=f"uniform:{latency_ms // 2},{latency_ms}")


def everything(world, dice, share, lasts_s):
    """A little of everything at once."""
    kinds = ("429", "500", "503", "hang", "reset", "lost_reply")
    _settings(world, lasts_s, **{f"rate_{kind}": share for kind in kinds})


def person_500(world, dice, people, lasts_s):
    """A few people get nothing but 500."""
    _fail(world, dice, people, lasts_s, 500)


def person_400(world, dice, people, lasts_s):
    """Events of a few people are refused for good."""
    _fail(world, dice, people, lasts_s, 400)


def _settings(world, lasts_s, **settings):
    world.simulator.configure(**settings)
    world.last(lasts_s)
    world.calm()


def _fail(world, dice, count, lasts_s, status):
    # Not the ten busiest people of the shop: their refusals would be a flood.
    people = [f"demo_{number:04d}" for number in dice.sample(range(10, world.people), count)]
    if status == 400:
        world.books.ledger.may_refuse(people)
    world.simulator.configure(fail_people=dict.fromkeys(people, status))
    world.last(lasts_s)
    world.simulator.configure(fail_people={})


def wire_cut(world, dice, times):
    """Connections to Encharge are reset."""
    with world.wire_trouble():
        for _ in range(times):
            world.wire.cut_all()
            world.last(dice.uniform(0.1, 1.0))


def wire_cut_replies(world, dice, after_bytes, lasts_s):
    """Connections are reset in the middle of an answer."""
    with world.wire_trouble(cut_after=after_bytes):
        world.last(lasts_s)


def wire_slow(world, dice, latency_s, lasts_s):
    """The way to Encharge and back takes long."""
    with world.wire_trouble(latency_s=latency_s, jitter_s=latency_s / 2):
        world.last(lasts_s)


def wire_silent(world, dice, lasts_s):
    """Nothing gets through, and nobody says so."""
    with world.wire_trouble(mode="blackhole"):
        world.last(lasts_s)


def wire_half_open(world, dice, lasts_s):
    """Requests get through, answers do not."""
    with world.wire_trouble(mode="half-open"):
        world.last(lasts_s)


def wire_refused(world, dice, lasts_s):
    """Connections are reset, and new ones refused."""
    with world.wire_trouble(mode="refuse"):
        world.wire.cut_all()
        world.last(lasts_s)


def wire_trickle(world, dice, pause_s, lasts_s):
    """Answers come byte by byte."""
    with world.wire_trouble(mode="slow", pause_s=pause_s):
        world.last(lasts_s)
