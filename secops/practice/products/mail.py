"""A mail server that delivers nothing and keeps every mail as a file."""

import asyncio
import uuid
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from secops.practice.products.faults import Fault, Faults
from secops.practice.products.world import World

MAX_MAIL = 5_000_000  # bytes


class Keeper:
    """Keeps what arrives in DATA/practice/mail/ as .eml, oldest first by name."""

    def __init__(self, world: World, faults: Faults) -> None:
        self.world, self._faults = world, faults
        self.folder = world.folder / "mail"
        self.folder.mkdir(exist_ok=True)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Called by aiosmtpd for each mail; the answer is what the sender reads."""
        fault = self._faults.take("DATA", "/smtp")
        return self._taken(envelope) if fault is None else await self._broken(server, envelope, fault)

    async def _broken(self, server: SMTP, envelope: Envelope, fault: Fault) -> str:
        if fault.kind == "status":
            return f"{fault.status} Not taken"
        if fault.kind == "lie":
            return "250 2.0.0 OK"
        if fault.kind == "delay":
            await asyncio.sleep(fault.seconds)
            return self._taken(envelope)
        if fault.kind == "late":
            asyncio.get_running_loop().call_later(fault.seconds, self._taken, envelope)
        elif fault.kind != "drop_before":
            self._taken(envelope)
        if fault.kind == "status_after":
            return f"{fault.status} Broken"
        if server.transport is not None:
            server.transport.close()
        return "421 Gone"

    def _taken(self, envelope: Envelope) -> str:
        content = envelope.content or b""
        raw = content.encode() if isinstance(content, str) else content
        number = f"{self.world.now():%Y%m%dT%H%M%S%f}-{uuid.uuid4().hex[:8]}"
        kept = self._keep(number, raw, envelope)
        subject = str(message_from_bytes(raw, policy=policy.default).get("Subject", ""))
        self.world.record_effect("mail", "", subject, to=list(envelope.rcpt_tos), file=kept.name)
        return f"250 2.0.0 OK queued as {number}"

    def _keep(self, number: str, raw: bytes, envelope: Envelope) -> Path:
        head = f"X-Practice-Range: simulated\r\nX-Envelope-From: {envelope.mail_from or '<>'}\r\n"
        head += "".join(f"X-Envelope-To: {to}\r\n" for to in envelope.rcpt_tos)
        half, path = self.folder / f"{number}.part", self.folder / f"{number}.eml"
        half.write_bytes(head.encode("utf-8", "replace") + raw)
        half.rename(path)
        return path


class MailServer:
    """SMTP without authentication on one port; `port` is the real one after `start`."""

    def __init__(self, world: World, faults: Faults, host: str, port: int) -> None:
        self._controller = _Controller(
            Keeper(world, faults), hostname=host, port=port, data_size_limit=MAX_MAIL, ident="practice range"
        )

    def start(self) -> None:
        """Listen; OSError when the port is taken."""
        self._controller.start()

    @property
    def port(self) -> int:
        return _bound_port(self._controller.server)

    def stop(self) -> None:
        self._controller.stop()


class _Controller(Controller):
    def _trigger_server(self) -> None:
        # aiosmtpd greets itself on the port it was given; with port 0 that is not the port it got.
        self.port = _bound_port(self.server)
        super()._trigger_server()  # type: ignore[no-untyped-call]


def _bound_port(server: Any) -> int:
    return int(server.sockets[0].getsockname()[1])
