"""English: what can be wrong with the name of a port, and with how a device is asked."""

from __future__ import annotations

from typing import Final

from engine.documents.catalog.entry import Entry

ENTRIES: Final[dict[str, Entry]] = {
    "bad-port-name": Entry(
        "'{port}' names no USB adapter",
        "An adapter is named by vendor and product (and serial number), or by the USB socket that it hangs on.",
        "write usb:0403:6001, usb:0403:6001:SERIAL or usb-location:1-1.4; 'engine ports' shows what is here",
    ),
    "protocol-not-asked": Entry(
        "devices of {protocols} are not asked, they send by themselves",
        "'poll' is for a device that answers a question, and this protocol has none.",
        "remove 'poll'",
    ),
    "protocol-without-id": Entry(
        "frames of {protocols} do not say from which device they are",
        "'id' is compared with the number that a device sends with each weight, and this protocol has none.",
        "remove 'id'",
    ),
    "bad-device-id": Entry(
        "'{id}' is not the id of a device of {protocols}",
        "Its frames have a fixed number of characters for it.",
        "write the number that the device is set to, {length} characters long, as in '1'",
    ),
    "rs485-over-network": Entry(
        "'rs485' is for a port of this machine, not for '{port}'",
        "The line behind a network is switched by the serial server that it hangs on.",
        "remove 'rs485' and set it on the serial server",
    ),
}
