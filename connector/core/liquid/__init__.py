"""The directive @liquid: Shopify's template language as liquidjs 10.27 reads it in the reference.

    template.py     text -> compiled template -> text
    tokens.py       text -> texts, outputs, tags
    parser.py       tokens -> tree; tags.py and blocks.py compile one tag each
    expressions.py  values with operators and filters; operands.py single values; scanner.py characters
    filters/        the filters by subject; dates/ what a date is
    render.py       the state of one rendering; budget.py what it may cost
    values.py       conversions and comparisons by JavaScript's rules

What is supported, and how it differs from the reference, is in docs/liquid.md.
"""

from connector.core.liquid.template import compile_liquid

__all__ = ["compile_liquid"]
