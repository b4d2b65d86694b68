"""The columns of Defender's advanced-hunting tables, so that a column without data is empty and not unknown."""

from secops.practice.kql.table_files import Tables

_LONG = frozenset(
    (
        *("InitiatingProcessId", "InitiatingProcessParentId", "InitiatingProcessFileSize"),
        *("InitiatingProcessSessionId", "InitiatingProcessLogonId", "ProcessId", "LocalPort", "RemotePort"),
        *("FileSize", "LogonId", "ReportId", "RequestSourcePort", "CreatedProcessSessionId", "OSBuild"),
    )
)
_BOOL = frozenset(
    (
        *("IsLocalAdmin", "IsAzureADJoined", "IsInitiatingProcessRemoteSession", "IsProcessRemoteSession"),
        *("IsInternetFacing", "IsCompliant", "IsApplicable", "IsExcluded", "IsExpectedUserImpact"),
        *("IsSigned", "IsTrusted", "IsRootSignerMicrosoft"),
    )
)

_EVENT = "Timestamp DeviceId DeviceName ActionType"
_FILE = "FileName FolderPath SHA1 SHA256 MD5 FileSize"
_REMOTE = "RemoteIP RemotePort RemoteUrl LocalIP LocalPort"
_STARTER = (
    "InitiatingProcessAccountDomain InitiatingProcessAccountName InitiatingProcessAccountSid "
    "InitiatingProcessAccountUpn InitiatingProcessAccountObjectId InitiatingProcessSHA1 "
    "InitiatingProcessSHA256 InitiatingProcessMD5 InitiatingProcessFileName InitiatingProcessFileSize "
    "InitiatingProcessVersionInfoCompanyName InitiatingProcessVersionInfoProductName "
    "InitiatingProcessVersionInfoProductVersion InitiatingProcessVersionInfoInternalFileName "
    "InitiatingProcessVersionInfoOriginalFileName InitiatingProcessVersionInfoFileDescription "
    "InitiatingProcessId InitiatingProcessCommandLine InitiatingProcessCreationTime "
    "InitiatingProcessFolderPath InitiatingProcessParentId InitiatingProcessParentFileName "
    "InitiatingProcessParentCreationTime InitiatingProcessIntegrityLevel InitiatingProcessTokenElevation "
    "InitiatingProcessLogonId InitiatingProcessSessionId InitiatingProcessSignerType "
    "InitiatingProcessSignatureStatus IsInitiatingProcessRemoteSession "
    "InitiatingProcessRemoteSessionDeviceName InitiatingProcessRemoteSessionIP"
)
_PROCESS = (
    "ProcessId ProcessCommandLine ProcessIntegrityLevel ProcessTokenElevation ProcessCreationTime "
    "AccountDomain AccountName AccountSid AccountUpn AccountObjectId LogonId"
)
_VERSION = (
    "ProcessVersionInfoCompanyName ProcessVersionInfoProductName ProcessVersionInfoProductVersion "
    "ProcessVersionInfoInternalFileName ProcessVersionInfoOriginalFileName ProcessVersionInfoFileDescription"
)
_REST = "ReportId AppGuardContainerId AdditionalFields"

