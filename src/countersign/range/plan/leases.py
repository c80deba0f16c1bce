"""The addresses that gateways give out."""

from __future__ import annotations

from countersign.range.calendar import SECOND
from countersign.range.spec import GatewaySpec


class Leases:
    """The addresses that the gateways give out: the lowest that is free, so that they come again soon."""

    def __init__(self, gateways: tuple[GatewaySpec, ...]) -> None:
        self._free: dict[str, dict[str, int]] = {}
        for gateway in gateways:
            first = int(gateway.pool.network_address) + 11
            last = min(int(gateway.pool.broadcast_address), first + 400)
            self._free[gateway.name] = {str(gateway.pool[n - first + 11]): 0 for n in range(first, last)}

    def lease(self, gateway: str, now: int) -> str:
        """An address that is free now."""
        pool = self._free[gateway]
        for address, free in pool.items():
            if free + 20 * SECOND < now:
                pool[address] = 1 << 62
                return address
        raise RuntimeError(f"{gateway} has no free address: its pool is too small for this range")

    def aside(self, gateway: str, now: int) -> str:
        """An address that was used before and is free now, but is not taken from the others: the highest of these."""
        free = [address for address, since in self._free[gateway].items() if since + 20 * SECOND < now]
        return next((address for address in reversed(free) if self._free[gateway][address]), free[0])

    def release(self, gateway: str, address: str, now: int) -> None:
        """The address is free from now on."""
        self._free[gateway][address] = now
