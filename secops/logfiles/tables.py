"""The tables that every log is turned into, and the SQL that does it for Zeek, Suricata and data loss prevention.

Times are UTC without a zone. A time below 1e8 counts from the start of a capture: such rows are marked `is_relative`.
"""

# ruff: noqa: S608 - the SQL is made of our own words; what comes from outside is a parameter or quoted

from collections.abc import Mapping, Sequence
from pathlib import Path

from secops.logfiles.catalogue import Kind, LogFile

VERSION = 5  # raise it when a table or its SQL changes: the cache is made again
RELATIVE_BELOW = 1e8  # seconds

TABLES: dict[str, dict[str, str]] = {
    "flows": {
        **{
            "seen_at": "TIMESTAMP",
            "is_relative": "BOOLEAN",
            "seconds": "DOUBLE",
            "uid": "VARCHAR",
            "source": "VARCHAR",
        },
        **{"orig": "VARCHAR", "orig_port": "INTEGER", "resp": "VARCHAR", "resp_port": "INTEGER"},
        **{"proto": "VARCHAR", "service": "VARCHAR", "orig_bytes": "BIGINT", "resp_bytes": "BIGINT"},
        "is_failed": "BOOLEAN",
    },
    "web": {
        **{"seen_at": "TIMESTAMP", "is_relative": "BOOLEAN", "uid": "VARCHAR", "source": "VARCHAR"},
        **{"orig": "VARCHAR", "orig_port": "INTEGER", "resp": "VARCHAR", "resp_port": "INTEGER"},
        **{"method": "VARCHAR", "host": "VARCHAR", "path": "VARCHAR", "status": "INTEGER"},
        **{"bytes_in": "BIGINT", "bytes_out": "BIGINT"},
        **{"user_agent": "VARCHAR", "referrer": "VARCHAR", "content_type": "VARCHAR"},
    },
    "shares": {
        **{"seen_at": "TIMESTAMP", "is_relative": "BOOLEAN", "uid": "VARCHAR"},
        **{"orig": "VARCHAR", "orig_port": "INTEGER", "resp": "VARCHAR", "resp_port": "INTEGER"},
        **{"action": "VARCHAR", "share": "VARCHAR", "path": "VARCHAR", "size": "BIGINT"},
    },
    "handled": {
        **{"seen_at": "TIMESTAMP", "is_relative": "BOOLEAN", "login": "VARCHAR", "host": "VARCHAR"},
        **{"operation": "VARCHAR", "path": "VARCHAR", "size": "BIGINT", "target": "VARCHAR", "serial": "VARCHAR"},
    },
    "inventory": {
        **{"seen_at": "TIMESTAMP", "is_relative": "BOOLEAN", "host": "VARCHAR", "path": "VARCHAR", "size": "BIGINT"},
        **{"sha256": "VARCHAR", "sha1": "VARCHAR", "md5": "VARCHAR", "tlsh": "VARCHAR"},
    },
    "names": {"seen_at": "TIMESTAMP", "is_relative": "BOOLEAN", "uid": "VARCHAR", "name": "VARCHAR"},
    "leases": {
        **{"seen_at": "TIMESTAMP", "is_relative": "BOOLEAN", "address": "VARCHAR", "mac": "VARCHAR"},
        **{"hostname": "VARCHAR", "seconds": "DOUBLE"},
    },
    "events": {
        **{
            "seen_at": "TIMESTAMP",
            "is_relative": "BOOLEAN",
            "host": "VARCHAR",
            "event": "INTEGER",
            "provider": "VARCHAR",
        },
        **{
            "image": "VARCHAR",
            "command_line": "VARCHAR",
            "account": "VARCHAR",
            "pid": "BIGINT",
            "guid": "VARCHAR",
        },
        **{"parent_image": "VARCHAR", "parent_command_line": "VARCHAR", "parent_guid": "VARCHAR"},
        **{"target": "VARCHAR", "value": "VARCHAR", "action": "VARCHAR", "sha256": "VARCHAR"},
        **{"signer": "VARCHAR", "is_signed": "BOOLEAN", "peer": "VARCHAR", "peer_port": "BIGINT"},
        **{"peer_name": "VARCHAR", "address": "VARCHAR", "logon": "VARCHAR", "logon_kind": "BIGINT"},
        **{"device_id": "VARCHAR", "device_name": "VARCHAR", "size": "BIGINT", "object_kind": "VARCHAR"},
        **{"task": "VARCHAR", "message": "VARCHAR", "sha1": "VARCHAR", "md5": "VARCHAR", "imphash": "VARCHAR"},
        **{"original_name": "VARCHAR", "company": "VARCHAR", "product": "VARCHAR", "description": "VARCHAR"},
        **{"integrity": "VARCHAR", "directory": "VARCHAR"},
    },
}
TABLES_OF: dict[Kind, tuple[str, ...]] = {
    Kind.CONN: ("flows",),
    Kind.HTTP: ("web", "names"),
    Kind.SSL: ("names",),
    Kind.DHCP: ("leases",),
    Kind.SMB: ("shares", "names"),
    Kind.EVE: ("flows", "web", "names"),
    Kind.WINDOWS: ("events",),
    Kind.DLP: ("handled",),
    Kind.FILES: ("inventory",),
}

