"""HPACK (RFC 7541), the decoding half: bytes to names and values. What they mean is not known here."""
