"""Writes what a batch changes, as wit/v0.1/README.md has it: words, an arena of bytes, and new names."""

import struct

NEXT, SET, REJECT = 0, 1, 5
TEXT, MADE_TEXT, INT, FLOAT, BOOL, TIME = 1, 2, 3, 4, 5, 7
HALF = 0xFFFF_FFFF


class Writer:
    """The operations of one batch. The table of names lives as long as the instance."""

    def __init__(self, writes):
        self.ids = {name: number for number, name in enumerate(writes)}
        self.begin()

    def begin(self):
        self.names, self.arena, self.ops = [], bytearray(), []

    def take(self):
        return self.names, bytes(self.arena), self.ops

    def field(self, name):
        """The first word of a SET of the field of that name, without its kind."""
        number = self.ids.get(name)
        if number is None:
            number = self.ids[name] = len(self.ids)
            self.names.append(name)
        return SET | number << 8

    def mark(self):
        return len(self.ops)

    def next(self):
        self.ops.append(NEXT)

    def reject(self, mark, reason):
        """The host would take back what was set for the line; it is shorter not to say it."""
        del self.ops[mark:]
        self.ops += (REJECT, *self._put(reason.encode()))

    def set_text(self, field, start, length):
        """Bytes of the text that was handed over."""
        self.ops += (field | TEXT << 4, start, length)

    def set_made_text(self, field, value):
        self.ops += (field | MADE_TEXT << 4, *self._put(value))

    def set_int(self, field, value):
        self.ops += (field | INT << 4, value & HALF, value >> 32 & HALF)

    def set_time(self, field, nanoseconds):
        self.ops += (field | TIME << 4, nanoseconds & HALF, nanoseconds >> 32 & HALF)

    def set_float(self, field, value):
        self.ops += (field | FLOAT << 4, *struct.unpack("<II", struct.pack("<d", value)))

    def set_bool(self, field, value):
        self.ops += (field | BOOL << 4, int(value), 0)

    def _put(self, value):
        start = len(self.arena)
        self.arena += value
        return start, len(value)
