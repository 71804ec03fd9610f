"""The table of all rules, in the order of docs/lint.md."""

from __future__ import annotations

from typing import Final

from connector.core.lint.rule import Rule
from connector.core.lint.rules import (
    actions,
    destination,
    directives,
    failures,
    liquid,
    loading,
    paths,
    payload,
)
from connector.core.lint.rules import trigger_sense as sense
from connector.core.lint.rules import trigger_structure as structure
from connector.core.lint.rules import trigger_values as values
from connector.core.lint.rules.for_each import each_mapping, each_trigger, nothing

E: Final = "error"
W: Final = "warning"

COMMENT: Final = Rule("lint-comment", W, "A comment that silences nothing", nothing, silenceable=False)

RULES: Final[tuple[Rule, ...]] = (
    # What keeps the file from being loaded
    Rule("configuration", E, "A key or value that is not allowed", loading.configuration, silenceable=False),
    Rule(
        "mapping-count", E, "More mappings than are allowed", destination.too_many_mappings, silenceable=False
    ),
    Rule(
        "trigger-syntax",
        E,
        "A trigger that cannot be read",
        each_mapping(loading.trigger_syntax),
        silenceable=False,
    ),
    Rule("fields", E, "Fields that cannot be read", each_mapping(loading.fields), silenceable=False),
    # The destination and its mappings
    Rule("disabled-destination", W, "Every event is thrown away", destination.events_discarded),
    Rule("mapping-count-high", W, "Nearly as many mappings as are allowed", destination.many_mappings),
    Rule("mapping-shadows-another", W, "Two mappings send the same", destination.sent_twice),
    # How a trigger is put together
    Rule(
        "trigger-mixed-connectives",
        W,
        "`and` and `or` on one level",
        each_trigger(structure.mixed_connectives),
    ),
    Rule(
        "trigger-ignored-negation", E, "A negation without effect", each_trigger(structure.ignored_negation)
    ),
    Rule("trigger-skipped-words", E, "Words that are passed over", each_trigger(structure.skipped_words)),
    Rule("trigger-nested-group", E, "A group that ends too early", each_trigger(structure.nested_group)),
    Rule("trigger-empty-group", E, "A group without a condition", each_trigger(structure.empty_group)),
    # What a trigger compares
    Rule("trigger-single-quotes", E, "A value in single quotes", each_trigger(values.single_quotes)),
    Rule("trigger-glued-operator", E, "An operator that falls apart", each_trigger(values.glued_operator)),
    Rule(
        "trigger-unknown-operator",
        E,
        "An operator that does not exist",
        each_trigger(values.unknown_operator),
    ),
    Rule("trigger-missing-value", E, "A comparison without a value", each_trigger(values.missing_value)),
    Rule("trigger-cut-path", E, "A path that ends early", each_trigger(values.cut_path)),
    Rule("trigger-ignored-path", W, "A path where there is none", each_trigger(values.ignored_path)),
    Rule(
        "trigger-whole-object",
        E,
        "`properties`, `traits` or `context` alone",
        each_trigger(values.whole_object),
    ),
    Rule("trigger-cut-word", E, "A word that loses its tail", each_trigger(values.cut_word)),
    Rule(
        "trigger-event-null",
        E,
        "`event` or `type` compared with null",
        each_trigger(values.compared_with_null),
    ),
    Rule("trigger-number-never-equals-text", W, "A number in quotes", each_trigger(values.quoted_number)),
    Rule(
        "trigger-order-of-text",
        E,
        "Greater and less for what is no number",
        each_trigger(values.order_of_text),
    ),
    Rule("trigger-unequal-boolean", W, "`!= true` and `!= false`", each_trigger(values.unequal_boolean)),
    Rule("trigger-match-pattern", W, "A pattern that is none", each_trigger(values.match_pattern)),
    Rule(
        "trigger-function-on-type",
        E,
        "contains or match on what they cannot look at",
        each_trigger(values.function_without_condition),
    ),
    Rule(
        "trigger-function-arguments",
        E,
        "contains or match not of the form name, value",
        each_trigger(values.function_arguments),
    ),
    # What a trigger comes to
    Rule("trigger-never-matches", E, "Conditions that exclude each other", each_trigger(sense.never_matches)),
    Rule(
        "trigger-unknown-type",
        W,
        "A type of event that Segment does not have",
        each_trigger(sense.unknown_type),
    ),
    Rule("trigger-type-missing", W, "No condition on the type", each_trigger(sense.missing_type)),
    Rule(
        "trigger-never-has-value",
        W,
        "A condition on what such events do not have",
        each_trigger(sense.never_has_value),
    ),
    # What a mapping gives its action
    Rule("field-unknown", W, "A field that the action does not have", each_mapping(payload.unknown_field)),
    Rule(
        "field-required-missing",
        E,
        "A required field without a value",
        each_mapping(payload.required_missing),
    ),
    Rule("field-never-has-value", W, "A path that leads nowhere", each_mapping(payload.never_has_value)),
    Rule(
        "field-invalid-value",
        E,
        "A value of a kind that the field refuses",
        each_mapping(payload.invalid_value),
    ),
    Rule(
        "timestamp-format",
        E,
        "A timestamp that is no date with a time",
        each_mapping(payload.timestamp_format),
    ),
    # Paths, templates, texts
    Rule("field-path-unreachable", E, "A key that no path reaches", each_mapping(paths.unreachable_path)),
    Rule("template-with-dollar", E, "`$.` in a template", each_mapping(paths.template_with_dollar)),
    Rule("template-filters", E, "Filters and tags in a template", each_mapping(paths.template_with_filters)),
    Rule("template-braces", W, "Braces that stay as they are", each_mapping(paths.template_braces)),
    Rule(
        "literal-looks-like-path",
        E,
        "A text that looks like a path",
        each_mapping(paths.literal_looks_like_path),
    ),
    # Directives
    Rule("if-blank-inverted", W, "`blank` holds when it is not blank", each_mapping(directives.if_blank)),
    Rule("if-blank-ignored", W, "`blank` beside `exists`", each_mapping(directives.if_blank_ignored)),
    Rule("if-constant", W, "A condition on a raw value", each_mapping(directives.if_constant)),
    Rule("if-falsy-else", W, "An `else` that is ignored", each_mapping(directives.if_falsy_else)),
    Rule("if-without-then", W, "An @if without `then`", each_mapping(directives.if_without_then)),
    Rule("json-mode-case", E, "A mode of @json in another case", each_mapping(directives.json_mode)),
    Rule(
        "merge-direction-case",
        E,
        "A direction of @merge in another case",
        each_mapping(directives.merge_direction),
    ),
    Rule("case-operator", E, "An operator that @case does not know", each_mapping(directives.case_operator)),
    Rule("directive-falsy-value", W, "@case or @replace of nothing", each_mapping(directives.falsy_value)),
    Rule(
        "replace-pattern-long", E, "A second pattern that is too long", each_mapping(directives.long_pattern)
    ),
    Rule(
        "replace-pattern-expression",
        W,
        "A pattern that looks like a regular expression",
        each_mapping(directives.pattern_is_expression),
    ),
    Rule("replace-marks", W, "Dollar signs in a replacement", each_mapping(directives.replacement_marks)),
    Rule("array-path-shape", W, "A shape that @arrayPath ignores", each_mapping(directives.array_path_shape)),
    Rule("directive-fails", E, "A directive that always fails", each_mapping(failures.directive_fails)),
    Rule(
        "directive-in-list",
        E,
        "A directive that nobody checked",
        each_mapping(failures.directive_in_list),
    ),
    Rule(
        "directive-mixed-keys",
        E,
        "A directive that is plain data",
        each_mapping(failures.mixed_keys_in_list),
    ),
    Rule("liquid-too-long", E, "A Liquid template that is too long", each_mapping(liquid.too_long)),
    Rule("liquid-disabled", E, "A Liquid tag or filter that is refused", each_mapping(liquid.disabled)),
    Rule("liquid-broken", E, "A Liquid template that always fails", each_mapping(liquid.broken)),
    # Actions
    Rule("tag-default", E, "A tag looked for where there is none", each_mapping(actions.tag_default)),
    Rule("tag-nobody", E, "Nobody to tag", each_mapping(actions.nobody_tagged)),
    Rule("person-unnamed", W, "Requests that name nobody", each_mapping(actions.nobody_named)),
    Rule("object-email", W, "The email of an object's person", each_mapping(actions.object_email)),
    Rule("object-id-lost", W, "An object's id among its fields", each_mapping(actions.object_id_lost)),
    Rule(
        "identify-null-overrides", W, "Empty values that win over ids", each_mapping(actions.null_overrides)
    ),
    Rule(
        "alias-missing-previous",
        E,
        "An alias without the previous id",
        each_mapping(actions.alias_without_previous),
    ),
    Rule("alias-of-itself", E, "An alias of an id by itself", each_mapping(actions.alias_of_itself)),
    # Comments in the file itself, which connector.core.lint.comments looks at
    COMMENT,
)
