"""The key service behind Pulumi's secrets: a loopback endpoint in the form of Vault's transit engine.

Pulumi encrypts the secrets of a stack with a data key (AES-256-GCM) and asks a key service to unwrap that key once per
run. The built-in passphrase service costs a million rounds of PBKDF2, about 0.2 CPU seconds, in each run; this one
costs one HTTP request. The stack's settings name it as :data:`URL` (https://gocloud.dev/howto/secrets/#vault), and only
the environment of a run says where it is and holds the token.

Pulumi opens the key before it runs a program, and no kind of key service does without either the network or something
in the environment. So Pulumi outside of `fleet pulumi` fails right there; the name of the key, which its error quotes,
says what to do.

No cipher is needed on this side. The data key of a stack is *derived* from the fleet's local key and the stack's name
(HMAC-SHA-256 as a key derivation function, RFC 5869 section 2.3 for one block), so that the "wrapped key" is
just the name with a tag that proves that this fleet's key belongs to it.
"""

from __future__ import annotations

import base64
import hmac
import json
import secrets
import socket
import threading
from contextlib import suppress

_KEY = "run-it-by-fleet-pulumi"
URL = f"hashivault://{_KEY}"
_PATHS = tuple(f"/v1/transit/decrypt/{key}" for key in (_KEY, "fleet"))
"""Where keys are unwrapped. States of earlier versions name it `fleet`."""
_PREFIX = "vault:v1:"
_KEY_SIZE = 32
_LIMIT = 64 * 1024
_TIMEOUT = 10.0


class KeyRing:
    """Data keys of stacks, derived from one local key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def wrapped(self, stack: str) -> str:
        """Return what stands for the stack's data key in its settings and state."""
        return _PREFIX + base64.b64encode(self._tag(stack) + stack.encode()).decode()

    def unwrap(self, wrapped: str) -> bytes | None:
        """Return the data key, or None where the text was not made with this fleet's key."""
        if not wrapped.startswith(_PREFIX):
            return None
        try:
            blob = base64.b64decode(wrapped[len(_PREFIX) :], validate=True)
            tag, stack = blob[:_KEY_SIZE], blob[_KEY_SIZE:].decode()
        except ValueError:
            return None
        if not hmac.compare_digest(tag, self._tag(stack)):
            return None
        return self._derive(f"pulumi data key\0{stack}")

    def encoded(self, stack: str) -> str:
        """Return :meth:`wrapped` as settings files and states hold it."""
        return base64.b64encode(self.wrapped(stack).encode()).decode()

    def opens(self, encoded: str) -> bool:
        """Say whether a state's key was made with this fleet's key."""
        try:
            return self.unwrap(base64.b64decode(encoded, validate=True).decode()) is not None
        except ValueError:
            return False

    def _tag(self, stack: str) -> bytes:
        return self._derive(f"pulumi key tag\0{stack}")

    def _derive(self, purpose: str) -> bytes:
        return hmac.digest(self._key, purpose.encode() + b"\x01", "sha256")


class SecretsEndpoint:
    """Serves the key ring on loopback, to those who hold the token of this process."""

    def __init__(self, ring: KeyRing) -> None:
        self.ring = ring
        self.token = secrets.token_urlsafe(32)
        self._socket = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, name="fleet-secrets", daemon=True).start()

    @property
    def environment(self) -> dict[str, str]:
        """Variables that tell a Pulumi process where the endpoint is."""
        port = self._socket.getsockname()[1]
        return {"VAULT_SERVER_URL": f"http://127.0.0.1:{port}", "VAULT_SERVER_TOKEN": self.token}

    def answer(self, method: str, path: str, token: str, body: bytes) -> tuple[int, dict[str, object]]:
        """Return the status and document for one request."""
        if not hmac.compare_digest(token.encode(), self.token.encode()):
            return 403, {"errors": ["permission denied"]}
        if method not in ("PUT", "POST") or path not in _PATHS:
            return 404, {"errors": ["only existing stacks of this fleet can be opened here"]}
        try:
            wrapped = json.loads(body)["ciphertext"]
        except (ValueError, KeyError, TypeError):
            return 400, {"errors": ["not a request to decrypt"]}
        key = self.ring.unwrap(wrapped) if isinstance(wrapped, str) else None
        if key is None:
            return 400, {"errors": ["wrapped with another key"]}
        # Vault's answer is base64 of what was encrypted.
        return 200, {"data": {"plaintext": base64.b64encode(key).decode()}}

    def close(self) -> None:
        """Stop serving."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        self._socket.close()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                connection, _ = self._socket.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        """Answer one request in as much of HTTP/1.1 as Vault's client speaks.

        The standard library's HTTP server would cost 20 ms to import.
        """
        connection.settimeout(_TIMEOUT)
        with suppress(OSError, ValueError), connection, connection.makefile("rb") as stream:
            method, path, _ = stream.readline(_LIMIT).decode("latin-1").split(" ", 2)
            headers = {}
            while line := stream.readline(_LIMIT).decode("latin-1").strip():
                name, _, value = line.partition(":")
                headers[name.strip().lower()] = value.strip()
            body = stream.read(min(int(headers.get("content-length", "0")), _LIMIT))
            status, document = self.answer(method, path, headers.get("x-vault-token", ""), body)
            payload = json.dumps(document).encode()
            head = f"HTTP/1.1 {status} {'OK' if status == 200 else 'Refused'}\r\n"
            head += f"Content-Type: application/json\r\nContent-Length: {len(payload)}\r\nConnection: close\r\n\r\n"
            connection.sendall(head.encode() + payload)