ZEEK_FIELDS: dict[Kind, tuple[str, ...]] = {
    Kind.CONN: (
        *("ts", "uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "proto", "service", "duration"),
        *("orig_bytes", "resp_bytes", "conn_state"),
    ),
    Kind.HTTP: (
        *("ts", "uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "method", "host", "uri"),
        *(
            "status_code",
            "response_body_len",
            "request_body_len",
            "user_agent",
            "referrer",
            "resp_mime_types",
        ),
    ),
    Kind.SSL: ("ts", "uid", "server_name"),
    Kind.SMB: ("ts", "uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "action", "path", "name", "size"),
    Kind.DHCP: (
        "ts",
        "mac",
        "host_name",
        "client_fqdn",
        "assigned_addr",
        "assigned_ip",
        "lease_time",
        "msg_types",
    ),
}
EVE_FIELDS = {
    **dict.fromkeys(("timestamp", "flow_id", "event_type", "src_ip", "src_port", "dest_ip"), "VARCHAR"),
    **dict.fromkeys(("dest_port", "proto", "app_proto"), "VARCHAR"),
    "flow": 'STRUCT("start" VARCHAR, "end" VARCHAR, bytes_toserver VARCHAR, bytes_toclient VARCHAR, '
    "pkts_toclient VARCHAR)",
    "http": "STRUCT(hostname VARCHAR, url VARCHAR, http_method VARCHAR, http_user_agent VARCHAR, "
    "http_refer VARCHAR, http_content_type VARCHAR, status VARCHAR, length VARCHAR)",
    "tls": "STRUCT(sni VARCHAR)",
}

DLP_FIELDS = dict.fromkeys(
    (
        *("CreationTime", "Operation", "UserId", "DeviceName", "ObjectId", "FileSize", "TargetFilePath"),
        *("TargetPrinterName", "TargetDomain", "RemovableMediaDeviceAttributes"),
    ),
    "VARCHAR",
)

INVENTORY_FIELDS = {  # Elastic Common Schema
    "@timestamp": "VARCHAR",
    "host": "STRUCT(name VARCHAR)",
    "file": "STRUCT(path VARCHAR, size VARCHAR, hash STRUCT(sha256 VARCHAR, sha1 VARCHAR, md5 VARCHAR, tlsh VARCHAR))",
}

_SECONDS = "try_cast(ts AS DOUBLE)"
_AT = (
    f"coalesce(try(make_timestamp(CAST({_SECONDS} * 1e6 AS BIGINT))), "
    "try_cast(ts AS TIMESTAMPTZ) AT TIME ZONE 'UTC') AS seen_at, "
    f"coalesce({_SECONDS} < {RELATIVE_BELOW}, FALSE) AS is_relative"
)
_ENDS = (
    'lower("id.orig_h") AS orig, coalesce(try_cast("id.orig_p" AS INTEGER), 0) AS orig_port, '
    'lower("id.resp_h") AS resp, coalesce(try_cast("id.resp_p" AS INTEGER), 0) AS resp_port'
)
_EVE_ENDS = (
    "lower(src_ip) AS orig, coalesce(try_cast(src_port AS INTEGER), 0) AS orig_port, "
    "lower(dest_ip) AS resp, coalesce(try_cast(dest_port AS INTEGER), 0) AS resp_port"
)
_EVE_AT = "try_cast({} AS TIMESTAMPTZ) AT TIME ZONE 'UTC' AS seen_at, FALSE AS is_relative"
_UNANSWERED = "('S0', 'REJ', 'RSTOS0', 'RSTRH', 'SH', 'SHR')"

SELECTS: dict[tuple[Kind, str], str] = {
    (Kind.CONN, "flows"): f"""
        SELECT {_AT}, coalesce(try_cast(duration AS DOUBLE), 0) AS seconds, uid, 'zeek' AS source, {_ENDS},
            coalesce(lower(proto), '') AS proto, coalesce(service, '') AS service,
            coalesce(try_cast(orig_bytes AS BIGINT), 0) AS orig_bytes,
            coalesce(try_cast(resp_bytes AS BIGINT), 0) AS resp_bytes,
            coalesce(conn_state IN {_UNANSWERED}, FALSE)
                OR coalesce(try_cast(resp_bytes AS BIGINT), 0) = 0 AS is_failed
        FROM raw WHERE ts IS NOT NULL AND "id.resp_h" IS NOT NULL""",
    (Kind.HTTP, "web"): f"""
        SELECT {_AT}, uid, 'zeek' AS source, {_ENDS}, coalesce(method, '') AS method, coalesce(host, '') AS host,
            coalesce(uri, '') AS path, try_cast(status_code AS INTEGER) AS status,
            coalesce(try_cast(response_body_len AS BIGINT), 0) AS bytes_in,
            coalesce(try_cast(request_body_len AS BIGINT), 0) AS bytes_out,
            coalesce(user_agent, '') AS user_agent, coalesce(referrer, '') AS referrer,
            regexp_replace(coalesce(resp_mime_types, ''), '["\\[\\]]', '', 'g') AS content_type
        FROM raw WHERE ts IS NOT NULL AND "id.resp_h" IS NOT NULL""",
    (
        Kind.HTTP,
        "names",
    ): f"SELECT {_AT}, uid, lower(host) AS name FROM raw WHERE ts IS NOT NULL AND host <> ''",
    (Kind.SSL, "names"): f"""
        SELECT {_AT}, uid, lower(server_name) AS name FROM raw WHERE ts IS NOT NULL AND server_name <> ''""",
    (Kind.DHCP, "leases"): f"""
        SELECT {_AT}, coalesce(assigned_addr, assigned_ip) AS address, lower(mac) AS mac,
            coalesce(host_name, client_fqdn, '') AS hostname,
            least(coalesce(try_cast(lease_time AS DOUBLE), 0), 315360000) AS seconds
        FROM raw WHERE ts IS NOT NULL AND address IS NOT NULL AND mac IS NOT NULL
            AND (msg_types IS NULL OR contains(upper(msg_types), 'ACK'))""",
    (Kind.SMB, "shares"): f"""
        SELECT {_AT}, uid, {_ENDS}, replace(coalesce(action, ''), 'SMB::', '') AS action, coalesce(path, '') AS share,
            name AS path, coalesce(try_cast("size" AS BIGINT), 0) AS "size"
        FROM raw WHERE ts IS NOT NULL AND name <> ''""",
    (Kind.SMB, "names"): f"""
        SELECT {_AT}, uid, upper(split_part(path, chr(92), 3)) AS name
        FROM raw WHERE ts IS NOT NULL AND starts_with(path, repeat(chr(92), 2))""",
    (Kind.EVE, "flows"): f"""
        SELECT {_EVE_AT.format('coalesce(flow."start", "timestamp")')},
            greatest(0, epoch(try_cast(flow."end" AS TIMESTAMPTZ)) - epoch(try_cast(flow."start" AS TIMESTAMPTZ)))
                AS seconds,
            flow_id AS uid, 'suricata' AS source, {_EVE_ENDS}, coalesce(lower(proto), '') AS proto,
            CASE WHEN app_proto = 'failed' THEN '' ELSE coalesce(app_proto, '') END AS service,
            coalesce(try_cast(flow.bytes_toserver AS BIGINT), 0) AS orig_bytes,
            coalesce(try_cast(flow.bytes_toclient AS BIGINT), 0) AS resp_bytes,
            coalesce(try_cast(flow.pkts_toclient AS BIGINT), 0) = 0 AS is_failed
        FROM raw WHERE event_type = 'flow' AND dest_ip IS NOT NULL AND "timestamp" IS NOT NULL""",
    (Kind.EVE, "web"): f"""
        SELECT {_EVE_AT.format('"timestamp"')}, flow_id AS uid, 'suricata' AS source, {_EVE_ENDS},
            coalesce(http.http_method, '') AS method, coalesce(http.hostname, '') AS host,
            coalesce(http.url, '') AS path, try_cast(http.status AS INTEGER) AS status,
            coalesce(try_cast(http.length AS BIGINT), 0) AS bytes_in, CAST(0 AS BIGINT) AS bytes_out,
            coalesce(http.http_user_agent, '') AS user_agent, coalesce(http.http_refer, '') AS referrer,
            coalesce(http.http_content_type, '') AS content_type
        FROM raw WHERE event_type = 'http' AND dest_ip IS NOT NULL AND "timestamp" IS NOT NULL""",
    (Kind.EVE, "names"): f"""
        SELECT {_EVE_AT.format('"timestamp"')}, flow_id AS uid, lower(coalesce(tls.sni, http.hostname)) AS name
        FROM raw WHERE event_type IN ('tls', 'http') AND coalesce(tls.sni, http.hostname) <> ''
            AND "timestamp" IS NOT NULL""",
    (Kind.DLP, "handled"): """
        SELECT try_cast(CreationTime AS TIMESTAMP) AS seen_at, FALSE AS is_relative,
            lower(split_part(split_part(UserId, '@', 1), chr(92), -1)) AS login,
            lower(split_part(DeviceName, '.', 1)) AS host, Operation AS operation, coalesce(ObjectId, '') AS path,
            coalesce(try_cast(FileSize AS BIGINT), 0) AS "size",
            coalesce(TargetFilePath, TargetPrinterName, TargetDomain, '') AS target,
            coalesce(try(json_extract_string(RemovableMediaDeviceAttributes, '$.SerialNumber')), '') AS serial
        FROM raw WHERE CreationTime IS NOT NULL AND UserId <> '' AND Operation <> ''""",
    (Kind.FILES, "inventory"): f"""
        SELECT {_EVE_AT.format('"@timestamp"')}, upper(split_part(host.name, '.', 1)) AS host, file.path AS path,
            coalesce(try_cast(file.size AS BIGINT), 0) AS "size", coalesce(lower(file.hash.sha256), '') AS sha256,
            coalesce(lower(file.hash.sha1), '') AS sha1, coalesce(lower(file.hash.md5), '') AS md5,
            coalesce(upper(file.hash.tlsh), '') AS tlsh
        FROM raw WHERE "@timestamp" IS NOT NULL AND host.name <> '' AND file.path <> ''""",
}


def quoted(text: str | Path) -> str:
    """A text as SQL literal; COPY and table functions inside it take no parameters."""
    return "'" + str(text).replace("'", "''") + "'"


def raw_relation(log: LogFile, path: Path) -> str:
    """SQL of the file as it is, every wanted field as text and NULL where the file has none or leaves it unset."""
    packing = "gzip" if log.is_packed and path == log.path else "none"
    if log.kind is Kind.EVE:
        return f"SELECT * FROM {_json_lines(path, EVE_FIELDS, packing)}"
    if log.kind is Kind.DLP:
        return f"SELECT * FROM {_json_lines(path, DLP_FIELDS, packing)}"
    if log.kind is Kind.FILES:
        return f"SELECT * FROM {_json_lines(path, INVENTORY_FIELDS, packing)}"
    if log.is_tsv:
        return _zeek_table(log, path, packing)
    return _zeek_json(path, ZEEK_FIELDS[log.kind], packing)


def _json_lines(path: Path, columns: Mapping[str, str], packing: str) -> str:
    """A half-written or broken line becomes a row of NULLs, which every SELECT leaves out."""
    shape = ", ".join(f"{quoted(name)}: {quoted(kind)}" for name, kind in columns.items())
    return (
        f"read_json({quoted(path)}, format = 'newline_delimited', columns = {{{shape}}}, ignore_errors = true, "
        f"compression = {quoted(packing)})"
    )


def _zeek_json(path: Path, wanted: Sequence[str], packing: str) -> str:
    names = {name: (name, name.replace(".", "_")) if "." in name else (name,) for name in wanted}
    columns = {written: "VARCHAR" for ways in names.values() for written in ways}
    picked = ", ".join(
        "coalesce(" + ", ".join(f'"{way}"' for way in ways) + f') AS "{name}"' for name, ways in names.items()
    )
    return f"SELECT {picked} FROM {_json_lines(path, columns, packing)}"


def _zeek_table(log: LogFile, path: Path, packing: str) -> str:
    """A line that stops before its last field is not yet written; #close lines stop there too."""
    own = [f"column_{number}" for number in range(len(log.fields))]
    shape = ", ".join(f"{quoted(name)}: 'VARCHAR'" for name in own)
    picked = ", ".join(
        f"nullif(nullif({own[log.fields.index(name)]}, '-'), '(empty)') AS \"{name}\""
        if name in log.fields
        else f'CAST(NULL AS VARCHAR) AS "{name}"'
        for name in ZEEK_FIELDS[log.kind]
    )
    return (
        f"SELECT {picked} FROM read_csv({quoted(path)}, delim = {quoted(log.separator)}, quote = '', escape = '', "
        f"header = false, skip = {log.header_lines}, auto_detect = false, null_padding = true, "
        f"nullstr = '\x01', ignore_errors = true, columns = {{{shape}}}, "
        f"compression = {quoted(packing)}) WHERE {own[-1]} IS NOT NULL"
    )
