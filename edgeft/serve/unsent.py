"""How much of an answer its client has not taken yet."""

import asyncio
import struct
from contextlib import suppress

__all__ = ["left"]


def left(transport: asyncio.Transport) -> tuple[int, int]:
    """Bytes that wait in this process, and those in the system that the client has not confirmed.

    Both, as the system takes more only once a third of what it holds is gone, which may be
    megabytes. The second is 0 where the system does not tell (tcp(7), SIOCOUTQ, which is
    TIOCOUTQ).
    """
    waiting = transport.get_write_buffer_size()
    with suppress(ImportError, AttributeError, OSError, ValueError):
        from fcntl import ioctl
        from termios import TIOCOUTQ

        found = ioctl(transport.get_extra_info("socket").fileno(), TIOCOUTQ, b"\0" * 4)
        return waiting, int(struct.unpack("i", found)[0])
    return waiting, 0
