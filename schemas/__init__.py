"""JSON Schemas of what goes in and out, loaded by name. Imports nothing from the connector."""
