"""Who a gateway says it is: the physical interface of the default route, never a random address (FR-01)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from net_support import EXAMPLES

from engine.net.identity import IdentityError, choose_interface, discover_identity, normalise_mac
from engine.net.interfaces import (
    Interface,
    NetworkTables,
    linux_default_route,
    linux_interfaces,
    named_as_virtual,
    read_tables,
)
from engine.net.mac import parse_mac

HEADER = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
ETHERNET = Interface("eth0", "3C:52:82:00:00:01", "192.168.0.10", is_physical=True)
WIFI = Interface("wlan0", "3C:52:82:00:00:02", "192.168.0.11", is_physical=True)
DOCKER = Interface("docker0", "02:42:AC:11:00:01", "172.17.0.1")
LOOPBACK = Interface("lo", "", "127.0.0.1")


def route(name, destination="00000000", mask="00000000", metric=0, flags="0003"):
    return f"{name}\t{destination}\t0100A8C0\t{flags}\t0\t0\t{metric}\t{mask}\t0\t0\t0\n"


def make_sysfs(root, **interfaces):
    """A /sys/class/net of interfaces given as (address, files and folders)."""
    for name, (address, *entries) in interfaces.items():
        folder = root / name.replace("_", ".")
        folder.mkdir()
        (folder / "address").write_text(address + "\n")
        for entry in entries:
            path, _, text = entry.partition("=")
            if text:
                (folder / path).write_text(text + "\n")
            else:
                (folder / path).mkdir()
    return root


@pytest.mark.parametrize(
    ("interfaces", "default_route", "chosen"),
    [
        ([LOOPBACK, ETHERNET, WIFI, DOCKER], "eth0", "eth0"),
        ([LOOPBACK, ETHERNET, WIFI, DOCKER], "wlan0", "wlan0"),
        ([LOOPBACK, WIFI, ETHERNET, DOCKER], None, "eth0"),
        ([LOOPBACK, ETHERNET, Interface("tun0", "", "10.8.0.2")], "tun0", "eth0"),
        ([LOOPBACK, ETHERNET], "gone0", "eth0"),
        ([ETHERNET, WIFI, Interface("br0", "3C:52:82:00:00:02", "10.0.0.5", lower=("veth1", "wlan0"))], "br0", "wlan0"),
        ([ETHERNET, WIFI, Interface("wlan0.10", WIFI.mac_address, "10.0.0.5", lower=("wlan0",))], "wlan0.10", "wlan0"),
        (
            [ETHERNET, WIFI, Interface("br0", lower=("bond0.7",)), Interface("bond0.7", lower=("bond0",)),
             Interface("bond0", lower=("wlan0",))],
            "br0",
            "wlan0",
        ),
        ([ETHERNET, Interface("a", lower=("b",)), Interface("b", lower=("a",))], "a", "eth0"),
    ],
    ids=["laptop on cable", "laptop on Wi-Fi", "no route: first by name", "VPN", "route to nowhere", "bridge", "VLAN",
         "bridge on VLAN on bond", "a ring, which no system makes"],
)  # fmt: skip
def test_the_physical_interface_under_the_default_route_names_the_gateway(interfaces, default_route, chosen):
    assert choose_interface(NetworkTables(tuple(interfaces), default_route)).name == chosen


def test_a_container_has_no_physical_interface_and_is_told_to_write_an_address():
    tables = NetworkTables((LOOPBACK, Interface("eth0", "02:42:AC:11:00:02", "172.17.0.2")), "eth0")
    with pytest.raises(IdentityError, match=r"^gateway\.mac_address: no physical .* write an address"):
        discover_identity("hall", tables=tables)


def test_the_address_shown_is_the_default_routes_else_the_cards_else_loopback():
    bridge = Interface("br0", ETHERNET.mac_address, "10.0.0.5", lower=("eth0",))
    card = Interface("eth0", ETHERNET.mac_address, "", is_physical=True)
    by_bridge = discover_identity("hall", tables=NetworkTables((card, bridge), "br0"), hostname="pc")
    by_card = discover_identity("hall", tables=NetworkTables((ETHERNET,), None), hostname="pc")
    neither = discover_identity("hall", tables=NetworkTables((card,), None), hostname="pc")
    assert [found.ip_address for found in (by_bridge, by_card, neither)] == ["10.0.0.5", "192.168.0.10", "127.0.0.1"]
    assert {found.mac_address for found in (by_bridge, by_card, neither)} == {ETHERNET.mac_address}


def test_a_written_address_needs_no_interface_and_is_brought_into_form():
    identity = discover_identity("노량진 3번", "aa-bb-cc-dd-ee-01", tables=NetworkTables(()), hostname="h" * 300)
    assert (identity.mac_address, identity.ip_address, identity.name) == (
        "AA:BB:CC:DD:EE:01",
        "127.0.0.1",
        "노량진 3번",
    )
    assert len(identity.hostname) == 255


@pytest.mark.parametrize(
    "text", ["AA:BB:CC:DD:EE:01", "aa-bb-cc-dd-ee-01", "aabbccddee01", "aabb.ccdd.ee01", " AABBCCDDEE01 "]
)
def test_a_mac_address_may_be_written_in_every_usual_form(text):
    assert normalise_mac(text) == "AA:BB:CC:DD:EE:01"


@pytest.mark.parametrize(
    "text",
    ["", "auto ", "AA:BB:CC:DD:EE", "AA:BB:CC:DD:EE:0G", "AA:BB-CC:DD:EE:01", "AA:BB:CC:DD:EE:01:02",
     "٣٣:BB:CC:DD:EE:01", "00:00:00:00:00:00", "FF:FF:FF:FF:FF:FF", "01:00:5E:00:00:01"],
)  # fmt: skip
def test_what_is_no_address_of_one_interface_is_refused_with_the_way_to_write_it(text):
    with pytest.raises(IdentityError, match=r"^gateway\.mac_address: .*; ?\s*write"):
        normalise_mac(text)


@EXAMPLES
@given(st.text())
def test_any_text_is_a_mac_address_in_form_or_none(text):
    parsed = parse_mac(text)
    assert parsed is None or parse_mac(parsed) == parsed


@pytest.mark.parametrize(
    ("table", "name"),
    [
        (HEADER + route("eth0") + route("eth0", "0000A8C0", "00FFFFFF"), "eth0"),
        (HEADER + route("wlan0", metric=600) + route("eth0", metric=100), "eth0"),
        (HEADER + route("eth0", flags="0000") + route("ppp0", flags="0001"), "ppp0"),
        (HEADER + route("tun0", mask="00000080") + route("eth0"), "eth0"),
        (HEADER + route("eth0", "0000A8C0", "00FFFFFF"), None),
        (HEADER, None),
        ("", None),
        (HEADER + "eth0\tnonsense\n" + "eth0\tx\tx\tx\tx\tx\tx\tx\n", None),
    ],
    ids=["one", "lowest metric", "down, and a modem", "half of all by VPN", "none", "empty", "unreadable", "rubbish"],
)  # fmt: skip
def test_the_default_route_is_read_from_the_kernels_table(table, name):
    assert linux_default_route(table) == name


def test_sysfs_tells_cards_from_bridges_and_burnt_in_addresses_from_made_up_ones(tmp_path):
    root = make_sysfs(
        tmp_path,
        can0=("", "device"),
        docker0=("02:42:ac:11:00:01", "addr_assign_type=3"),
        enp3s0=("3c:52:82:00:00:01", "device", "addr_assign_type=0"),
        enp3s0_10=("3c:52:82:00:00:01", "lower_enp3s0"),
        ens18=("52:54:00:12:34:56", "device", "addr_assign_type=0"),
        ib0=("80:00:02:08:fe:80:00:00:00:00:00:00:e4:1d:2d:03:00:11:22:33", "device"),
        ifb0=("56:80:3f:c6:d6:33", "addr_assign_type=1"),
        lo=("00:00:00:00:00:00", "addr_assign_type=0"),
        usb0=("d6:11:22:33:44:55", "device", "addr_assign_type=1"),
        wlan0=("3c:52:82:00:00:02", "device", "addr_assign_type=3"),
        wlan1=("da:a1:19:00:00:02", "device", "addr_assign_type=3"),
    )
    (root / "bonding_masters").write_text("")
    found = {i.name: i for i in linux_interfaces(root, {"enp3s0": "192.168.0.10"})}

    identifies = {name for name, interface in found.items() if interface.is_physical and interface.mac_address}
    assert identifies == {"enp3s0", "ens18", "wlan0"}
    assert found["enp3s0"] == Interface("enp3s0", "3C:52:82:00:00:01", "192.168.0.10", is_physical=True)
    assert found["enp3s0.10"].lower == ("enp3s0",)
    assert "bonding_masters" not in found


def test_a_system_without_sysfs_has_no_interfaces(tmp_path):
    assert linux_interfaces(tmp_path / "none", {}) == ()


@pytest.mark.parametrize(
    "name", ["vEthernet (WSL)", "VirtualBox Host-Only Network", "utun3", "bridge100", "lo0", "awdl0"]
)
def test_elsewhere_virtual_interfaces_are_known_by_their_names(name):
    assert named_as_virtual(name)


@pytest.mark.parametrize("name", ["Ethernet", "Ethernet 2", "Wi-Fi", "이더넷", "en0", "Local Area Connection"])
def test_elsewhere_the_other_names_are_cards(name):
    assert not named_as_virtual(name)


def test_the_tables_of_this_machine_can_be_read():
    tables = read_tables()
    assert any(interface.ip_address == "127.0.0.1" for interface in tables.interfaces)
    assert all(parse_mac(i.mac_address) == i.mac_address for i in tables.interfaces if i.mac_address)
