"""One stream is what one recorder writes: a host, a sensor, a gateway, a cloud's log."""