_TABLES = {
    "DeviceInfo": (
        "Timestamp DeviceId DeviceName ClientVersion PublicIP OSArchitecture OSPlatform OSBuild "
        "IsAzureADJoined JoinType AadDeviceId LoggedOnUsers RegistryDeviceTag OSVersion MachineGroup "
        "ReportId OnboardingStatus AdditionalFields DeviceCategory DeviceType DeviceSubtype Model Vendor "
        "OSDistribution OSVersionInfo MergedDeviceIds MergedToDeviceId IsInternetFacing SensorHealthState "
        "IsExcluded ExclusionReason ExposureLevel AssetValue DeviceManualTags DeviceDynamicTags "
        "MitigationStatus CloudPlatforms"
    ),
    "DeviceNetworkInfo": (
        "Timestamp DeviceId DeviceName NetworkAdapterName MacAddress NetworkAdapterType "
        "NetworkAdapterStatus TunnelType ConnectedNetworks DnsAddresses IPv4Dhcp IPv6Dhcp DefaultGateways "
        "IPAddresses NetworkAdapterVendor ReportId"
    ),
    "DeviceLogonEvents": (
        f"{_EVENT} LogonType AccountDomain AccountName AccountSid Protocol FailureReason IsLocalAdmin "
        f"LogonId RemoteDeviceName RemoteIP RemoteIPType RemotePort {_STARTER} {_REST}"
    ),
    "DeviceProcessEvents": f"{_EVENT} {_FILE} {_VERSION} {_PROCESS} {_STARTER} {_REST}",
    "DeviceNetworkEvents": (f"{_EVENT} {_REMOTE} Protocol LocalIPType RemoteIPType {_STARTER} {_REST}"),
    "DeviceFileEvents": (
        f"{_EVENT} {_FILE} FileOriginUrl FileOriginReferrerUrl FileOriginIP PreviousFolderPath "
        "PreviousFileName RequestProtocol RequestSourceIP RequestSourcePort RequestAccountName "
        f"RequestAccountDomain RequestAccountSid ShareName SensitivityLabel {_STARTER} {_REST}"
    ),
    "DeviceRegistryEvents": (
        f"{_EVENT} RegistryKey RegistryValueType RegistryValueName RegistryValueData PreviousRegistryKey "
        f"PreviousRegistryValueName PreviousRegistryValueData {_STARTER} {_REST}"
    ),
    "DeviceEvents": (
        f"{_EVENT} {_FILE} {_PROCESS} {_REMOTE} RemoteDeviceName RegistryKey RegistryValueName "
        f"RegistryValueData FileOriginUrl FileOriginIP {_STARTER} {_REST}"
    ),
    "DeviceImageLoadEvents": f"{_EVENT} {_FILE} {_STARTER} {_REST}",
    "DeviceFileCertificateInfo": (
        "Timestamp DeviceId DeviceName SHA1 IsSigned SignatureType Signer SignerHash Issuer IssuerHash "
        "CertificateSerialNumber CrlDistributionPointUrls CertificateCreationTime CertificateExpirationTime "
        "CertificateCountersignatureTime IsTrusted IsRootSignerMicrosoft ReportId"
    ),
    "DeviceTvmSecureConfigurationAssessment": (
        "DeviceId DeviceName OSPlatform Timestamp ConfigurationId ConfigurationCategory "
        "ConfigurationSubcategory ConfigurationImpact IsCompliant IsApplicable Context IsExpectedUserImpact"
    ),
    "DeviceTvmSoftwareInventory": (
        "DeviceId DeviceName OSPlatform OSVersion OSArchitecture SoftwareVendor SoftwareName "
        "SoftwareVersion EndOfSupportStatus EndOfSupportDate ProductCodeCpe"
    ),
    "DeviceTvmSoftwareVulnerabilities": (
        "DeviceId DeviceName OSPlatform OSVersion OSArchitecture SoftwareVendor SoftwareName "
        "SoftwareVersion CveId VulnerabilitySeverityLevel RecommendedSecurityUpdate "
        "RecommendedSecurityUpdateId CveTags CveMitigationStatus"
    ),
}


def columns_of(table: str, tables: Tables) -> dict[str, str] | None:
    """Type by column: those of the product, then what the rows have beside them; None for no such table."""
    known = {name: _kind(name) for name in _TABLES.get(table, "").split()}
    if tables.has(table):
        return known | tables.columns(table)
    return known or None


def _kind(name: str) -> str:
    if name in _LONG:
        return "long"
    if name in _BOOL:
        return "bool"
    return "datetime" if name == "Timestamp" or name.endswith("Time") else "string"
