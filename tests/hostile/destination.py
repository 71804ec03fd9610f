"""The destination of the hostile run: all seven actions, with fields that look into whatever events bring."""

API_KEY = "test-key"
SEEN = 'type = "track"'

_TEMPLATES = {
    "upcase": "{{ text | upcase | split: 'x' | join: '-' | truncate: 50 }}",
    "date": "{{ text | date: '%Y-%m-%d' }}{{ number | date: '%s' }}",
    "sum": "{{ number | times: number | plus: 1 | modulo: 7 | round: 2 }}",
    "size": "{{ list | size }}{{ list | join: ',' | size }}",
    "json": "{{ list | json | escape | url_encode | truncate: 100 }}",
    "replace": "{{ text | replace: 'x', text | size }}",
    "loop": "{% if text contains '{{' %}{{ text | strip_html | slugify }}{% else %}"
    "{{ text | normalize_whitespace | size }}{% endif %}",
}
_BOMBS = {
    "range": "{{ (1..number) | size }}",
    "doubling": "{% assign x = text %}" + "{% assign x = x | append: x %}" * 12 + "{{ x | size }}",
}


def hostile_destination(preset_mappings):
    """Give the destination file; the mappings of presets as they come, and six of our own."""
    track = next(each for each in preset_mappings if each["action"] == "trackEvent")
    tag = {
        "tag": {"@path": "$.properties.n"},
        "userId": {"@template": "{{userId}}"},
        "email": {"@path": "$.email"},
    }
    liquid, bombs = (
        {"n": {"@path": "$.properties.n"}, **{name: {"@liquid": text} for name, text in templates.items()}}
        for templates in (_TEMPLATES, _BOMBS)
    )
    nested = {"n": {"@path": "$.properties.n"}, "c": {"@path": "$.properties.a.b.\\0.c"}}
    return {
        "id": "test",
        "mappings": [
            *preset_mappings,
            {
                "name": "Starts like", "action": "addTag", "fields": tag,
                "trigger": f'{SEEN} and match(event, "Glob *")',
            },
            {
                "name": "Ends like", "action": "removeTag", "fields": tag,
                "trigger": f'{SEEN} and match(event, "* End")',
            },
            {
                "name": "Holds", "action": "addTag", "fields": tag,
                "trigger": f'{SEEN} and contains(event, "(a+)+$")',
            },
            {
                "name": "Liquid", "action": "trackEvent", "trigger": f'{SEEN} and event = "Liquid"',
                "fields": {**track["fields"], "properties": liquid},
            },
            {
                "name": "Liquid bombs", "action": "trackEvent", "trigger": f'{SEEN} and event = "Liquid"',
                "fields": {**track["fields"], "properties": bombs},
            },
            {
                "name": "Nested", "action": "trackEvent",
                "trigger": f"{SEEN} and properties.a.b.\\0.c = 1",
                "fields": {**track["fields"], "properties": nested},
            },
        ],
    }  # fmt: skip
