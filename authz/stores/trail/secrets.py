"""The keys of the trail: one seals it, one makes the digests of arguments. Made once, for the owner only."""

import os
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from authz.audit.digest import Digester
from authz.audit.seal import Sealer
from authz.stores.trail.layout import TrailError, root_of

DIGEST_BYTES = 32


def open_digester(folder: Path) -> Digester:
    """The digester of this state folder; its key is made at first use.

    Raises:
        TrailError: the key can't be read or made.
    """
    path = root_of(folder) / "digest.key"
    key = _made_once(path, os.urandom(DIGEST_BYTES))
    if len(key) != DIGEST_BYTES:
        raise TrailError(f"{path}: {DIGEST_BYTES} bytes expected; restore it from a backup")
    return Digester(key)


def open_sealer(root: Path, path: Path | None = None) -> Sealer:
    """The sealing key, from `path` (outside of the state folder) or of the trail's own; made at first use.

    Where it is kept is noted beside the trail, so that every process that writes there uses the same.

    Raises:
        TrailError: the key can't be read or made.
    """
    place = _place_of_key(root, path)
    fresh = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem = _made_once(place, fresh)
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise TrailError(f"{place}: not an Ed25519 private key in PEM")
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    if _made_once(root / "seal.pub", public) != public:
        raise TrailError(f"{place}: not the key that this trail was sealed with so far")
    return Sealer(key)


def _place_of_key(root: Path, path: Path | None) -> Path:
    noted = root / "seal.path"
    if path is not None:
        before = _made_once(noted, str(path.absolute()).encode())
        if before != str(path.absolute()).encode():
            raise TrailError(f"{path}: this trail is sealed with {before.decode()}")
    try:
        return Path(noted.read_text()) if noted.exists() else root / "seal.key"
    except OSError as error:
        raise TrailError(f"{noted}: {(error.strerror or 'cannot be read').lower()}") from None


def read_public(path: Path) -> Ed25519PublicKey:
    """A public sealing key.

    Raises:
        TrailError: there is none.
    """
    try:
        key = serialization.load_pem_public_key(path.read_bytes())
    except (OSError, ValueError):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise TrailError(f"{path}: not a readable Ed25519 public key in PEM")
    return key


def _made_once(path: Path, fresh: bytes) -> bytes:
    """What `path` holds; `fresh` if it is not there yet. Two processes that both make it agree on one."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if path.exists():
            return path.read_bytes()
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            os.write(handle, fresh)
            os.fsync(handle)
        finally:
            os.close(handle)
        try:
            os.link(draft, path)  # fails if another was first, where a rename would replace its key
        except FileExistsError:
            pass
        finally:
            draft.unlink()
        return path.read_bytes()
    except OSError as error:
        raise TrailError(f"{path}: {(error.strerror or 'cannot be used').lower()}") from None
