"""Korean: what can be wrong with a test sequence, its limits and its drivers."""

from __future__ import annotations

from typing import Final

from engine.documents.catalog.entry import Entry

_MISSPELT: Final = "이름을 잘못 적었거나 선언하지 않았습니다."
_ONE_FOLDER: Final = (
    "패키지는 자기 폴더 안의 파일만 읽습니다. 링크를 거쳐도 마찬가지입니다. 그래야 옮기고 믿을 수 있습니다."
)

ENTRIES: Final[dict[str, Entry]] = {
    # 단계
    "duplicate-step": Entry(
        "이름이 '{name}'인 단계가 또 있습니다. 처음 것은 {first}에 있습니다",
        "단계 이름은 식과 기록에서 쓰는 주소입니다. 끼워 넣은 것까지 시퀀스 안에 하나뿐이어야 합니다.",
        "둘 중 하나의 이름을 바꾸거나, 'prefix'를 붙여 끼워 넣으세요",
    ),
    "step-kinds": Entry(
        "'{key}'{key:은/는} '{other}'{other:와/과} 함께 쓸 수 없습니다",
        "단계 하나는 한 가지 일을 합니다.",
        "단계를 둘로 나누거나 하나를 지우세요",
    ),
    "step-does-nothing": Entry(
        "이 단계는 하는 일이 없습니다",
        "무슨 일을 하는지는 단계의 키로 적습니다.",
        "다음 중 하나를 추가하세요: {known}",
    ),
    "misplaced-step-key": Entry(
        "'{key}'{key:은/는} '{step}' 단계에서 뜻이 없습니다",
        "다른 종류의 단계에 쓰는 키입니다.",
        "지우세요. 여기에 쓸 수 있는 키: {allowed}",
    ),
    "not-in-cleanup": Entry(
        "'{key}'{key:은/는} 정리(cleanup)에 쓸 수 없습니다",
        "정리는 앞 단계가 어떻게 되든 차례로 모두 실행하고, 누구도 기다리지 않습니다. 그래야 반드시 끝납니다.",
        "지우세요. 정리에는 call, prompt, wait, measure 단계만 둡니다",
    ),
    "retry-not-call": Entry(
        "'on_fail: retry'는 call에만 쓸 수 있습니다. 이것은 '{step}'입니다",
        "다시 실행할 수 있는 것은 명령뿐입니다. 다시 묻거나 기다려도 새로 알게 되는 것이 없습니다.",
        "stop이나 continue를 쓰거나, 단계들을 'until'이 있는 'repeat'에 넣으세요",
    ),
    "resumable-inside": Entry(
        "'repeat'나 'parallel' 안의 단계는 이어서 실행할 수 없습니다",
        "크래시 뒤에는 몇 번째 반복이었는지, 다른 쪽이 어디까지 갔는지 알 수 없습니다.",
        "'resumable'을 지우거나 단계를 밖으로 옮기세요",
    ),
    "too-many-steps": Entry(
        "단계가 {limit}개를 넘습니다",
        "다른 파일을 두 번 끼워 넣으면 두 배가 되고, 그 파일도 그러면 또 두 배가 됩니다.",
        "끼워 넣기를 줄이거나 'repeat'를 쓰세요",
    ),
    "include-cycle": Entry(
        "파일이 자기 자신을 끼워 넣습니다: {cycle}",
        "끼워 넣은 단계는 'include' 자리에 들어갑니다. 이대로는 끝이 없습니다.",
        "끼워 넣기 하나를 지우세요",
    ),
    "path-outside": Entry(
        "'{path}'{path:은/는} 패키지 폴더 안에 있지 않습니다", _ONE_FOLDER, "파일을 패키지 안으로 옮기세요"
    ),
    "later-result": Entry(
        "'{name}'{name:은/는} 그 결과를 쓰는 '{step}'보다 뒤에 있습니다",
        "단계는 적힌 차례대로 실행됩니다. 뒤에 있는 단계는 아직 결과가 없습니다.",
        "둘 중 하나를 옮기세요",
    ),
    "unknown-sequence": Entry(
        "'{name}'{name:이라는/라는} 시퀀스가 없습니다",
        _MISSPELT,
        "시퀀스: {known}. 또는 ./sequences/이름처럼 패키지의 폴더를 적으세요",
    ),
    "parameter-missing": Entry(
        "매개변수 '{name}'{name:을/를} 주지 않았습니다",
        "기본값이 없어서, 실행하는 쪽이 정해야 합니다.",
        "명령줄에서는 --param {name}=값으로, station.yaml과 요청에서는 'parameters'에 주세요",
    ),
    # 한계
    "reserved-measurement": Entry(
        "측정 이름으로 '{name}'{name:을/를} 쓸 수 없습니다",
        "모든 결과에 이미 있는 이름입니다.",
        "{known}이 아닌 다른 이름을 쓰세요",
    ),
    "limits-reversed": Entry(
        "아래 한계 {low}{low:이/가} 위 한계 {high}보다 큽니다",
        "이런 범위에 드는 값은 없습니다.",
        "작은 값을 먼저 적으세요",
    ),
    "marginal-outside": Entry(
        "경계 구간(marginal)이 한계를 벗어납니다",
        "구간은 바라는 범위입니다. 구간 밖이지만 한계 안이면 경계 통과로 판정합니다.",
        "구간을 한계 안에 두세요",
    ),
    "limit-unit": Entry(
        "'{value}'{value:은/는} '{unit}' 단위가 아닙니다",
        "값에 단위를 붙여 쓸 수 있지만, 선언한 단위이거나 그 단위로 바꿀 수 있어야 합니다.",
        "'{unit}' 단위로 적으세요",
    ),
    "limit-not-number": Entry(
        "'{value}'{value:은/는} 비교할 수 있는 수가 아닙니다",
        "이 한계는 수를 비교합니다.",
        "수나 ${{parameters.이름}} 같은 식을 적으세요",
    ),
    "bad-pattern": Entry(
        "쓸 수 없는 패턴입니다: {reason}",
        "패턴은 선형 시간에 맞춰 보는 google-re2의 것입니다. 앞뒤 보기와 역참조는 없습니다.",
        "고치세요",
    ),
    "unit-without-number": Entry(
        "'{type}'에는 단위가 없습니다",
        "단위를 따로 적는 것은 수뿐입니다. 무게와 시간은 값에 단위를 붙여 적습니다.",
        "'unit'을 지우거나 type을 number로 바꾸세요",
    ),
    # 장비
    "unknown-hardware": Entry("'{name}'{name:이라는/라는} 장비가 없습니다", _MISSPELT, "여기 있는 장비: {known}"),
    "unknown-command": Entry("{driver}에 '{name}' 명령이 없습니다", _MISSPELT, "명령: {known}"),
    "argument-type": Entry(
        "{owner}의 '{name}'에는 {expected}{expected:이/가} 와야 하는데 {found}{found:이/가} 있습니다",
        "인자가 무엇인지는 드라이버의 타입 힌트가 정합니다.",
        "{expected}{expected:을/를} 주세요. 매개변수나 결과는 '${{parameters.이름}}'으로 적습니다",
    ),
    "unnamed-argument": Entry(
        "{owner}의 '{name}'{name:은/는} 이름으로 줄 수 없습니다",
        "시퀀스는 인자를 모두 이름으로 줍니다. 드라이버 메서드에서 '/' 앞에 있는 인자는 이름으로 받지 않습니다.",
        "메서드에서 '/'를 지우세요",
    ),
    "driver-abstract": Entry(
        "{name}{name:은/는} 추상 클래스라서 만들 수 없습니다",
        "추상 메서드가 있는 클래스는 인스턴스가 없습니다. 이어받은 클래스가 씁니다.",
        "이 메서드를 쓰거나 이어받은 클래스를 적으세요: {known}",
    ),
    "twin-lacks-argument": Entry(
        "모의 장비의 {owner}에는 '{name}' 인자가 없습니다",
        "모의 장비도 실제 장비와 같은 인자로 불립니다.",
        "'{name}' 인자를 추가하세요",
    ),
    "twin-wants-argument": Entry(
        "모의 장비의 {owner}에는 '{name}'{name:이/가} 있어야 하는데 주지 않습니다",
        "모의 장비도 실제 장비와 같은 인자로 불립니다.",
        "모의 장비에서 '{name}'에 기본값을 주세요",
    ),
    "no-tolerance": Entry(
        "{of}에 대한 {value}{value:은/는} 허용 오차가 될 수 없습니다",
        "0의 몇 퍼센트는 0이고, 음수만큼 가까운 값은 없습니다.",
        "'by: 0.1'처럼 얼마까지 벗어나도 되는지 적으세요",
    ),
    "limits-never": Entry(
        "'{key}'{key:와/과} '{other}'{other:을/를} 함께 만족하는 값이 없습니다",
        "값은 측정의 모든 한계 안에 있어야 합니다.",
        "둘 중 하나를 고치거나 지우세요",
    ),
    "marginal-alone": Entry(
        "'marginal'만으로는 불합격이 되지 않습니다",
        "구간을 벗어난 값도 경계 합격입니다. 판정은 한계가 합니다.",
        "'range' 같은 한계를 더하거나 구간을 'range'로 적으세요",
    ),
    "unit-mismatch": Entry(
        "'{name}'의 단위는 '{found_unit}'인데 여기는 '{unit}'입니다",
        "수는 있는 그대로 비교합니다. 단위를 바꾸어 주는 것은 없습니다.",
        "단위를 같게 선언하거나 ${{{name} * 0.001}}처럼 식으로 바꾸세요",
    ),
    "never-measured": Entry(
        "'{name}'{name:은/는} 측정되지 않습니다. {owner}{owner:이/가} 주는 것: {found}",
        "값 하나는 측정 하나입니다. 여럿이면 map의 항목을 이름으로 고릅니다.",
        "'from' 없이 하나만 측정하거나 드라이버가 dict를 돌려주게 하세요",
    ),
    "parallel-result": Entry(
        "'{name}'{name:은/는} 그 결과를 쓰는 '{step}'{step:와/과} 동시에 실행됩니다",
        "두 갈래 중 어느 쪽이 먼저인지 알 수 없어 결과가 아직 없을 수 있습니다.",
        "단계를 'parallel' 뒤로 옮기거나 둘을 한 갈래에 두세요",
    ),
    "lock-held": Entry(
        "'{name}'{name:은/는} 이 단계를 감싼 단계가 이미 잡고 있습니다",
        "스스로를 기다리다가 제한 시간을 넘기게 됩니다.",
        "두 'lock' 중 하나를 지우세요",
    ),
    "no-time": Entry(
        "시간이 전혀 없습니다",
        "0초 안에 끝나는 일은 없습니다.",
        "2 s처럼 더 긴 시간을 적거나 지우세요",
    ),
    "driver-form": Entry(
        "'{name}'{name:은/는} 드라이버가 아닙니다",
        "드라이버는 패키지의 클래스이거나 엔진의 장치 종류입니다.",
        "drivers.psu:Psu처럼 모듈:클래스로 적거나 scale, reader를 적으세요",
    ),
    "driver-module-missing": Entry(
        "패키지에 '{name}' 모듈이 없습니다",
        "드라이버 모듈은 패키지 폴더의 파이썬 파일입니다. drivers.psu는 drivers/psu.py입니다.",
        "여기 있는 모듈: {known}",
    ),
    "driver-outside": Entry(
        "'{path}'{path:은/는} 패키지 폴더 밖으로 이어집니다", _ONE_FOLDER, "파일을 패키지 안에 복사하세요"
    ),
    "driver-broken": Entry(
        "'{name}' 모듈을 읽을 수 없습니다: {reason}",
        "파이썬이 모듈을 읽다가 멈췄습니다. 패키지의 모듈끼리는 'from .bus import Bus'처럼 가져옵니다.",
        "그 자리를 고치세요. 없는 라이브러리는 엔진이 있는 곳에 설치합니다",
    ),
    "unknown-driver": Entry("'{name}' 클래스가 없습니다", _MISSPELT, "모듈에 있는 클래스: {known}"),
    "unknown-device": Entry(
        "'{name}'{name:이라는/라는} 장치 종류가 없습니다",
        "':'이 없는 드라이버는 엔진의 장치입니다.",
        "종류: {known}. 패키지의 클래스는 drivers.psu:Psu처럼 모듈:클래스로 적습니다",
    ),
    "no-simulated-twin": Entry(
        "이 드라이버에는 모의 장비가 없습니다",
        "'simulate'를 쓰면 장비 없이 시퀀스를 돌려 봅니다. 그러려면 드라이버를 대신할 클래스가 있어야 합니다.",
        "같은 모듈에 '{name}' 클래스를 쓰거나 'simulated' 아래에 적으세요",
    ),
    "twin-lacks-command": Entry(
        "모의 장비 {twin}에 '{name}' 명령이 없습니다",
        "모의 장비는 시퀀스가 주는 모든 명령을 받아야 합니다.",
        "'{name}' 메서드를 추가하세요",
    ),
}
