"""A whole OpenStack Swift in one process, with its S3 API: Debian's python3-swift, run by Debian's own Python.

Called as `server.py FOLDER`; prints its port once it answers, and serves until its standard input ends.
"""

import sys
from array import array
from pathlib import Path

import eventlet

eventlet.monkey_patch()

from eventlet import listen, spawn, wsgi  # noqa: E402
from swift.account.server import AccountController  # noqa: E402
from swift.common import utils  # noqa: E402
from swift.common.ring import RingData  # noqa: E402

SWIFT_CONF = """
[swift-hash]
swift_hash_path_suffix = test
[storage-policy:0]
name = one
default = yes
"""
PROXY_CONF = """
[DEFAULT]
swift_dir = {folder}
[pipeline:main]
pipeline = catch_errors gatekeeper listing_formats s3api tempauth copy slo dlo versioned_writes symlink proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:s3api]
use = egg:swift#s3api
location = eu-test-1
min_segment_size = 1048576
[filter:tempauth]
use = egg:swift#tempauth
user_house_writer = a-secret .admin
user_other_nobody = a-secret
[filter:copy]
use = egg:swift#copy
[filter:symlink]
use = egg:swift#symlink
[filter:slo]
use = egg:swift#slo
[filter:dlo]
use = egg:swift#dlo
[filter:versioned_writes]
use = egg:swift#versioned_writes
allow_object_versioning = true
"""


class Cache:
    """What Swift keeps in memcached, for one process; nothing in it expires."""

    def __init__(self) -> None:
        self._kept: dict[str, object] = {}

    def get(self, key: str, *args: object, **kwargs: object) -> object:
        return self._kept.get(key)

    def set(self, key: str, value: object, **kwargs: object) -> None:
        self._kept[key] = value

    def delete(self, key: str, **kwargs: object) -> None:
        self._kept.pop(key, None)


def main(folder: Path) -> None:
    """Rings of one partition on one device, three storage servers of one worker, and the proxy in front of them."""
    (folder / "swift.conf").write_text(SWIFT_CONF)
    utils.SWIFT_CONF_FILE = str(folder / "swift.conf")
    utils.validate_hash_conf()
    from swift.common.storage_policy import reload_storage_policies

    reload_storage_policies()
    from swift.common.wsgi import loadapp
    from swift.container.server import ContainerController
    from swift.obj.server import ObjectController

    (folder / "disks" / "sda1" / "tmp").mkdir(parents=True)
    conf = {"swift_dir": str(folder), "devices": str(folder / "disks"), "mount_check": "false", "workers": "0"}
    for name, controller in (("account", AccountController), ("container", ContainerController)):
        _serve(folder, name, controller(conf))
    _serve(folder, "object", ObjectController(conf))
    (folder / "proxy.conf").write_text(PROXY_CONF.format(folder=folder))
    front = listen(("127.0.0.1", 0))
    proxy, cache = loadapp(str(folder / "proxy.conf")), Cache()
    spawn(wsgi.server, front, lambda env, start: proxy(env | {"swift.cache": cache}, start), log=None, log_output=False)
    print(front.getsockname()[1], flush=True)


def _serve(folder: Path, name: str, app: object) -> None:
    back = listen(("127.0.0.1", 0))
    port = back.getsockname()[1]
    device = {"id": 0, "region": 1, "zone": 1, "device": "sda1", "weight": 1.0, "ip": "127.0.0.1", "port": port}
    device |= {"replication_ip": "127.0.0.1", "replication_port": port, "meta": ""}
    RingData([array("H", [0])], [device], 32).save(str(folder / f"{name}.ring.gz"))
    spawn(wsgi.server, back, app, log=None, log_output=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
    while eventlet.tpool.execute(sys.stdin.buffer.read, 1):
        pass
