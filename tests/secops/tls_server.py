"""A web server of one answer and a certificate authority of one test run, for tests of the egress door."""

import socket
import ssl
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Authority:
    """A certificate authority of this test run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test authority")])
        self.path = str(folder / "ca.pem")
        usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
        own = self._signed(self.name, self.key, [(x509.BasicConstraints(ca=True, path_length=0), True), (usage, True)])
        Path(self.path).write_bytes(own)

    def context(self, name: str) -> ssl.SSLContext:
        """What a server with this name needs."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        chain = self._signed(subject, key, [(x509.SubjectAlternativeName([x509.DNSName(name)]), False)])
        path = self.folder / f"{name}.pem"
        path.write_bytes(chain + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    def _signed(self, subject: x509.Name, key: Any, extensions: list[Any]) -> bytes:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), False)
        )
        for extension, is_critical in extensions:
            builder = builder.add_extension(extension, is_critical)
        return builder.sign(self.key, SHA256()).public_bytes(Encoding.PEM)


class Server:
    """Answers each connection with the bytes it was given, slowly if asked."""

    def __init__(self, answer: bytes = OK, *, context: ssl.SSLContext | None = None, drip: float = 0) -> None:
        self.answer, self.context, self.drip, self.hits = answer, context, drip, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self) -> None:
        while True:
            try:
                raw, _ = self.listener.accept()
            except OSError:
                return
            self.hits += 1
            threading.Thread(target=self.talk, args=(raw,), daemon=True).start()

    def talk(self, raw: socket.socket) -> None:
        sock = raw
        with suppress(OSError):
            if self.context:
                sock = self.context.wrap_socket(raw, server_side=True)
            sock.recv(65536)
            step = 1 if self.drip else len(self.answer)
            for at in range(0, len(self.answer), step):
                sock.sendall(self.answer[at : at + step])
                time.sleep(self.drip)
        sock.close()
        raw.close()
