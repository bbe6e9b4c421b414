"""Huffman strings of RFC 7541 section 5.2, read a byte at a time.

The code is a tree; a state is an inner node of it. Where a whole byte leads from a node is worked out once
and remembered: at most 256 nodes by 256 bytes.
"""

from typing import Final

from authz.http2.codes import ConnectionFault, ErrorCode
from authz.http2.hpack.tables import CODE_LENGTHS

_EOS: Final = 256
_INVALID: Final = -1


def _tree() -> list[list[int]]:
    """Inner nodes as pairs: a child that is a node is its number, a symbol is `~symbol`."""
    nodes = [[0, 0]]
    code = length = 0
    for size, symbol in sorted((size, symbol) for symbol, size in enumerate(CODE_LENGTHS)):
        code <<= size - length
        length = size
        node = 0
        for depth in range(size - 1, 0, -1):
            bit = code >> depth & 1
            if not nodes[node][bit]:
                nodes.append([0, 0])
                nodes[node][bit] = len(nodes) - 1
            node = nodes[node][bit]
        nodes[node][code & 1] = ~symbol
        code += 1
    return nodes


_TREE: Final = _tree()


def _accepting() -> frozenset[int]:
    """States in which a string may end: less than a byte of ones past the last symbol (section 5.2)."""
    states, node = [0], 0
    for _ in range(7):
        node = _TREE[node][1]
        states.append(node)
    return frozenset(states)


_ACCEPTING: Final = _accepting()


class _Steps(dict[int, tuple[int, bytes]]):
    """By state x 256 + byte: the state after the byte, x 256, and the symbols that the byte ends."""

    def __missing__(self, key: int) -> tuple[int, bytes]:
        step = self[key] = _step(key)
        return step


_STEPS: Final = _Steps()


def _step(key: int) -> tuple[int, bytes]:
    node, byte = key >> 8, key & 0xFF
    symbols = bytearray()
    for shift in range(7, -1, -1):
        node = _TREE[node][byte >> shift & 1]
        if node < 0:
            if ~node == _EOS:
                return _INVALID, b""
            symbols.append(~node)
            node = 0
    return node << 8, bytes(symbols)


def decode(data: bytes) -> bytes:
    """The string that `data` encodes.

    Raises:
        ConnectionFault: It holds EOS, or padding that is too long or not of ones.
    """
    state = 0
    parts = []
    steps = _STEPS
    for byte in data:
        state, symbols = steps[state | byte]
        if state < 0:
            raise ConnectionFault(ErrorCode.COMPRESSION_ERROR, "EOS inside a Huffman string")
        parts.append(symbols)
    if state >> 8 not in _ACCEPTING:
        raise ConnectionFault(ErrorCode.COMPRESSION_ERROR, "wrong padding of a Huffman string")
    return b"".join(parts)
