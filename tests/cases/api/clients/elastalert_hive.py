"""Run with ElastAlert 2: a rule of its own form, whose hive alerter sends what matched. Arguments: address, token."""

import sys
import tempfile
from datetime import timedelta
from pathlib import Path

from elastalert.loaders import FileRulesLoader

url, token, _ = sys.argv[1:]
host, port = url.rsplit(":", 1)  # the port takes the path along: ElastAlert knows no other place for it

RULE = f"""
name: ssh brute force
type: any
index: logs-*
timestamp_field: "@timestamp"
alert: [hivealerter]
hive_connection:
  hive_host: {host}
  hive_port: {port}
  hive_apikey: {token}
hive_alert_config:
  type: external
  source: elastalert
  description: seen on {{0}}
  description_args: [host.name]
  severity: 3
  tags: [source.ip, const]
  tlp: 2
  status: New
  follow: true
  customFields:
    - name: bu
      type: string
      value: fin
hive_observable_data_mapping:
  - ip: source.ip
  - domain: dns.query
    tlp: 1
    message: m
    tags: [dga]
"""
MATCH = {
    "@timestamp": "2026-11-01T10:00:00Z",
    "host": {"name": "web-1"},
    "source": {"ip": "203.0.113.9"},
    "dns": {"query": "evil.example"},
}
path = Path(tempfile.mkdtemp()) / "rule.yaml"
path.write_text(RULE)
conf = {"rules_folder": [str(path.parent)], "run_every": timedelta(minutes=1), "buffer_time": timedelta(minutes=15)}
conf |= {"es_host": "localhost", "es_port": 9200, "writeback_index": "elastalert"}
rule = FileRulesLoader(conf).load_configuration(str(path), conf)
(alerter,) = rule["alert"]
alerter.alert([MATCH])
alerter.alert([MATCH])  # with another UUID
alerter.alert([MATCH | {"source": {"ip": "203.0.113.10"}}])
