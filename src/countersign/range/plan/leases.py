"""The addresses that gateways give out, and the terminals of Linux hosts."""

from __future__ import annotations

from countersign.range.calendar import SECOND
from countersign.range.spec import GatewaySpec

TERMINALS = 400


def terminals_of(host: str) -> str:
    """What a host's terminals are leased by."""
    return f"{host}:/dev/pts"


class Leases:
    """What is given out: the lowest that is free, so that it comes again soon. Any name that is no gateway's has terminals."""

    def __init__(self, gateways: tuple[GatewaySpec, ...]) -> None:
        self._free: dict[str, dict[str, int]] = {}
        for gateway in gateways:
            first = int(gateway.pool.network_address) + 11
            last = min(int(gateway.pool.broadcast_address), first + 400)
            self._free[gateway.name] = {str(gateway.pool[n - first + 11]): 0 for n in range(first, last)}

    def lease(self, gateway: str, now: int) -> str:
        """An address or terminal that is free now."""
        pool = self._pool(gateway)
        for address, free in pool.items():
            if free + 20 * SECOND < now:
                pool[address] = 1 << 62
                return address
        raise RuntimeError(f"{gateway} has no free address: its pool is too small for this range")

    def aside(self, gateway: str, now: int) -> str:
        """An address that was used before and is free now, but is not taken from the others: the highest of these."""
        pool = self._pool(gateway)
        free = [address for address, since in pool.items() if since + 20 * SECOND < now]
        return next((address for address in reversed(free) if pool[address]), free[0])

    def release(self, gateway: str, address: str, now: int) -> None:
        """It is free from now on."""
        self._pool(gateway)[address] = now

    def _pool(self, name: str) -> dict[str, int]:
        if name not in self._free:
            self._free[name] = {str(number): 0 for number in range(TERMINALS)}
        return self._free[name]
