"""How we talk to kombu: the anonymous exchange, no acknowledgements, short timeouts, and queues that expire.

A named exchange would lose its bindings when Redis is emptied, and publishing would succeed while the message vanishes;
the anonymous exchange keeps working, because the routing key is the queue.
"""

from __future__ import annotations

from typing import Any, Final

from kombu import Connection, Exchange, Queue

from services.broker import queues

CONNECT_SECONDS: Final = 3
SOCKET_SECONDS: Final = 3
HEALTH_CHECK_SECONDS: Final = 2
"""Together these notice a server that hangs within about 8 seconds, well before a worker's lease ends (R15)."""

ANONYMOUS: Final = Exchange("")

_REDIS_OPTIONS: Final[dict[str, Any]] = {
    "ack_emulation": False,
    "priority_steps": [0],
    "socket_timeout": SOCKET_SECONDS,
    "socket_connect_timeout": CONNECT_SECONDS,
    "socket_keepalive": True,
    "health_check_interval": HEALTH_CHECK_SECONDS,
    "client_name": "stepwell",
}


def connection(url: str) -> Connection:
    """A connection to the broker, not yet opened. Retrying is ours: kombu and its clients try once."""
    if url.startswith(("redis://", "rediss://")):
        from services.broker.redis_transport import LeanTransport

        return Connection(
            url, transport=LeanTransport, connect_timeout=CONNECT_SECONDS, transport_options=dict(_REDIS_OPTIONS)
        )
    options = _REDIS_OPTIONS if url.startswith("sentinel://") else {}
    return Connection(url, connect_timeout=CONNECT_SECONDS, transport_options=dict(options))


def connect(link: Connection) -> None:
    """Open a connection now, or fail now: kombu by itself would sleep for seconds in between."""
    link.ensure_connection(
        max_retries=1, interval_start=0, interval_step=0, interval_max=0, reraise_as_library_errors=False
    )


def queue_of(name: str) -> Queue:
    """The queue of that name, which vanishes some time after the last message to it."""
    return Queue(name, exchange=ANONYMOUS, routing_key=name, expires=queues.EXPIRES_SECONDS, no_ack=True)


def visible(url: str) -> str:
    """The URL without its password, for logs."""
    return str(Connection(url).as_uri())
