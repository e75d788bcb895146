"""What can be declared. Frozen types; `at` is the file:line:column a thing was declared at.

region.yml → Region's own keys · hosts.yml → Server (plain Ansible) · fibre.yml → Plant · drc.yml → Recovery ·
schedules.yml → Agenda · opd/<code>.yml → Opd. The loader joins them into one Region.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from ops.inventory.agenda import JOB_KINDS, Agenda, Freeze, JobKind, Schedule
from ops.inventory.backbone import BackboneDevice, DevicePort, Onu
from ops.inventory.centre import CommandCentre
from ops.inventory.declared import Declared
from ops.inventory.factory import Provision
from ops.inventory.gateways import Gateway
from ops.inventory.moments import WeeklyWindow
from ops.inventory.plant import BackbonePort, FibreNode, Location, Plant, Segment
from ops.inventory.polling import Snmp
from ops.inventory.probing import Probes
from ops.inventory.restitution import Terms
from ops.inventory.roster import Roster
from ops.inventory.scalars import (
    Address,
    Bandwidth,
    Code,
    Domain,
    Duration,
    IfName,
    Interface,
    Label,
    Name,
    Network,
    SecretName,
    SecretNames,
    Title,
    UserName,
)
from ops.inventory.second_place import CopyPlan
from ops.inventory.service import Probe, Service
from ops.inventory.telephony import Group, Menu, Numbering, Phone, Phones, Trunk

# declared in files of their own, found here with the rest
__all__ = [
    "JOB_KINDS",
    "Agenda",
    "BackboneDevice",
    "BackbonePort",
    "Declared",
    "DevicePort",
    "FibreNode",
    "Freeze",
    "Group",
    "JobKind",
    "Menu",
    "Numbering",
    "Onu",
    "Phone",
    "Phones",
    "Plant",
    "Probe",
    "Schedule",
    "Segment",
    "Service",
    "Trunk",
]

Share = Annotated[float, Field(ge=0, le=1)]
ClockTime = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
_HTTP = r"^(https?://[^\s\"{}]+)?$"


# ---- region.yml


class AddressPlan(Declared):
    datacentre: Network = Field(description="servers of the data centre")
    drc: Network = Field(description="servers of the recovery centre")
    transport: Network = Field(description="point-to-point networks between fibre nodes and office routers")
    offices: Network = Field(description="every office's LAN lies inside")


class Upstream(Declared):
    name: Name = Field(description="contracts of offices name it")
    provider: Title
    bandwidth: Bandwidth = Field(description="bits per second, each way")
    contract: Title = Field(default="", description="number of the agreement")
    availability: Annotated[float, Field(ge=0, le=100, description="percent promised per month")] = 99.5
    oversubscription: Annotated[
        float, Field(ge=1, le=20, description="the offices' contracts together may be this many times the bandwidth")
    ] = 1.0
    probes: tuple[Address, ...] = Field(
        default=(), description="addresses beyond the handover that answer echo; down when none of them does"
    )
    port: DevicePort | None = Field(
        default=None, description="the port that faces the provider; its counters tell the use, else the offices' sum"
    )
    terms: Terms | None = Field(default=None, description="what is given back when less is measured than promised")


class Policies(Declared):
    """Limits of the gate, beyond which a person's reason is needed; who must agree; when nothing changes."""

    change_share: Share = Field(default=0.3, description="share of all that one plan may change")
    delete_share: Share = Field(default=0.1, description="share of all that one plan may delete")
    change_count: Annotated[int, Field(ge=0, description="how many one plan may change")] = 500
    delete_count: Annotated[int, Field(ge=0, description="how many one plan may delete")] = 50
    protected: tuple[str, ...] = Field(
        default=(), description="patterns of kind:key that are never changed or deleted without a reason"
    )
    second_person: tuple[Literal["gate", "prune", "failover-drill"], ...] = Field(
        default=("gate", "prune", "failover-drill"),
        description="needs the approval of a second person; gate is a plan beyond the limits above",
    )
    approvers: tuple[UserName, ...] = Field(
        default=(), description="users who may approve; anybody but the asker when none is named"
    )
    history_days: Annotated[int, Field(ge=30, description="how long runs and who approved them are kept")] = 400
    freezes: tuple[Freeze, ...] = ()


class Station(Declared):
    """The machine that `ops` itself runs on, as the data centre sees it."""

    address: Address
    exporter_port: Annotated[int, Field(ge=1, le=65535)] = 9800


class Access(Declared):
    """How the station reaches servers and routers; keys and passwords by reference only."""

    user: Name = "kominfo"
    port: Annotated[int, Field(ge=1, le=65535)] = 22
    router_user: Name = "kominfo"
    router_secret: SecretName = "router/password"  # noqa: S105 # the name of a secret, not a secret
    snmp_secret: SecretName = "snmp/community"  # noqa: S105 # the name of a secret, not a secret
    snmp: Snmp | None = Field(default=None, description="how routers are asked; v2c with snmp_secret if none")


