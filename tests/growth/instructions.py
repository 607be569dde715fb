"""Instructions that this thread has carried out, as the processor counts them: the same however busy the machine is.

Linux counts for each thread by itself (`perf_event_open`); elsewhere, and where the kernel or a virtual machine does
not let us, `Instructions.open` gives None.
"""

import ctypes
import os
import platform
import struct
import sys
from collections.abc import Callable
from typing import Any

_SYSCALLS = {"x86_64": 298, "aarch64": 241}
_ENABLED_IN_USER_SPACE = 1 << 5 | 1 << 6  # exclude_kernel, exclude_hv
_SIZE = 120  # of struct perf_event_attr


class Instructions:
    """A counter of the thread that opened it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def open(cls) -> "Instructions | None":
        """A counter of this thread, or None where there is none to be had."""
        number = _SYSCALLS.get(platform.machine())
        if not sys.platform.startswith("linux") or number is None:
            return None
        # type 0 is hardware, config 1 instructions; flags stand at offset 40 (perf_event_open(2)).
        attributes = struct.pack("=IIQ24xQ", 0, _SIZE, 1, _ENABLED_IN_USER_SPACE).ljust(_SIZE, b"\0")
        buffer = ctypes.create_string_buffer(attributes, _SIZE)
        descriptor = ctypes.CDLL(None, use_errno=True).syscall(number, buffer, 0, -1, -1, 0)
        if descriptor < 0:
            return None
        counter = cls(descriptor)
        if counter.read() == counter.read():  # a virtual machine that counts nothing
            counter.close()
            return None
        return counter

    def read(self) -> int:
        """The count so far."""
        return int.from_bytes(os.read(self._descriptor, 8), sys.byteorder)

    def of(self, work: Callable[[], Any]) -> int:
        """The instructions of one call of `work`."""
        before = self.read()
        work()
        return self.read() - before

    def close(self) -> None:
        """Give the counter back."""
        os.close(self._descriptor)
