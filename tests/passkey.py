"""A passkey made of a key pair: answers challenges as a browser and its device would, with real signatures."""

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from fido2.cose import ES256
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import Aaguid, AttestationObject, AttestedCredentialData, AuthenticatorData, CollectedClientData

PRESENT_AND_VERIFIED = AuthenticatorData.FLAG.UP | AuthenticatorData.FLAG.UV


@dataclass
class Passkey:
    """`counter` is the one of the next answer; `origin` is what the browser says it stands at."""

    origin: str = "http://testserver"
    counter: int = 1
    flags: AuthenticatorData.FLAG = PRESENT_AND_VERIFIED
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    id: bytes = b"a credential of ours"

    def made(self, options: dict[str, Any]) -> str:
        """The answer to `navigator.credentials.create`."""
        data = AttestedCredentialData.create(Aaguid.NONE, self.id, ES256.from_cryptography_key(self.key.public_key()))
        flags = self.flags | AuthenticatorData.FLAG.AT
        rp_hash = hashlib.sha256(options["publicKey"]["rp"]["id"].encode()).digest()
        auth_data = AuthenticatorData.create(rp_hash, flags, self._next(), data)
        response = {"attestationObject": websafe_encode(AttestationObject.create("none", auth_data, {}))}
        return self._answer(options, "webauthn.create", response)

    def used(self, options: dict[str, Any]) -> str:
        """The answer to `navigator.credentials.get`."""
        rp_hash = hashlib.sha256(options["publicKey"]["rpId"].encode()).digest()
        auth_data = AuthenticatorData.create(rp_hash, self.flags, self._next())
        client_data = self._client_data(options, "webauthn.get")
        signature = self.key.sign(auth_data + client_data.hash, ec.ECDSA(SHA256()))
        response = {"authenticatorData": websafe_encode(auth_data), "signature": websafe_encode(signature)}
        return self._answer(options, "webauthn.get", response)

    def _next(self) -> int:
        self.counter += 1
        return self.counter - 1

    def _client_data(self, options: dict[str, Any], what: str) -> CollectedClientData:
        challenge = websafe_decode(options["publicKey"]["challenge"])
        return CollectedClientData.create(what, challenge, self.origin)

    def _answer(self, options: dict[str, Any], what: str, response: dict[str, str]) -> str:
        name = websafe_encode(self.id)
        response["clientDataJSON"] = websafe_encode(self._client_data(options, what))
        return json.dumps({"id": name, "rawId": name, "type": "public-key", "response": response})
