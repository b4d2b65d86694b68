"""Devices, people and the connection of an OCSF finding: at its top in some products, in its evidence in others."""

from cases.intake.base import NormalDevice, NormalFlow, NormalPerson
from cases.intake.flows import read_flow
from cases.intake.identities import device, distinct, person
from cases.intake.paths import Document

SYSTEM = "3"  # type_id of a user that is the operating system
_MAX_PEOPLE = 50
_MACHINES = frozenset(  # types of resources in letters only: `AWS::EC2::Instance`, `Microsoft.Compute/virtualMachines`
    {
        "awsec2instance",
        "computegoogleapiscominstance",
        "computeinstance",
        "device",
        "endpoint",
        "host",
        "microsoftcomputevirtualmachines",
        "server",
        "virtualmachine",
        "workstation",
    }
)


def read_ocsf_devices(event: Document) -> tuple[NormalDevice, ...]:
    """The device of the finding, those of its evidence, and resources that are machines."""
    found = [_device(one) for one in event.objects("device", "evidences.device")]
    for one in event.objects("resources", "resource"):
        if "".join(filter(str.isalnum, one.text("type"))).casefold() in _MACHINES:
            found.append(_resource(one))
    return distinct(found)


def _device(one: Document) -> NormalDevice | None:
    """Its id is the product's own, which need not be the EDR that is connected here."""
    name, domain = one.text("hostname", "name"), one.text("domain")
    if name and "." in domain and "." not in name:
        name = f"{name}.{domain}"
    return device(
        name,
        agent_id=one.text("uid", "instance_uid", "hw_info.uuid", "hw_info.serial_number"),
        is_edr=False,
        mac_address=one.text("mac", "network_interfaces.mac"),
        ip=one.text("ip", "network_interfaces.ip"),
        os=one.text("os.name", "os.type"),
    )


def _resource(one: Document) -> NormalDevice | None:
    """By its host name, else by the id at the end of its ARN or path."""
    short = one.text("uid").rstrip("/").rpartition("/")[2]
    return device(one.text("hostname") or short or one.text("name"), agent_id=short, is_edr=False, ip=one.text("ip"))


def read_ocsf_people(event: Document) -> tuple[NormalPerson, ...]:
    """Who did it, and to whose account it was done."""
    actors = event.objects("actor.user", "evidences.actor.user")
    targets = event.objects("user", "evidences.user")
    found = [_person(one, "actor") for one in actors] + [_person(one, "target") for one in targets]
    return distinct(found)[:_MAX_PEOPLE]


def _person(one: Document, role: str) -> NormalPerson | None:
    if one.text("type_id") == SYSTEM:
        return None
    return person(
        one.text("name", "email_addr"),
        domain=one.text("domain"),
        sid=one.text("uid"),  # kept only where it is a SID
        upn=one.text("email_addr"),
        role=role,
    )


def read_ocsf_flow(event: Document) -> NormalFlow | None:
    """The ends of the first evidence that has any, else those at the top."""
    for one in (*event.objects("evidences"), event):
        found = read_flow(
            one,
            src_ip=("src_endpoint.ip",),
            src_port=("src_endpoint.port",),
            dst_ip=("dst_endpoint.ip",),
            dst_port=("dst_endpoint.port",),
            proto=("connection_info.protocol_name",),
            direction=("connection_info.direction",),
            bytes_out=("traffic.bytes_out",),
            bytes_in=("traffic.bytes_in",),
        )
        if found:
            return found
    return None
