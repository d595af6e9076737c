"""The report of a run: it adds up, it says what its schema says, it is the same every time."""

from __future__ import annotations

import json
import sys
import zlib
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.cli.commands import ROOT, command
from tests.core.binaries import BUILT
from wasmopt import InputError, Options, Result, decode, encode, optimize
from wasmopt.context import Context, Pass
from wasmopt.decode import code_range
from wasmopt.function import Function
from wasmopt.passes import REGISTRY
from wasmopt.reporting import codec
from wasmopt.reporting.budgets import GivenLimit
from wasmopt.reporting.build import build_document
from wasmopt.reporting.document_page import document_html
from wasmopt.reporting.markdown import document_markdown
from wasmopt.reporting.measure import function_sizes, section_sizes
from wasmopt.reporting.published import PUBLISHED, schema_texts
from wasmopt.reporting.schema import Baseline, Document
from wasmopt.reporting.terminal import summary_text

SCHEMA_FILE = Path(codec.__file__).parent / "report.schema.json"
SCHEMA = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
OPTIONS = [
    Options(),
    Options(keep_names=True),
    Options(level="0"),
    Options(fuel=3),
    Options(passes=("reorder-locals", "vacuum")),
    Options(strip_debug=True, strip_producers=True, converge=True),
]


def document_of(data: bytes, options: Options = OPTIONS[0], **keywords: Any) -> Document:
    return build_document(optimize(data, options), options, name="in.wasm", **keywords)


def module_named(name: str) -> bytes:
    [path] = [path for path in BUILT if path.stem == name]
    return path.read_bytes()


# --- it adds up ---------------------------------------------------------------------------------


def assert_adds_up(document: Document, result: Result) -> None:
    change = len(result.data) - len(result.source)
    assert (document.input.raw, document.output.raw) == (len(result.source), len(result.data))
    sizes = [document.input.raw, *[step.after for step in document.steps]]
    assert [step.before for step in document.steps] == sizes[:-1]
    assert sizes[-1] == document.output.raw
    assert [step.after - step.before for step in document.steps] == [
        step.delta for step in document.steps
    ]
    assert sum(step.delta for step in document.steps) == change
    assert sum(section.delta for section in document.sections) == change
    assert sum(section.before for section in document.sections) == document.input.raw
    assert sum(section.after for section in document.sections) == document.output.raw
    for step in document.steps:
        assert sum(step.proved.values()) == step.kept
        assert step.kept + step.grown + sum(step.reverted.values()) == step.attempts


CASES = [(path, OPTIONS[0]) for path in BUILT]
CASES += [(path, options) for path in BUILT[::5] for options in OPTIONS[1:]]


@pytest.mark.parametrize(("path", "options"), CASES, ids=lambda case: getattr(case, "stem", ""))
def test_steps_and_sections_add_up_to_the_byte(path: Path, options: Options) -> None:
    result = optimize(path, options)
    document = build_document(result, options, name=str(path), top=10**6)
    assert_adds_up(document, result)
    functions = document.functions
    largest = sorted(functions.largest, key=lambda row: row.index)
    old = largest[: len(function_sizes(result.source))]
    assert [row.before for row in old] == function_sizes(result.source)
    assert {row.before for row in largest[len(old) :]} <= {0}
    left = [row.after for row in largest if row.after]
    assert sorted(left) == sorted(function_sizes(result.data))
    assert functions.defined == len(old)
    assert {row.index for row in functions.most_changed} == {r.index for r in largest if r.delta}


@pytest.mark.parametrize("path", BUILT, ids=lambda path: path.stem)
def test_reencoding_is_what_writing_the_input_anew_saves(path: Path) -> None:
    """But for the length of the code section, which gets shorter when the code does."""
    data = path.read_bytes()
    steps = {step.name: step for step in document_of(data).steps}
    pure = len(data) - len(encode(decode(data)))
    assert 0 <= -steps["re-encoding"].delta - pure <= 4


