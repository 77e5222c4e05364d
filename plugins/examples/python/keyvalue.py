"""Lines of keys and values: time=2026-01-31T12:00:00Z level=warn msg="disk is full" free_mib=12"""

import json
import re
from datetime import datetime, timedelta, timezone

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports.transform import Changes, Manifest

from changes import Writer

# A key, `=`, and a value with or without quotes; white space or the end of the line behind it.
PAIR = re.compile(rb'([A-Za-z_][\w-]*(?:\.[\w-]+)*)=(?:"((?:[^"\\]|\\.)*)"|([^\s"]*))(?:\s+|$)')
WHOLE = re.compile(rb"0|-?[1-9]\d{0,17}")
FRACTION = re.compile(rb"-?(?:0|[1-9]\d{0,14})\.\d{1,15}")
ESCAPE = re.compile(rb"\\(.)")
ESCAPED = {b"n": b"\n", b"t": b"\t", b"r": b"\r"}
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)

# Where these keys go; every other one goes below the prefix.
FIELDS = {b"time": "@timestamp", b"level": "log.level", b"msg": "message"}
# So many fields are remembered by their key.
FIELDS_MAX = 4096


# What `open` made; the runtime makes a new object of the class below for every call.
running = None


class Transform(exports.Transform):
    """What the collector calls."""

    def open(self, config):
        global running
        running = Parser(json.loads(config) if config else {})
        writes = list(FIELDS.values())
        return Manifest(reads=["message", "@meta.timezone"], writes=writes, forks=False, required=False)

    def process(self, events, text, cells, names, sparse):
        return Changes(*running.treat(events, text, cells))


class Parser:
    """One plugin with its configuration."""

    def __init__(self, options):
        for key in options:
            if key != "prefix":
                raise Err(f"the configuration has an unknown key `{key}`: there is `prefix` alone")
        self.prefix = options.get("prefix", "keyvalue")
        if not isinstance(self.prefix, str) or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", self.prefix):
            raise Err(f"`prefix` is {self.prefix!r}: write a name of letters, digits and _")
        self.writer = Writer(FIELDS.values())
        self.fields = {key: self.writer.field(name) for key, name in FIELDS.items()}

    def treat(self, events, text, cells):
        """The lines of a batch, each with its zone: two columns of three words."""
        writer = self.writer
        writer.begin()
        for event in range(events):
            kind, start, length, *zone = cells[6 * event : 6 * event + 6]
            mark = writer.mark()
            reason = self.parse(text, start, start + length, zone) if kind == 1 else "the field to parse is not a text"
            if reason is None:
                writer.next()
            else:
                writer.reject(mark, reason)
        return writer.take()

    def parse(self, text, start, end, zone):
        """Sets the fields of one line, or says why it cannot."""
        at = start
        if at == end:
            return "the line is empty"
        while at < end:
            pair = PAIR.match(text, at, end)
            if pair is None:
                return f"no key=value at byte {at - start}"
            at = pair.end()
            key, quoted, bare = pair.groups()
            if key == b"time":
                if not self.set_time(bare if quoted is None else quoted, zone):
                    return "time is not of RFC 3339"
            elif quoted is None:
                self.set_bare(self.field(key), bare, pair.start(3))
            else:
                self.set_quoted(self.field(key), quoted, pair.start(2))
        return None

    def field(self, key):
        field = self.fields.get(key)
        if field is None:
            field = self.writer.field(f"{self.prefix}.{key.decode()}")
            if len(self.fields) < FIELDS_MAX:
                self.fields[key] = field
        return field

    def set_quoted(self, field, value, start):
        if b"\\" in value:
            self.writer.set_made_text(field, ESCAPE.sub(lambda found: ESCAPED.get(found[1], found[1]), value))
        else:
            self.writer.set_text(field, start, len(value))

    def set_bare(self, field, value, start):
        writer = self.writer
        if WHOLE.fullmatch(value):
            writer.set_int(field, int(value))
        elif FRACTION.fullmatch(value):
            writer.set_float(field, float(value))
        elif value in (b"true", b"false"):
            writer.set_bool(field, value == b"true")
        else:
            writer.set_text(field, start, len(value))

    def set_time(self, value, zone):
        try:
            time = datetime.fromisoformat(value.decode())
        except ValueError:
            return False
        if time.tzinfo is None:
            kind, low, _ = zone
            minutes = low - (low >> 31 << 32) if kind == 3 else 0
            time = time.replace(tzinfo=timezone(timedelta(minutes=minutes)))
        since = time - EPOCH
        microseconds = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
        if abs(microseconds) > 9_000_000_000_000_000:
            return False
        self.writer.set_time(self.fields[b"time"], microseconds * 1_000)
        return True
