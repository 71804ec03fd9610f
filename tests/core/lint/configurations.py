"""Small configurations, and what lint finds in them."""

from connector.core import ConfigurationError, Destination
from connector.core.actions import ACTIONS
from connector.core.lint import lint

TRACK = 'type = "track"'


def mapping(action="trackEvent", trigger=None, name="Example", fields=None, without=(), **changes):
    """A mapping as a preset has it, with other fields or without some."""
    defaults = ACTIONS[action].default_fields
    return {
        "name": name,
        "action": action,
        "trigger": ACTIONS[action].trigger if trigger is None else trigger,
        "fields": {key: tree for key, tree in {**defaults, **(fields or {})}.items() if key not in without},
        **changes,
    }


def configuration(*mappings, **changes):
    return {"id": "example", "mappings": list(mappings), **changes}


def findings(config):
    """What lint finds in a configuration, told why it does not load as the command is."""
    try:
        Destination.from_config(config, api_key="")
    except ConfigurationError as error:
        return lint(config, error.problems)
    return lint(config)


def ids(config):
    """The rules that a configuration breaks."""
    return sorted({each.rule.id for each in findings(config)})


def found(config, rule):
    """The one finding of a rule."""
    [finding] = [each for each in findings(config) if each.rule.id == rule]
    return finding