def test_it_adds_up_when_changes_are_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(function: Function, context: Context) -> Function:
        """Drops the code: wrong nearly everywhere."""
        return function.with_body([context.pool.make("unreachable"), function.body[-1]])

    monkeypatch.setitem(REGISTRY, "broken", Pass("broken", "", broken))
    options = Options(passes=("broken", "vacuum"), solver="none")
    result = optimize(module_named("codecs"), options)
    document = build_document(result, options, name="codecs.wasm")
    assert_adds_up(document, result)
    assert document.steps[0].name == "broken"
    assert sum(document.steps[0].reverted.values()) > 0
    assert "broken: " in document_markdown(document)


def test_sections_are_the_whole_file() -> None:
    for path in BUILT:
        data = path.read_bytes()
        sizes = section_sizes(data)
        assert sum(sizes.values()) == len(data)
        content = len(code_range(data))
        assert content < sizes["code"] <= content + 6
        assert sum(function_sizes(data)) <= content


# --- it is what the schema says -----------------------------------------------------------------


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_schema_is_made_from_the_classes(name: str) -> None:
    text = SCHEMA_FILE.with_name(name).read_text(encoding="utf-8")
    hint = "python -m wasmopt.reporting.published writes it anew"
    assert text == schema_texts()[name], hint
    jsonschema.Draft202012Validator.check_schema(json.loads(text))


@pytest.mark.parametrize("path", BUILT, ids=lambda path: path.stem)
def test_reports_conform_to_the_schema_and_can_be_read_again(path: Path) -> None:
    text = codec.write_document(document_of(path.read_bytes()))
    VALIDATOR.validate(json.loads(text))
    assert codec.write_document(codec.read_document(text.encode())) == text


@cache
def full_document() -> Document:
    """A report in which nothing is null or empty."""
    base = document_of(module_named("routes-Os"))
    options = Options(passes=("vacuum", "reorder-locals"), fuel=1000)
    document = document_of(
        module_named("routes-O0"),
        options,
        limits=[GivenLimit("max-size", "1", "--max-size"), GivenLimit("max-growth", "1%", "x:1")],
        baseline=Baseline(file="base.json", output=base.output),
    )
    step = replace(document.steps[0], reverted={"reason": 1}, failed={"KeyError": 1})
    return replace(document, steps=(step, *document.steps[1:]), notices=("notice",))


