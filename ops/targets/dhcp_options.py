"""What DHCP servers tell telephones. The files lie ready; which of them Kea or dnsmasq includes is the server's own."""

from __future__ import annotations

from ops.targets.host_files import HostFiles, Service, in_group

TARGET = HostFiles("dhcp-options", in_group("dhcp"), "/etc/kominfo/dhcp", Service(folder="0750"))
