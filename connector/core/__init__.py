"""What becomes of an event, decided in plain functions: no clock, no chance, no network.

    event --trigger--> mapping --fields--> payload --action--> request

This module is the public Python interface; its names stay.
"""

from connector.core.destination import Destination
from connector.core.fields import Fields, compile_fields
from connector.core.javascript import UNDEFINED
from connector.core.plan import PlanError, PlanErrorCode, Planned
from connector.core.request import Request
from connector.core.triggers import Trigger, compile_trigger
from connector.errors import ConfigurationError, FieldsError, TriggerError

__all__ = [
    "UNDEFINED",
    "ConfigurationError",
    "Destination",
    "Fields",
    "FieldsError",
    "PlanError",
    "PlanErrorCode",
    "Planned",
    "Request",
    "Trigger",
    "TriggerError",
    "compile_fields",
    "compile_trigger",
]
