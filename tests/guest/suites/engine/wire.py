"""Protocol buffers' wire format, as much of it as the CRI needs: numbers, text, messages, maps."""

NUMBER, BYTES = 0, 2


def varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(number, value):
    """One field: a dict is a message, a list repeats; what is empty is left out, as zeros are."""
    if isinstance(value, list):
        return b"".join(field(number, item) for item in value)
    if isinstance(value, int):
        return varint(number << 3 | NUMBER) + varint(value) if value else b""
    if isinstance(value, dict):
        value = message(value)
    elif isinstance(value, str):
        value = value.encode()
    return varint(number << 3 | BYTES) + varint(len(value)) + value


def message(fields):
    return b"".join(field(number, value) for number, value in fields.items())


def text_map(pairs):
    return [{1: key, 2: value} for key, value in pairs.items()]


def read_varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def parse(data):
    """{number: the last value of that field}; messages stay bytes."""
    fields, at = {}, 0
    while at < len(data):
        key, at = read_varint(data, at)
        if key & 7 == NUMBER:
            fields[key >> 3], at = read_varint(data, at)
        elif key & 7 == BYTES:
            size, at = read_varint(data, at)
            fields[key >> 3] = data[at:at + size]
            at += size
        else:
            raise ValueError(f"wire type {key & 7}")
    return fields