class Alerting(Declared):
    """Where alerts go. What is urgent reaches the regency's own office at any hour; offices are told by day only."""

    quiet_from: ClockTime = Field(
        default="21:00", description="by the region's clock; from then on only what is urgent"
    )
    quiet_until: ClockTime = Field(default="06:00", description="by the region's clock")
    webhook: str = Field(default="", pattern=_HTTP, description="address that takes every alert as JSON")
    smarthost: str = Field(default="", pattern=r"^([A-Za-z0-9.-]+:\d{1,5})?$", description="mail server, HOST:PORT")
    mail_from: str = Field(default="", description="sender of mail")
    mail_to: tuple[str, ...] = Field(default=(), description="the regency's own office")
    mail_user: str = Field(default="", description="its name at the mail server; none when it asks for none")
    telegram_chat: int | None = Field(default=None, description="chat of the regency's own office")
    gateways: tuple[Gateway, ...] = Field(default=(), description="people outside; `webhook` then names the suite")
    heartbeat: str = Field(
        default="", pattern=_HTTP, description="address outside that hears from us each minute, and misses us"
    )
    heartbeat_secret: SecretName | None = Field(default=None, description="what that address ends with, if secret")
    mail_secret: SecretName = "alerts/mail"  # noqa: S105 # the name of a secret, not a secret
    telegram_secret: SecretName = "alerts/telegram"  # noqa: S105 # the name of a secret, not a secret


class RegionFile(Declared):
    name: Title = Field(description="the regency's name")
    code: Code
    timezone: str = Field(description="IANA name, as `Asia/Jakarta`")
    domain: Domain = Field(description="every office's web names lie below it")
    addresses: AddressPlan
    numbering: Numbering
    upstreams: tuple[Upstream, ...]
    policies: Policies = Policies()
    station: Station
    access: Access = Access()
    alerting: Alerting = Alerting()
    roster: Roster = Roster()
    command_centre: CommandCentre = CommandCentre()
    probes: Probes = Field(default=Probes(), description="what is measured only where it is asked for")
    provision: Provision = Provision()


# ---- hosts.yml (read here, owned by Ansible)


class Server(Declared):
    name: Name
    address: Address
    groups: tuple[str, ...] = ()
    variables: dict[str, Any] = Field(default={})


# ---- drc.yml


class RetentionPolicy(Declared):
    daily: Annotated[int, Field(ge=1, description="how many are kept")] = 14
    weekly: Annotated[int, Field(ge=0, description="how many are kept")] = 8
    monthly: Annotated[int, Field(ge=0, description="how many are kept")] = 12


class Vault(Declared):
    server: Name = Field(description="the DRC server that runs the append-only rest-server")
    port: Annotated[int, Field(ge=1, le=65535)] = 8000


class DrillPlan(Declared):
    server: Name = Field(description="the DRC server that drills restore on")


class Escrow(Declared):
    """The key for the day when station and hosts are gone, in shares with officials."""

    holders: tuple[Title, ...] = Field(description="who keeps one share each, by name and office")
    threshold: Annotated[int, Field(ge=2, le=16, description="how many shares open a backup")] = 3


