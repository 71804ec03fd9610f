"""Values that must not turn up where they do not belong, and the search for them in all their spellings."""

import base64
import json
import re
from urllib.parse import quote, quote_plus

from tests.secured_kafka import PASSWORD

SECRETS = {
    "API key": "kanarieKeyOfTheApi/x+Y",
    "write key": "kanarieKeyToWrite=Z",
    "SASL password": PASSWORD,
    "wrong SASL password": 'kanarie"wrong password',
    "OAuth client secret": "kanarie secret:of&client",
    "console token": "kanarie-token-of-console",
    "header for traces": "Bearer kanarie.otel.header",
    "password of the proxy": "kanarie@proxy:pass",
}
PERSONAL = {
    "e-mail": "ada.kanarie@personal.example",
    "name": "Adalbertine Kanarienvogel",
    "phone": "+49 171 5550 4711",
    "IP address": "203.0.113.77",
    "user id": "u-kanarie-4711",
    "anonymous id": "a-kanarie-0815",
    "free text": 'my therapist says "kanarie"',
    "name of a property": "bob.kanarie@nested.example",
    "record key": "k-kanarie-record",
    "record header": "h-kanarie-header",
    "no e-mail": "kanarie at nowhere",
}


def spellings(value):
    """Give how a text may hold a value: plain, in JSON, in a repr(), in a URL, in base64 and in hex."""
    raw = value.encode()
    found = {
        value,
        json.dumps(value)[1:-1],
        repr(value)[1:-1],
        quote(value, safe=""),
        quote_plus(value),
        quote(value),
    }
    # Inside of a longer text base64 has three looks; what neighbours may change at both ends is left out.
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + raw).decode()
        middle = encoded[4 if before else 0 : -4]
        found |= {middle, middle.replace("+", "-").replace("/", "_")}
    found |= {raw.hex(), base64.b64encode(raw).decode()}
    return found


_KINDS = {"secret": SECRETS, "personal": PERSONAL}
_OF_SPELLING = {
    spelling.lower(): (kind, name)
    for kind, values in _KINDS.items()
    for name, value in values.items()
    for spelling in spellings(value)
}
_ANY = re.compile("|".join(map(re.escape, sorted(_OF_SPELLING, key=len, reverse=True))))


def found_in(text, *kinds):
    """Give kind and name of every value that a text or bytes hold in some spelling, of some kinds or of all."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    hits = {_OF_SPELLING[hit] for hit in _ANY.findall(text.lower())}
    return {hit for hit in hits if not kinds or hit[0] in kinds}
