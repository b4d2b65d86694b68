"""How healthy a device is, read from Defender's vulnerability management tables."""

from secops.connectors import microsoft_kql as kql
from secops.connectors.capabilities.devices import Posture
from secops.connectors.capabilities.identity import Host
from secops.connectors.microsoft_hunting import HuntingQuestions
from secops.connectors.microsoft_kql import Row, word

PACKAGES = "\\Component Based Servicing\\Packages\\"
MOST_CVES = 100  # asked for their date of publication
FIREWALL, DISKS = "scid-2070", "scid-2090"  # Microsoft's numbers of the two settings


class PostureQuestions(HuntingQuestions):
    """Four queries: the device, its settings, its missing updates, the last update that was installed."""

    def device_info(self, host: Host) -> Row:
        """What the EDR last said of the device; {} when it does not know it."""
        raise NotImplementedError

    def posture(self, host: Host) -> Posture | None:
        """None for a device that Defender does not know; a setting that does not apply stays None."""
        if not (where := kql.on_device(host)):
            return None
        if not (known := self.device_info(host)):
            return None
        wanted = kql.texts((FIREWALL, DISKS))
        settings = self.hunt(
            f"DeviceTvmSecureConfigurationAssessment | where {where} and ConfigurationId in {wanted}"
            " | distinct ConfigurationId, IsCompliant, IsApplicable | take 20"
        )
        missing = self.hunt(
            f"DeviceTvmSoftwareVulnerabilities | where {where} and isnotempty(RecommendedSecurityUpdateId)"
            " | distinct CveId, RecommendedSecurityUpdateId, RecommendedSecurityUpdate, VulnerabilitySeverityLevel"
            " | take 1000"
        )
        return _posture(known, settings, missing, self._patched(where, missing))

    def _patched(self, where: str, missing: list[Row]) -> Row:
        """How far behind: since when the oldest missing fix is out, else when the last one was installed."""
        if cves := sorted({word(row, "CveId") for row in missing})[:MOST_CVES]:
            rows = self.hunt(
                f"DeviceTvmSoftwareVulnerabilitiesKB | where CveId in {kql.texts(tuple(cves))}"
                " | summarize missing = min(PublishedDate)"
            )
        else:
            rows = self.hunt(
                f"DeviceRegistryEvents | where {where} and RegistryKey contains {kql.text(PACKAGES)}"
                " | summarize patched = max(Timestamp)"
            )
        return rows[0] if rows else {}


def _posture(device: Row, settings: list[Row], missing: list[Row], patched: Row) -> Posture:
    states = {word(row, "ConfigurationId"): row.get("IsCompliant") for row in settings if row.get("IsApplicable")}
    names = {word(row, "RecommendedSecurityUpdateId"): word(row, "RecommendedSecurityUpdate") for row in missing}
    critical = {
        word(row, "RecommendedSecurityUpdateId")
        for row in missing
        if word(row, "VulnerabilitySeverityLevel").lower() == "critical"
    }
    health = word(device, "SensorHealthState").lower()
    return Posture(
        device=kql.short(word(device, "DeviceName")),
        os=" ".join(part for part in (word(device, "OSPlatform"), word(device, "OSVersionInfo")) if part),
        last_seen_at=kql.time_of(device),
        is_agent_healthy=health == "active" if health else None,
        is_firewall_on=_bool(states.get(FIREWALL)),
        is_encrypted=_bool(states.get(DISKS)),
        missing_patches=[f"KB{number} {name}".strip() for number, name in sorted(names.items())],
        critical_patches=len(critical),
        last_patched_at=kql.time_of(patched, "patched"),  # None: not within the 30 days that are kept
        oldest_missing_at=kql.time_of(patched, "missing"),
        risk=word(device, "ExposureLevel"),
    )


def _bool(value: object) -> bool | None:
    return None if value is None else bool(value)