class UploadWindow(Declared):
    """Hours in which backups go slowly, so that an office's line is left to its work."""

    hours: Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$")] = Field(
        description="as `07:00-17:00`, by the region's clock; 22:00-04:00 goes over midnight"
    )
    upload: Bandwidth = Field(description="bits per second that one backup may send")

    @property
    def window(self) -> dict[str, str | int]:
        """As hosts read it: restic counts in KiB per second."""
        begin, _, end = self.hours.partition("-")
        return {"from": begin, "until": end, "kib_per_second": max(1, self.upload // 8192)}


class Recovery(Declared):
    vault: Vault
    drills: DrillPlan
    retention: RetentionPolicy = RetentionPolicy()
    copy_to: CopyPlan | None = Field(default=None, description="where every repository is copied to, file by file")
    keys: SecretNames = Field(default={}, description="what for: the name of the secret")
    escrow: Escrow | None = None
    taken_by: Literal["station", "hosts"] = Field(
        default="station", description="station: schedules with job backup; hosts: each by its own systemd timers"
    )
    slow_hours: tuple[UploadWindow, ...] = Field(default=(), description="when backups send slowly")

    def kept_of(self, declared: BackupSet) -> RetentionPolicy:
        """How many backups of that set are kept."""
        return declared.retention or self.retention


# ---- opd/<code>.yml


class Contact(Declared):
    role: Title = Field(description="what this person is asked about")
    name: Title
    phone: str = ""
    email: str = ""


class Site(Declared):
    name: Name
    address: Title = Field(description="street and number")
    location: Location = Field(description="latitude, longitude in degrees")


class Router(Declared):
    name: Name
    site: Name = Field(description="one of this office's sites")
    model: Name = Field(description="a file of ops/catalogue/devices")
    address: Address = Field(description="management address (loopback)")
    snmp: Snmp | None = Field(default=None, description="where it is asked otherwise than access.snmp says")


class FibreDrop(Declared):
    """The last stretch from a fibre node to the office."""

    node: Name = Field(description="a node of fibre.yml")
    km: Annotated[float, Field(gt=0, le=100, description="length of the cable")]
    splices: Annotated[int, Field(ge=0)] = 2
    connectors: Annotated[int, Field(ge=0)] = 2


class Contract(Declared):
    upstream: Name = Field(description="an upstream of region.yml")
    download: Bandwidth = Field(description="bits per second towards the office")
    upload: Bandwidth = Field(description="bits per second from the office")
    latency: Duration = Field(
        default=0.02, description="promised round trip to the data centre", json_schema_extra={"default": "20ms"}
    )
    availability: Annotated[float, Field(ge=0, le=100, description="percent promised per month")] = 99.0


class Link(Declared):
    name: Name
    router: Name = Field(description="one of this office's routers")
    ifname: IfName = Field(description="the router's fibre port, as its ifName")
    address: Interface = Field(description="the router's end of the point-to-point network")
    drop: FibreDrop
    rides: tuple[Name, ...] = Field(
        default=(), description="segments from the drop's node to the data centre, in order"
    )
    protected: bool = Field(
        default=True, description="goes round by another way when its own is cut; false for a core spliced through"
    )
    far: DevicePort | None = Field(
        default=None, description="the port at the fibre's other end; whether it or the fibre dims is told by its light"
    )
    onu: Onu | None = Field(default=None, description="where the office hangs on a passive optical network")
    lan: Network = Field(description="the office's own addresses behind this link")
    lan_ifname: IfName = Field(description="the router's LAN port, as its ifName")
    contract: Contract

    @property
    def far_end(self) -> DevicePort | None:
        """The port whose light reaches the office, where one is declared."""
        return self.far or (DevicePort(device=self.onu.olt, ifname=self.onu.port) if self.onu else None)


class WebHost(Declared):
    name: Label = Field(description="label below the region's domain; the office's DNS zone")
    server: Name = Field(description="a server of the group web in hosts.yml")
    aliases: tuple[Label, ...] = Field(default=(), description="further labels")


class BackupSet(Declared):
    name: Code
    kind: Literal["postgresql", "postgresql-physical", "mariadb", "mariadb-physical", "files", "sqlite"]
    server: Name = Field(description="the server in hosts.yml that holds it")
    source: str = Field(description="absolute path, the database's name, or the cluster's for a physical copy")
    rpo: Duration = Field(description="how much work may be lost at most")
    rto: Duration = Field(description="how long bringing it back may take at most")
    schedule: str = Field(default="daily", description="hourly, daily or weekly")
    owner: Title = Field(default="", description="who answers for it; the office when empty")
    retention: RetentionPolicy | None = Field(default=None, description="of this set alone; the region's when none")
    mount: bool = Field(default=False, description="whether source is a mount point: nothing is backed up without it")


class NoBackup(Declared):
    """A signed decision that there is no backup, and until when."""

    reason: Title
    until: str = Field(description="a date, as `2027-06-30`")
    signed_by: Title


class Waiver(NoBackup):
    """The same decision for one service of an office that backs up others."""

    service: Code = Field(description="what has no backup; its name beside the office's backup sets")


class Opd(Declared):
    code: Code = Field(description="short name, and the file's name")
    name: Title
    kind: Literal["sekretariat", "inspektorat", "dinas", "badan", "satuan", "rsud", "kecamatan", "kelurahan", "other"]
    kecamatan: Title
    contacts: tuple[Contact, ...] = ()
    sites: tuple[Site, ...]
    routers: tuple[Router, ...] = ()
    links: tuple[Link, ...] = ()
    web: tuple[WebHost, ...] = ()
    phones: Phones | None = None
    backup: tuple[BackupSet, ...] = ()
    services: tuple[Service, ...] = Field(default=(), description="what people use, proven by asking it (drills)")
    no_backup: NoBackup | None = Field(default=None, description="instead of backup")
    waivers: tuple[Waiver, ...] = Field(default=(), description="services that have no backup yet, each signed for")
    maintenance: tuple[WeeklyWindow, ...] = Field(
        default=(), description="when its network and services may be changed, by the region's clock; always when none"
    )


class Region(RegionFile):
    """Everything declared for one regency, joined. Collections are sorted by name, so order of files never matters."""

    servers: tuple[Server, ...]
    plant: Plant
    recovery: Recovery
    opds: tuple[Opd, ...]
    schedules: tuple[Schedule, ...] = ()

    def server(self, name: str) -> Server:
        """The declared server of that name. KeyError if there is none (a rule has refused such an inventory)."""
        return _by_name(self.servers, name)

    def group(self, group: str) -> tuple[Server, ...]:
        return tuple(server for server in self.servers if group in server.groups)

    def opd(self, code: str) -> Opd:
        for opd in self.opds:
            if opd.code == code:
                return opd
        raise KeyError(code)


def _by_name(servers: tuple[Server, ...], name: str) -> Server:
    for server in servers:
        if server.name == name:
            return server
    raise KeyError(name)
