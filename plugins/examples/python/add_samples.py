"""Packs samples into a component: python3 add_samples.py COMPONENT.wasm samples.json"""

import json
import sys


def number(value):
    """An unsigned number as WebAssembly writes it: seven bits a byte, the lowest first."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def main():
    component, samples = sys.argv[1:]
    with open(samples, encoding="utf-8") as file:
        content = file.read()
    json.loads(content)
    name = b"collector:samples"
    section = number(len(name)) + name + content.encode()
    with open(component, "ab") as file:
        file.write(b"\0" + number(len(section)) + section)


main()
