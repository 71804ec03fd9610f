"""A sensible configuration is left alone: no rule finds anything that does what it looks like."""

from ruamel.yaml import YAML

from connector.edges.destination_template import destination_text
from tests.core.lint.configurations import findings

SHOP = r"""
id: shop
name: Shop
mappings:
  - name: Orders
    action: trackEvent
    trigger: type = "track" and (event = "Order Completed" or event = "Order Refunded") and properties.total >= 100
    fields:
      event: {'@template': 'Shop: {{event}}'}
      type: {'@path': $.type}
      userId: {'@path': $.userId}
      segmentAnonymousId: {'@path': $.anonymousId}
      email:
        '@case':
          operator: lower
          value:
            '@if':
              exists: {'@path': $.context.traits.email}
              then: {'@path': $.context.traits.email}
              else: {'@path': $.properties.email}
      timestamp: {'@path': $.receivedAt}
      messageId: {'@template': 'order-{{messageId}}'}
      properties:
        '@merge':
          direction: right
          objects:
            - {'@flatten': {separator: _, value: {'@path': $.properties}, omitArrays: true}}
            - skus: {'@arrayPath': [$.properties.products, {sku: {'@path': $.sku}, name: {'@path': $.name}}]}
              first: {'@path': '$.properties.products[0].sku'}
              count: {'@path': $.properties.products.length}
              all: {'@json': {mode: encode, value: {'@path': $.properties.products}}}
              slug: {'@replace': {pattern: ' ', replacement: '-', value: {'@path': $.properties.category}}}
              greeting: {'@liquid': 'Hi {{ context.traits.first_name | default: "there" }}'}
              price: $9.99
      userFields: {'@excludeWhenNull': {lastOrder: {'@path': $.timestamp}, plan: {'@path': $.context.traits.plan}}}
  - name: People
    action: identifyUser
    trigger: type = "identify" and traits.email != null and !match(traits.email, "*@example.com")
    fields:
      user:
        '@transform':
          apply: {traits: {'@path': $.traits}}
          mapping: {'@path': $.traits}
      type: identify
      userId: {'@path': $.userId}
      email: {'@path': $.traits.email}
      page: {url: {'@path': $.context.page.url}}
  - name: Screens
    action: trackPageView
    trigger: type = "screen" or type = "page"
    fields:
      type: page
      userId: {'@path': $.userId}
      properties: {name: {'@path': $.name}, path: {'@path': $.context.page.path}}
  - name: Teams
    action: createUpdateObject
    trigger: type = "group" and traits.employees > 10
    fields:
      objectType: team
      externalId: {'@path': $.groupId}
      objectData: {name: {'@path': $.traits.name}, size: {'@path': $.traits.employees}}
      userId: {'@path': $.userId}
      email: {'@path': $.context.traits.email}
  - name: Companies
    action: createUpdateObject
    trigger: type = "group"
    fields:
      objectType: account
      externalId: {'@path': $.groupId}
      objectData: {'@path': $.traits}
      userId: {'@path': $.userId}
      email: {'@path': $.email}
  - name: Buyers
    action: addTag
    trigger: type = "track" and contains(event, "Order") and properties.gift = true
    fields: {tag: 'buyer,gift', userId: {'@path': $.userId}}
  - name: Members
    action: addTag
    trigger: type = "track" and contains(event, "Order") and properties.gift = true
    fields: {tag: member, userId: {'@path': $.userId}}
  - name: No longer trying
    action: removeTag
    trigger: event = "Subscription Started"
    fields:
      tag: {'@template': 'trial-{{properties.plan}}'}
      userId: {'@path': $.userId}
      email: {'@path': $.properties.email}
  - name: Renamed
    action: aliasUser
    trigger: type = "alias" and userId != null
    fields:
      userId: {'@path': $.userId}
      previousUserId: {'@path': $.previousId}
  - name: Off for now
    action: trackEvent
    enabled: false
    trigger: type = "track" and event = "Order Completed"
    fields:
      event: Order
      type: track
      userId: {'@path': $.userId, _metadata: {label: User}}
"""


def test_a_sensible_configuration_is_left_alone():
    config = YAML(typ="safe").load(SHOP)

    assert [(each.rule.id, each.path, each.message) for each in findings(config)] == []


def test_what_init_writes_is_left_alone():
    config = YAML(typ="safe").load(destination_text(id="production", name="Encharge"))

    assert findings(config) == []
