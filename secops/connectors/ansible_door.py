"""The process that ssh starts in place of connecting: asks our own door for a socket and hands it to ssh.

Runs by itself (`python -I -S`), without the project: arguments are the door's path, the host and the port.
"""

import socket
import sys


def main() -> int:
    """OpenSSH (ProxyUseFdpass) takes the connected socket over our standard output, which is one itself."""
    path, host, port = sys.argv[1:4]
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as door:
        door.connect(path)
        door.sendall(f"{host} {port}\n".encode())
        _, opened, _, _ = socket.recv_fds(door, 1, 1)
    if not opened:
        return 1
    with socket.socket(fileno=1) as ssh:
        socket.send_fds(ssh, [b"\0"], opened)
    return 0


if __name__ == "__main__":
    sys.exit(main())
