"""The simulated company as one JSON document, from which the range's product APIs answer."""

from dataclasses import asdict
from typing import Any

from secops.practice.week.company import DOMAIN, NAME, Company
from secops.practice.week.hygiene import Installed, Patch
from secops.practice.week.intel import intel_of
from secops.practice.week.leases import LIFETIME, LeaseSpan, Renewal, spans_of
from secops.practice.week.log_files import stamp
from secops.practice.week.registrations import rdap_of

SUBNETS = {"Lisbon": 1, "Hamburg": 2}


def company_document(
    company: Company,
    renewals: list[Renewal],
    patches: dict[str, list[Patch]],
    software: dict[str, list[Installed]],
) -> dict[str, Any]:
    """People, devices, leases (in Kea's words, with start and end), what is known of them and of the outside."""
    return {
        "anchor": stamp(company.anchor),
        "seed": company.seed,
        "name": NAME,
        "domain": DOMAIN,
        "people": [asdict(person) for person in company.people.values()],
        "devices": [asdict(device) | {"fqdn": device.fqdn} for device in company.devices.values()],
        "leases": [_lease(company, span) for span in spans_of(renewals, company.anchor)],
        "intel": intel_of(company),
        "rdap": rdap_of(company),
        "patches": {name: [_patch(each) for each in every] for name, every in patches.items()},
        "software": {name: [_program(each) for each in every] for name, every in software.items()},
    }


def _lease(company: Company, span: LeaseSpan) -> dict[str, Any]:
    device = company.devices[span.device]
    return {
        "device": device.name,
        "ip-address": span.address,
        "hw-address": device.mac,
        "hostname": device.fqdn.lower(),
        "cltt": int(span.renewed),
        "valid-lft": LIFETIME,
        "state": 0 if span.end is None else 2,
        "subnet-id": SUBNETS[device.site],
        "starts_at": stamp(span.start),
        "ends_at": None if span.end is None else stamp(span.end),
    }


def _patch(patch: Patch) -> dict[str, Any]:
    return {
        "kb": patch.kb,
        "name": patch.name,
        "severity": patch.severity,
        "cve": patch.cve,
        "cves": 1,
        "released_at": stamp(patch.released_at),
        "installed_at": None if patch.installed_at is None else stamp(patch.installed_at),
    }


def _program(program: Installed) -> dict[str, Any]:
    return {
        "name": program.name,
        "version": program.version,
        "vendor": program.vendor,
        "installed_at": stamp(program.installed_at),
    }
