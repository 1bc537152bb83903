"""site.yaml: read and typed; whatever is wrong with it is told at its place, all at once."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from site_kit import EXAMPLE, SMALLEST, findings, with_device

from engine.documents.render import render
from engine.documents.source import load_yaml
from engine.errors import DiagnosticError
from engine.service.config import load_site
from schemas import load_schema


class TestTheExample:
    def test_it_says_what_it_says(self, load, tmp_path):
        site = load(EXAMPLE)
        assert (site.site, site.gateway.name, site.gateway.mac_address) == ("노량진 3번", "노량진 3번", "auto")
        assert (site.server.url, site.server.tls) == ("http://127.0.0.1:8000", None)
        assert (site.store_url, site.base_dir) == ("sqlite:///ledger.sqlite", tmp_path)
        assert (site.sync_interval, site.upload_interval, site.heartbeat_interval) == (10.0, 5.0, 30.0)
        assert (site.stream_max_rate, site.units_weight) == (10.0, "kg")
        assert (site.log_level, site.log_format) == ("info", "json")

    def test_its_line(self, load):
        (line,) = load(EXAMPLE).lines
        assert (line.name, line.chart) == ("dock-1", "weighing")
        assert line.settings == {"min_weight": "50 g", "stable_for": "1 s", "tolerance": "20 g"}
        assert (line.settings.at("tolerance").line, line.settings.at("tolerance").column) == (8, 62)
        scale, rfid = line.devices.values()
        assert (scale.name, scale.port, scale.protocol) == ("scale", "/dev/ttyUSB0", ("cas-22",))
        assert scale.options() == {"baudrate": 19200}
        assert (rfid.name, rfid.port, rfid.protocol, rfid.options()) == ("rfid", "/dev/ttyUSB1", ("rdm6300",), {})
        assert (scale.position.line, scale.position.column) == (10, 7)

    def test_it_fits_the_schema_that_editors_use(self):
        schema = load_schema("site")
        Draft202012Validator.check_schema(schema)
        assert list(Draft202012Validator(schema).iter_errors(load_yaml(EXAMPLE).data)) == []

    def test_all_that_has_a_default_may_be_left_out(self, load):
        site, whole = load(SMALLEST), load(EXAMPLE)
        for name in ("store_url", "sync_interval", "upload_interval", "heartbeat_interval", "stream_max_rate"):
            assert getattr(site, name) == getattr(whole, name)
        for name in ("units_weight", "log_level", "log_format"):
            assert getattr(site, name) == getattr(whole, name)
        assert site.gateway.mac_address == "auto"
        assert site.lines[0].chart == "weighing"
        assert site.lines[0].settings == {}
        assert site.site == site.gateway.name != ""

    def test_a_section_may_be_left_empty(self, load):
        site = load(SMALLEST + "log:\n  # level: debug\nsync:\ngateway:\n")
        assert (site.log_level, site.sync_interval) == ("info", 10.0)

    @pytest.mark.parametrize(
        ("text", "names"),
        [
            ("site: 가\n", ("가", "가")),
            ("gateway: {name: 나}\n", ("나", "나")),
            ("site: 가\ngateway: {name: 나}\n", ("가", "나")),
        ],
    )
    def test_site_and_gateway_lend_each_other_their_name(self, load, text, names):
        site = load(text + SMALLEST)
        assert (site.site, site.gateway.name) == names


def test_the_schema_explains_every_key_to_an_editor():
    def keys(schema, path):
        for name, sub in schema.get("properties", {}).items():
            yield (*path, name), sub
            yield from keys(sub, (*path, name))

    whole = load_schema("site")
    places = [*keys(whole, ())]
    for definition in ("line", "device", "signal"):
        places += keys(whole["$defs"][definition], (definition,))
    assert len(places) > 40
    for path, sub in places:
        target = whole["$defs"][sub["$ref"].rsplit("/", 1)[1]] if "$ref" in sub and "title" not in sub else sub
        assert target.get("title"), path
        assert target.get("description"), path


class TestServer:
    @pytest.mark.parametrize(
        "url",
        [
            *("127.0.0.1:8000", "hall", "ftp://h", "ws://h", "http://", "http:///x", "http://h:port", "http://h:99999"),
            *("http://h/?a=1", "http://h/#a", "http://u:p@h", "http://h h", "http://[::1"),
        ],
    )
    def test_what_is_not_an_address(self, wrong, url):
        assert wrong(SMALLEST.replace("https://hall.example.com/scales", url)) == [("bad-url", 1, 15)]

    @pytest.mark.parametrize(
        "url", ["http://h", "https://h:8443/x/", "http://[::1]:8000", "HTTPS://H", "http://노량진.kr"]
    )
    def test_what_is_one(self, load, url):
        assert load(SMALLEST.replace("https://hall.example.com/scales", url)).server.url == url

    def test_a_password_in_it_is_not_repeated(self, load):
        (finding,) = findings(load, SMALLEST.replace("https://", "https://user:geheim@"))
        assert "geheim" not in render(finding, None)

    def test_certificates_are_found_beside_the_file(self, load, tmp_path):
        for name in ("ca.pem", "cert.pem", "key.pem"):
            (tmp_path / name).touch()
        tls = load(SMALLEST.replace('scales"}', 'scales", tls: {ca: ca.pem, cert: cert.pem, key: key.pem}}')).server.tls
        assert (tls.ca, tls.cert, tls.key) == (tmp_path / "ca.pem", tmp_path / "cert.pem", tmp_path / "key.pem")

    def test_a_certificate_that_is_not_there(self, wrong):
        text = SMALLEST.replace('scales"}', 'scales", tls: {ca: no.pem}}')
        assert wrong(text) == [("referenced-file-missing", 1, 60)]

    def test_a_key_needs_its_certificate(self, wrong, tmp_path):
        (tmp_path / "key.pem").touch()
        assert wrong(SMALLEST.replace('scales"}', 'scales", tls: {key: key.pem}}')) == [("needs-key", 1, 56)]

    def test_certificates_without_https_do_nothing(self, wrong, tmp_path):
        (tmp_path / "ca.pem").touch()
        text = SMALLEST.replace('https://hall.example.com/scales"}', 'http://h", tls: {ca: ca.pem}}')
        assert wrong(text) == [("tls-without-https", 1, 27)]

    def test_it_cannot_be_left_out(self, wrong):
        assert wrong("lines" + SMALLEST.partition("lines")[2]) == [("missing-key", 1, 1)]


class TestTheRest:
    @pytest.mark.parametrize(
        ("text", "code", "column"),
        [
            ("site: 3", "needs-quotes", 7),
            ("site: ''", "too-short", 7),
            ("gateway: {mac_address: AA:BB:CC}", "wrong-form", 24),
            ("gateway: {mac_address: AA:BB:CC:DD:EE:GG}", "wrong-form", 24),
            ("gateway: {mac_address: 12}", "wrong-type", 24),
            ("store: {url: mysql://h/x}", "bad-store-url", 14),
            ("store: {url: sqlite:/x}", "bad-store-url", 14),
            ("store: {url: 'sqlite:///'}", "bad-store-url", 14),
            ("store: {url: 'sqlite:///:memory:'}", "bad-store-url", 14),
            ("store: {url: postgresql://h}", "bad-store-url", 14),
            ("sync: {interval: 10}", "needs-unit", 18),
            ("sync: {interval: 0 s}", "must-be-positive", 18),
            ("upload: {interval: -5 s}", "negative-quantity", 20),
            ("heartbeat: {interval: 30 sec}", "unknown-unit", 23),
            ("heartbeat: 30 s", "wrong-type", 12),
            ("stream: {max_rate: 10}", "needs-unit", 20),
            ("stream: {max_rate: 10 s}", "unknown-unit", 20),
            ("stream: {max_rate: 0 Hz}", "must-be-positive", 20),
            ("units: {weight: kgs}", "wrong-value", 17),
            ("log: {level: loud}", "wrong-value", 14),
            ("log: {format: jsno}", "wrong-value", 15),
            ("log: {level:info}", "missing-space", 7),
            ("lgo: {level: info}", "unknown-key", 1),
            ("server: {url: 'http://h'}", "duplicate-key", 1),
        ],
    )
    def test_what_can_be_wrong(self, wrong, text, code, column):
        assert wrong(SMALLEST + text + "\n") == [(code, 3, column)]

    @pytest.mark.parametrize("url", ["sqlite:////var/lib/ledger.sqlite", "postgresql://u:p@h:5432/ledger"])
    def test_other_stores(self, load, url):
        site = load(SMALLEST + f"store: {{url: '{url}'}}\n")
        assert site.store_url == url
        assert url not in repr(site)

    @pytest.mark.parametrize("written", ["AA:BB:CC:DD:EE:01", "aa-bb-cc-dd-ee-01"])
    def test_an_address_is_written_one_way(self, load, written):
        assert load(SMALLEST + f'gateway: {{mac_address: "{written}"}}\n').gateway.mac_address == "AA:BB:CC:DD:EE:01"

    @pytest.mark.parametrize("lines", ["lines: []", "lines: {}", "lines:", "lines: [x]", "lines: [{}]"])
    def test_at_least_one_line_is_needed(self, load, lines):
        assert findings(load, f"server: {{url: 'http://h'}}\n{lines}\n")

    def test_a_line_needs_devices(self, wrong):
        assert wrong("server: {url: 'http://h'}\nlines: [{name: a, devices: {}}]\n") == [("too-short", 2, 28)]

    def test_line_names_differ(self, load):
        text = "server: {url: 'http://h'}\nlines:\n" + "".join(
            f"  - {{name: a, devices: {{s: {{port: COM{n}, protocol: cas-22}}}}}}\n" for n in range(2)
        )
        (finding,) = findings(load, text)
        assert (finding.code, finding.position.line, finding.position.column) == ("duplicate-line", 4, 12)
        assert finding.related[0][0].line == 3

    @pytest.mark.parametrize("name", ["a/b", "a:b", "' a'", "a\\b", "x" * 65])
    def test_a_line_name_can_stand_anywhere(self, load, name):
        assert findings(load, SMALLEST.replace("dock-1", name))

    def test_a_korean_line_name_is_a_name(self, load):
        assert load(SMALLEST.replace("dock-1", "3번 계량대")).lines[0].name == "3번 계량대"

    def test_everything_is_told_at_once_in_the_order_of_the_file(self, wrong):
        line = "{name: a, chart: weihging, devices: {s: {port: x, protocol: cas}}}"
        text = f"sever: {{url: x}}\nlines: [{line}]\nlog: {{level: 1}}\n"
        assert wrong(text) == [
            ("unknown-key", 1, 1),
            ("unknown-chart", 2, 26),
            ("unknown-protocol", 2, 69),
            ("wrong-value", 3, 14),
        ]


class TestEnvironment:
    def test_a_variable_works_in_any_value(self, load):
        text = SMALLEST.replace("COM3, protocol: cas-22", "'${PORT}', protocol: '${P}', baudrate: '${B}'") + (
            "site: ${NAME}\nlog: {level: '${L}'}\nsync: {interval: '${S} s'}\nstore: {url: 'postgresql://u:${PW}@h/x'}\n"
        )
        site = load(text, PORT="COM7", P="cas-10", B="19200", NAME="3", L="debug", S="2.5", PW="geheim")
        scale = site.lines[0].devices["scale"]
        assert (scale.port, scale.protocol, scale.baudrate) == ("COM7", ("cas-10",), 19200)
        assert (site.site, site.log_level, site.sync_interval) == ("3", "debug", 2.5)
        assert site.store_url == "postgresql://u:geheim@h/x"

    def test_in_settings_too(self, load):
        text = SMALLEST.replace("name: dock-1,", "name: dock-1, settings: {min_weight: '${W}'},")
        assert load(text, W="30 g").lines[0].settings == {"min_weight": "30 g"}

    def test_a_missing_one_is_named_where_it_stands(self, load):
        (finding,) = findings(load, SMALLEST.replace("COM3", "'${SCALE_PORT}'"))
        assert (finding.code, finding.params) == ("environment-missing", {"variable": "SCALE_PORT"})
        assert (finding.position.line, finding.position.column) == (2, 49)

    def test_two_that_are_missing_are_not_one_port(self, load):
        text = SMALLEST.replace("devices: {", "devices: {rfid: {port: '${X}', protocol: rdm6300}, ").replace(
            "COM3", "'${X}'"
        )
        assert [f.code for f in findings(load, text)] == ["environment-missing"] * 2

    def test_what_a_variable_holds_is_checked(self, load):
        (finding,) = findings(load, SMALLEST.replace("cas-22}", "cas-22, baudrate: '${B}'}"), B="fast")
        assert (finding.code, finding.position.column) == ("wrong-type", 82)

    def test_a_secret_is_not_shown_when_it_is_wrong(self, load):
        (finding,) = findings(load, SMALLEST + "store: {url: '${DB}'}\n", DB="mysql://u:geheim@h/x")
        assert finding.code == "bad-store-url"
        assert "geheim" not in render(finding, None)

    @pytest.mark.parametrize(
        "key",
        ["baudrate", "data_bits", "parity", "stop_bits", "unit", "silent_after"],
    )
    def test_an_editor_accepts_a_variable_where_a_number_goes(self, key):
        text = with_device(f'{{port: x, protocol: cas-22, {key}: "${{B}}"}}')
        data = load_yaml(text).data
        assert Draft202012Validator(load_schema("site")).is_valid(data)


# Whatever comes ------------------------------------------------------------------------------------------------------

_PIECES = st.sampled_from(
    [
        *"\n :,-#'\"{}[]&*!|>%@`\t0x\x00\x1b\ré가",
        *("  ", "- ", ": ", "null", "true", "30", "30 s", "1.5", ".inf", "${X}", "${", "$${", "[]", "{}"),
        *("lines:", "server:", "<<: ", "*a", "&a ", "!t ", "---\n", "http://", "cas-22"),
    ],
)


@settings(max_examples=120, deadline=None)
@given(
    st.sampled_from([EXAMPLE, SMALLEST]),
    st.lists(st.tuples(st.integers(0, 1100), st.integers(0, 12), _PIECES), min_size=1, max_size=4),
)
def test_random_edits_are_read_or_refused_with_places(tmp_path_factory, text, edits):
    for at, cut, piece in edits:
        text = text[: at % len(text)] + piece + text[at % len(text) + cut :]
    path = tmp_path_factory.getbasetemp() / "edited-site.yaml"
    path.write_text(text, encoding="utf-8", newline="")
    try:
        site = load_site(path, {"X": "1"})
    except DiagnosticError as error:
        found = error.diagnostics
    else:
        assert site.lines
        assert site.server.url
        return
    assert found
    for finding in found:
        assert finding.position.file == str(path)
        for language in ("en", "ko"):
            assert finding.code in render(finding, text.split("\n"), language)


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=80))
def test_random_bytes_are_refused(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "random-site.yaml"
    path.write_bytes(content)
    with pytest.raises(DiagnosticError):
        load_site(path, {})