def test_a_full_report_conforms_to_the_schema() -> None:
    text = codec.write_document(full_document())
    VALIDATOR.validate(json.loads(text))
    assert codec.write_document(codec.read_document(text.encode())) == text


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where the members and first items of a JSON value are."""
    found = [path] if path else []
    if isinstance(value, dict):
        for key, each in value.items():
            found += places(each, (*path, key))
    elif isinstance(value, list) and value:
        found += places(value[0], (*path, 0))
    return found


def changed(value: Any, path: tuple[Any, ...], change: Callable[[Any, Any], None]) -> Any:
    """A copy of the value in which `change(container, key)` was done at a place."""
    copy = json.loads(json.dumps(value))
    holder = copy
    for key in path[:-1]:
        holder = holder[key]
    change(holder, path[-1])
    return copy


def conforms(value: Any) -> bool:
    return bool(VALIDATOR.is_valid(value))


def is_readable(value: Any) -> bool:
    try:
        codec.read_document(json.dumps(value).encode())
    except InputError as error:
        assert str(error).startswith("is ") and "\n" not in str(error)
        return False
    return True


def remove(holder: Any, key: Any) -> None:
    del holder[key]


def put(new: Any) -> Callable[[Any, Any], None]:
    def change(holder: Any, key: Any) -> None:
        holder[key] = new

    return change


@pytest.mark.parametrize(
    "change",
    [remove, put(None), put(True), put("text"), put(1), put(1.5), put([]), put({}), put([{}])],
    ids=["gone", "null", "true", "text", "1", "1.5", "list", "object", "objects"],
)
def test_reader_and_schema_agree_on_what_is_a_report(change: Callable[[Any, Any], None]) -> None:
    value = json.loads(codec.write_document(full_document()))
    assert conforms(value) and is_readable(value)
    refused = 0
    for path in places(value):
        other = changed(value, path, change)
        assert conforms(other) == is_readable(other), path
        refused += not conforms(other)
    assert refused > 50


def test_members_of_later_versions_are_skipped() -> None:
    value = json.loads(codec.write_document(full_document()))
    value["new"] = value["input"]["new"] = value["steps"][0]["new"] = [1]
    assert conforms(value) and is_readable(value)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is not a report: it is not JSON"),
        (b"\xff\xfe", "is not a report: it is not JSON"),
        (b"[" * 100_000, "is not a report: it is not JSON"),
        (b"[]", "is not a report: it does not say that its schema is wasmopt.report/1"),
        (b'{"schema": "other/1"}', "is not a report: it does not say"),
        (
            b'{"schema": "wasmopt.report/2"}',
            "is a report by wasmopt.report/2, this version of wasmopt reads wasmopt.report/1",
        ),
        (
            b'{"schema": "wasmopt.report/1"}',
            "is not a report by wasmopt.report/1: tool is missing",
        ),
    ],
)
def test_what_is_no_report_is_refused_in_one_line(data: bytes, message: str) -> None:
    with pytest.raises(InputError) as caught:
        codec.read_document(data)
    assert str(caught.value).startswith(message)


def test_a_wrong_member_is_named() -> None:
    value = json.loads(codec.write_document(full_document()))
    value["steps"][1]["delta"] = "3"
    with pytest.raises(InputError, match=r"steps\[1\]\.delta is not an integer"):
        codec.read_document(json.dumps(value).encode())


# --- it is the same every time ------------------------------------------------------------------


def without_times(value: Any) -> Any:
    """A JSON value without the members that are documented to vary."""
    if isinstance(value, dict):
        return {
            key: without_times(each) for key, each in value.items() if not key.endswith("seconds")
        }
    return [without_times(each) for each in value] if isinstance(value, list) else value


def test_reports_are_the_same_in_any_process(tmp_path: Path) -> None:
    (tmp_path / "in.wasm").write_bytes(module_named("routes-O0"))
    reports = []
    for seed in ("1", "2"):
        flags = ["-O", "-q", "--no-cache", "--report", "json=-", "--report", f"html={seed}.html"]
        script = f"os.chdir({str(tmp_path)!r}); sys.exit(main(sys.argv[1:]))"
        done = command(
            *flags, "in.wasm", script=script, env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
        )
        assert (done.returncode, done.stderr) == (0, b"")
        reports.append(without_times(json.loads(done.stdout)))
    assert reports[0] == reports[1]


def test_only_members_that_say_so_are_times() -> None:
    def floats(record: type) -> list[str]:
        hints = codec._hints(record)
        return [f.name for f in fields(record) if hints[f.name] is float] + [
            name
            for f in fields(record)
            if is_dataclass(hints[f.name])
            for name in floats(hints[f.name])
        ]

    assert floats(Document)
    assert all(name.endswith("seconds") for name in floats(Document))


def test_the_time_of_a_run_has_that_of_its_passes_in_it() -> None:
    document = document_of(module_named("routes-O0"))
    parts = sum(step.seconds + step.proof_seconds for step in document.steps)
    assert 0 < parts <= document.seconds


def test_gzip_is_at_its_best_and_knows_no_time() -> None:
    data = module_named("codecs")
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    header_and_trailer = 10 + 8
    body = len(deflate.compress(data) + deflate.flush())
    assert document_of(data).input.gzip == header_and_trailer + body


# --- without brotli -----------------------------------------------------------------------------


@pytest.fixture
def no_brotli(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the brotli package were not installed."""
    monkeypatch.setitem(sys.modules, "brotli", None)


def test_without_brotli_its_size_is_null_and_a_dash(no_brotli: None) -> None:
    document = document_of(module_named("codecs"))
    assert document.input.brotli is None and document.output.brotli is None
    assert document.libraries["brotli"] is None
    text = codec.write_document(document)
    assert json.loads(text)["output"]["brotli"] is None
    VALIDATOR.validate(json.loads(text))
    assert "| brotli | - | - | - | - |" in document_markdown(document)
    assert ["brotli", "-", "-", "-", "-"] in [
        line.split() for line in summary_text(document).splitlines()
    ]
    assert "- → -" in document_html(document)


def test_with_brotli_it_is_a_number() -> None:
    document = document_of(module_named("codecs"))
    assert document.output.brotli is not None
    assert 100 < document.output.brotli < document.output.gzip < document.output.raw
