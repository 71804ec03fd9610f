"""Filters for Base64 and SHA-256."""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any, Final

from connector.core.javascript import UNDEFINED
from connector.core.liquid.filters.kind import Filter
from connector.core.liquid.render import Render
from connector.core.liquid.units import spread, utf8
from connector.core.liquid.values import output_text

_BEYOND_LATIN = re.compile("[\u0100-\uffff]")
_NOT_BASE64 = re.compile("[^A-Za-z0-9+/]+")
_URL_SAFE: Final = str.maketrans("-_", "+/")


def _base64_encode(render: Render, value: Any, *_arguments: Any) -> str:
    text = output_text(value, render)
    render.use(2 * len(text))
    return b64encode(utf8(text)).decode()


def _base64_decode(render: Render, value: Any, *_arguments: Any) -> str:
    """Decode as Node does: both alphabets, anything else skipped, the end at the first `=`.

    Of characters beyond Latin only the lower eight bits are looked at, so some of them count.
    """
    text = output_text(value, render)
    render.use(5 * len(text))
    text = _BEYOND_LATIN.sub(lambda match: chr(ord(match[0]) & 0xFF), spread(text))
    letters = _NOT_BASE64.sub("", text.partition("=")[0].translate(_URL_SAFE))
    if len(letters) % 4 == 1:
        letters = letters[:-1]
    return b64decode(letters + "=" * (-len(letters) % 4)).decode(errors="replace")


def _sha256(render: Render, value: Any, *_arguments: Any) -> str:
    text = output_text(value, render)
    render.use(len(text))
    return hashlib.sha256(utf8(text)).hexdigest()


def _hmac_sha256(render: Render, value: Any, key: Any = UNDEFINED, *_arguments: Any) -> str:
    text, key_text = output_text(value, render), output_text(key, render)
    render.use(len(text) + len(key_text))
    return hmac.new(utf8(key_text), utf8(text), hashlib.sha256).hexdigest()


DIGEST_FILTERS: Final[Mapping[str, Filter]] = {
    "base64_decode": _base64_decode,
    "base64_encode": _base64_encode,
    "hmac_sha256": _hmac_sha256,
    "sha256": _sha256,
}
