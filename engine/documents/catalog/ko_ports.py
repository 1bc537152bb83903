"""Korean: what can be wrong with the name of a port, and with how a device is asked."""

from __future__ import annotations

from typing import Final

from engine.documents.catalog.entry import Entry

ENTRIES: Final[dict[str, Entry]] = {
    "bad-port-name": Entry(
        "'{port}'{port:은/는} USB 어댑터의 이름이 아닙니다",
        "어댑터는 제조사와 제품 번호(와 일련번호), 또는 꽂힌 USB 위치로 부릅니다.",
        "usb:0403:6001, usb:0403:6001:일련번호, usb-location:1-1.4 가운데 하나로 쓰세요. "
        "'engine ports'가 꽂힌 것을 보여 줍니다",
    ),
    "protocol-not-asked": Entry(
        "{protocols} 장치는 묻지 않아도 스스로 보냅니다",
        "'poll'은 물음에 답하는 장치의 설정인데, 이 프로토콜에는 물음이 없습니다.",
        "'poll'을 지우세요",
    ),
    "protocol-without-id": Entry(
        "{protocols} 프레임에는 장치 번호가 없습니다",
        "'id'는 장치가 무게마다 함께 보내는 번호와 비교하는데, 이 프로토콜은 번호를 보내지 않습니다.",
        "'id'를 지우세요",
    ),
    "bad-device-id": Entry(
        "'{id}'{id:은/는} {protocols} 장치의 번호가 될 수 없습니다",
        "프레임에서 장치 번호는 글자 수가 정해져 있습니다.",
        "장치에 설정된 번호를 {length}글자로 '1'처럼 쓰세요",
    ),
    "rs485-over-network": Entry(
        "'rs485'는 이 컴퓨터의 포트에 쓰는 설정입니다('{port}'에는 쓸 수 없습니다)",
        "네트워크 너머의 회선은 그 회선이 연결된 시리얼 서버가 전환합니다.",
        "'rs485'를 지우고 시리얼 서버에서 설정하세요",
    ),
}
