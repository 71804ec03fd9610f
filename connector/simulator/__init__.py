"""A fake Encharge over real HTTP, with faults on demand and books of everything that happened.

For tests in the same event loop:   async with Simulator(config) as simulator: simulator.url
For every other test:               with running_simulator(config) as client: client.url
For a simulator started elsewhere:  SimulatorClient(url)
For a command:                      await serve(config, host=…, port=…, on_start=print)
"""

from connector.simulator.books import LoggedRequest, Stats
from connector.simulator.client import SimulatorClient
from connector.simulator.config import SimulatorConfig, setting_names, setting_texts
from connector.simulator.config_values import FailingMatch
from connector.simulator.running import running_simulator
from connector.simulator.server import Simulator, serve
from connector.simulator.simulation import AllStats, ObjectView, PersonView

__all__ = [
    "AllStats",
    "FailingMatch",
    "LoggedRequest",
    "ObjectView",
    "PersonView",
    "Simulator",
    "SimulatorClient",
    "SimulatorConfig",
    "Stats",
    "running_simulator",
    "serve",
    "setting_names",
    "setting_texts",
]
