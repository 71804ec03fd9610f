"""Whether Encharge knows our key, asked when it refused one."""

from __future__ import annotations

import structlog

from connector.core.request import Endpoints
from connector.edges.encharge_api import EnchargeApi
from connector.errors import ConnectorError

log = structlog.get_logger(__name__)


class EnchargeAccount:
    """Implements the port Account; `endpoints` is replaced when the key is."""

    def __init__(self, endpoints: Endpoints, *, timeout_s: float) -> None:
        self.endpoints, self._timeout_s = endpoints, timeout_s

    async def key_works(self) -> bool:
        """Try the key; False also when nobody answers."""
        async with EnchargeApi(self.endpoints, timeout_s=self._timeout_s) as api:
            try:
                credentials = await api.test_credentials()
            except ConnectorError as error:
                log.warning("the key cannot be tried", error=str(error))
                return False
        log.info("the key was tried", works=credentials.valid, answer=credentials.answer)
        return credentials.valid
