"""The flags of the command line, and wasm-opt's habits."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any, NoReturn

import pytest

import wasmopt.commands.optimize
from tests.cli.commands import assert_one_error
from tests.core.binaries import BUILT, custom
from tests.core.binaries import module_of as binary_of
from wasmopt.api import Result, optimize
from wasmopt.cli import main
from wasmopt.commands.optimize import REFUSED, build_parser
from wasmopt.context import Context, Pass
from wasmopt.decode import decode
from wasmopt.features import FEATURES
from wasmopt.function import Function
from wasmopt.options import LEVELS, Options
from wasmopt.passes import MODULE_PASSES, PIPELINES, REGISTRY, pipeline
from wasmopt.text import read_text
from wasmopt.verify import default_path
from wasmopt.version import VERSION

NAMES = custom(b"name", b"\x01\x05\x01\x00\x02me")
WASTE = binary_of(b"\x01\x41\x00\x1a\x0b", b"\x01\x01\x7f", exported=True) + NAMES
"""A nop, a dropped constant, a local that nobody uses, and a name for the function."""
LEAN = binary_of(b"\x0b", exported=True)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a module to work on."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in.wasm").write_bytes(WASTE)
    return tmp_path


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[Options]:
    """The options that the command line makes, in the order of its runs."""
    made: list[Options] = []

    def spy(source: bytes, options: Options, **keywords: Any) -> Result:
        made.append(options)
        return optimize(source, options, **keywords)

    monkeypatch.setattr(wasmopt.commands.optimize, "optimize", spy)
    return made


def run(*arguments: str) -> int:
    return main([*arguments, "in.wasm", "-o", "out.wasm"])


# --- levels and passes --------------------------------------------------------------------------


@pytest.mark.parametrize("level", LEVELS)
def test_levels(level: str, folder: Path, seen: list[Options]) -> None:
    assert run(f"-O{level}") == 0
    assert seen == [Options(level=level, cache=default_path())]
    assert (folder / "out.wasm").read_bytes() == (WASTE if level == "0" else LEAN)


def test_plain_o_is_os(folder: Path, seen: list[Options]) -> None:
    assert run("-O") == run("-Os") == 0
    assert seen[0] == seen[1]


def test_no_level_and_no_pass_change_nothing(folder: Path) -> None:
    assert run() == 0
    assert (folder / "out.wasm").read_bytes() == WASTE


ALL = PIPELINES["s"]


@pytest.mark.parametrize(
    ("flags", "level", "passes"),
    [
        ("--vacuum", "s", ("vacuum",)),
        ("--reorder-locals --vacuum", "s", ("reorder-locals", "vacuum")),
        ("--vacuum --reorder-locals --vacuum", "s", ("vacuum", "reorder-locals", "vacuum")),
        ("-O --vacuum", "s", (*ALL, "vacuum")),
        ("--vacuum -O2", "2", ("vacuum", *PIPELINES["2"])),
        ("-O0 --vacuum", "0", ("vacuum",)),
        ("-Oz -O1", "1", (*PIPELINES["z"], *PIPELINES["1"])),
        ("-O3 --vacuum -Oz", "z", (*PIPELINES["3"], "vacuum", *PIPELINES["z"])),
    ],
)
def test_passes_and_levels_in_order(
    flags: str, level: str, passes: tuple[str, ...], folder: Path, seen: list[Options]
) -> None:
    assert run(*flags.split()) == 0
    assert (seen[0].level, seen[0].passes) == (level, passes)


def test_levels_among_passes_are_those_of_the_goal(folder: Path, seen: list[Options]) -> None:
    assert run("-Oz", "--vacuum", "--for", "gzip") == 0
    assert seen[0].passes == (*pipeline(Options(level="z", goal="gzip")), "vacuum")
    assert "outlining" not in (seen[0].passes or ())


def test_brotli_has_to_be_installed(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "brotli", None)
    (folder / "out.wasm").unlink(missing_ok=True)
    assert run("-O", "--for", "brotli") == 2
    assert capsys.readouterr().err == (
        "wasmopt: error: the goal brotli needs the brotli package, pip install 'wasmopt[brotli]'\n"
    )
    assert not (folder / "out.wasm").exists()


def test_every_pass_has_a_flag(folder: Path, seen: list[Options]) -> None:
    for name in [*REGISTRY, *MODULE_PASSES]:
        assert run(f"--{name}") == 0
        assert seen[-1].passes == (name,)


def test_flags_may_stand_anywhere(folder: Path) -> None:
    assert main(["in.wasm", "-o", "1", "-O"]) == main(["-O", "-o", "2", "in.wasm"]) == 0
    assert main(["-o", "3", "in.wasm", "-O"]) == main(["-O", "--output=4", "--", "in.wasm"]) == 0
    assert {(folder / name).read_bytes() for name in "1234"} == {LEAN}


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("-c", {"converge": True}),
        ("--converge", {"converge": True}),
        ("--fuel 3", {"fuel": 3}),
        ("-g", {"keep_names": True}),
        ("--debuginfo", {"keep_names": True}),
        ("--strip-debug", {"strip_debug": True}),
        ("--strip", {"strip_debug": True}),
        ("--strip-dwarf", {"strip_dwarf": True}),
        ("--strip-producers", {"strip_producers": True}),
        ("--strip-target-features", {"strip_target_features": True}),
        ("--solver none", {"solver": "none"}),
        ("--outline cold", {"outline": "cold"}),
        ("--for gzip", {"goal": "gzip"}),
        ("--for raw", {}),
        ("--no-cache", {"cache": None}),
        ("-gq", {"keep_names": True}),
        ("--all-features", {}),
        ("-all --detect-features --enable-simd", {}),
        ("--disable-simd", {"disabled_features": frozenset(["simd"])}),
        ("--disable-simd --enable-simd", {}),
        ("--disable-gc --all-features --disable-simd", {"disabled_features": frozenset(["simd"])}),
        ("-mvp", {"disabled_features": frozenset(FEATURES)}),
        ("--mvp-features -all", {}),
    ],
)
def test_flags_become_options(
    flags: str, expected: dict[str, Any], folder: Path, seen: list[Options]
) -> None:
    assert run("-O", *flags.split()) == 0
    assert seen == [Options(**{"level": "s", "cache": default_path(), **expected})]


def test_names_are_kept_with_g(folder: Path) -> None:
    assert run("-O", "-g") == 0
    assert (folder / "out.wasm").read_bytes() == LEAN + NAMES


def test_a_feature_that_is_used_can_be_forbidden(
    folder: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    (folder / "in.wasm").write_bytes(read_text("(module (memory i64 1))"))
    assert run("-O", "--disable-memory64") == 1
    said = assert_one_error(capsysbinary.readouterr().err)
    assert said.endswith("in.wasm: the module uses memory64, which --disable-memory64 forbids\n")
    assert not (folder / "out.wasm").exists()


# --- text and standard streams ------------------------------------------------------------------


def test_text_in_and_out(folder: Path) -> None:
    (folder / "in.wasm").write_text('(module (func (export "f") nop))')
    assert main(["-O", "-S", "in.wasm", "-o", "out.wat"]) == 0
    text = (folder / "out.wat").read_text()
    assert text.startswith("(module\n")
    assert read_text(text) == LEAN


def test_standard_input_and_output(
    monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes], folder: Path
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(WASTE)))
    assert main(["-O", "-", "-o", "-", "-q"]) == 0
    assert capsysbinary.readouterr() == (LEAN, b"")
    monkeypatch.setattr(
        sys, "stdin", io.TextIOWrapper(io.BytesIO(b'(module (func (export "f") nop))'))
    )
    assert main(["-O", "-S", "-", "-o", "-"]) == 0
    out, err = capsysbinary.readouterr()
    assert read_text(out) == LEAN
    assert b"wasmopt: -: " in err
    assert sorted(path.name for path in folder.iterdir()) == ["in.wasm"]


def test_print_shows_the_result(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-O", "--print", "in.wasm", "-q"]) == 0
    out, err = capsys.readouterr()
    assert read_text(out) == LEAN
    assert err == ""
    assert run("-O", "--print") == 0
    assert (folder / "out.wasm").read_bytes() == LEAN
    assert read_text(capsys.readouterr().out) == LEAN


# --- what is shown ------------------------------------------------------------------------------


def test_a_run_says_what_it_did(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("-O") == 0
    out, err = capsys.readouterr()
    assert out == ""
    summary = err.rstrip("\n")
    sizes = f"{len(WASTE)} -> {len(LEAN)} bytes (-39.2 %), code 10 -> 4"
    assert summary == f"wasmopt: in.wasm: {sizes}, 1 of 1 functions changed"


def test_one_line_is_enough_when_nothing_changed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("-O0") == 0
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_quiet_is_quiet(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("-O", "-q") == 0
    assert run("-O", "--quiet", "--metrics") == 0
    assert capsys.readouterr() == ("", "")


def test_without_output_nothing_is_written(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["-O", "in.wasm"]) == 0
    assert capsys.readouterr().err.startswith("wasmopt: no -o given, nothing is written\n")
    assert [path.name for path in folder.iterdir()] == ["in.wasm"]


def test_metrics_add_up(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("-O", "--metrics") == 0
    lines = capsys.readouterr().err.splitlines()
    passes = list(dict.fromkeys(ALL))
    table = [line.split() for line in lines[1 : len(passes) + 5]]
    assert lines[len(passes) + 5 :] == [
        f"{name}: 1 proved by text" for name in ("vacuum", "dead-locals")
    ]
    assert table[0][:4] == ["pass", "attempts", "kept", "saved"]
    assert [row[0] for row in table[1:]] == [*passes, "re-encoding", "sections", "all"]
    *saved, total = [int(row[3] if len(row) > 2 else row[1]) for row in table[1:]]
    assert sum(saved) == total == len(WASTE) - len(LEAN)
    assert len({len(line) for line in lines[1:5]}) == 1


def test_functions_are_printed_after_a_pass(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("-O", "-q", "--print-after", "vacuum") == 0
    err = capsys.readouterr().err
    assert err.startswith(";; function 0 after vacuum\n(func (;0 me;) (type 0)")
    assert "i32.const" not in err
    assert err.count(";; function") == 1
    assert run("-O", "-q", "--print-after=vacuum", "--print-after", "dead-locals") == 0
    headers = [line for line in capsys.readouterr().err.splitlines() if line.startswith(";; ")]
    assert headers == [";; function 0 after vacuum", ";; function 0 after dead-locals"]


def test_notices_name_the_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "in.wasm").write_bytes(WASTE + custom(b".debug_info"))
    assert run("-O") == 0
    notice = "loses what refers to places in the code, which moved: .debug_info"
    assert f"wasmopt: in.wasm: {notice}\n" in capsys.readouterr().err


def test_a_pass_that_goes_wrong_is_told_and_no_reason_to_fail(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_pass(function: Function, context: Context) -> Function:
        raise IndexError("list index out of range")

    monkeypatch.setitem(REGISTRY, "wrong", Pass("wrong", "goes wrong", run_pass))
    assert run("--wrong", "--vacuum") == 0
    err = capsys.readouterr().err
    assert "wasmopt: in.wasm: pass wrong was put back in function 0: IndexError\n" in err
    assert "Traceback" not in err
    assert len(decode((folder / "out.wasm").read_bytes()).functions[0].body) == 1
    assert run("--wrong", "--metrics") == 0
    assert "wrong: 1 failed IndexError\n" in capsys.readouterr().err


class Terminal(io.StringIO):
    """Standard error that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("quiet", [False, True])
def test_progress_is_shown_on_a_terminal_when_work_is_long(
    quiet: bool, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(1000))
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setattr("time.monotonic", lambda: float(next(clock)))
    (folder / "in.wasm").write_text(
        f"(module {' '.join(f'(func (export {name!r}))' for name in 'abcd')})".replace("'", '"')
    )
    assert run("-O1", *(["-q"] if quiet else [])) == 0
    shown = said()
    assert (
        "\r\x1b[Kwasmopt: 3 of 4 functions\r\x1b[Kwasmopt: 4 of 4 functions\r\x1b[K" in shown
    ) == (not quiet)
    assert "1 of 4" not in shown


def test_no_progress_for_short_work_or_into_a_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("-O") == 0
    assert "\r" not in capsys.readouterr().err
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert run("-O") == 0
    assert "\r" not in said()


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"wasmopt {VERSION}\n"
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    for name in [*REGISTRY, *MODULE_PASSES]:
        assert f"--{name}" in text


# --- wrong usage --------------------------------------------------------------------------------


WRONG_USAGE = {
    "": "the following arguments are required: IN, see --help",
    "in.wasm other.wasm -o out": "-o is for one input, several go to --out-dir DIR",
    "in.wasm -o": "argument -o/--output: expected one argument, see --help",
    "in.wasm --vacum": "unknown option or pass --vacum, did you mean --vacuum?",
    "in.wasm --deadlocals": "unknown option or pass --deadlocals, did you mean --dead-locals?",
    "in.wasm --enable-smid": "unknown option or pass --enable-smid, did you mean --enable-simd?",
    "in.wasm --zzzz": "unknown option or pass --zzzz, see --help",
    "in.wasm -O5": "unknown option or pass -O5, did you mean -O?",
    "in.wasm -Oss": "unknown option or pass -Oss, did you mean -Os?",
    "in.wasm -oout": "unknown option or pass -oout, did you mean --output?",
    "in.wasm -x": "unknown option or pass -x, see --help",
    "in.wasm --vacuum=2": "argument --vacuum: ignored explicit argument '2', see --help",
    "in.wasm --fuel many": "argument --fuel: invalid int value: 'many', see --help",
    "in.wasm --fuel -1": "fuel is -1, it counts changes: a number from 0 on, or None",
    "in.wasm --print-after vacum": "unknown pass vacum, did you mean vacuum?",
    "in.wasm --print -o -": "--print and -o - both write to standard output, use one of them",
}


@pytest.mark.parametrize("arguments", WRONG_USAGE)
def test_wrong_usage_is_told_in_one_line(
    arguments: str, folder: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert main(arguments.split()) == 2
    out, err = capsysbinary.readouterr()
    assert out == b""
    assert err.decode() == f"wasmopt: error: {WRONG_USAGE[arguments]}\n"
    assert [path.name for path in folder.iterdir()] == ["in.wasm"]


@pytest.mark.parametrize("flag", REFUSED)
@pytest.mark.parametrize("value", ["", "=1"])
def test_flags_that_weaken_the_proof_are_refused_with_a_reason(
    flag: str, value: str, folder: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert run("-O", flag + value) == 2
    assert_one_error(capsysbinary.readouterr().err, f"{flag} is refused: {REFUSED[flag]}")
    assert not (folder / "out.wasm").exists()


def test_refused_flags_are_not_options_too() -> None:
    assert REFUSED.keys().isdisjoint(build_parser()._option_string_actions)


# --- when wasmopt itself is wrong ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (KeyboardInterrupt(), "interrupted, nothing was written"),
        (MemoryError(), "error: out of memory, nothing was written"),
        (AssertionError("a\nb"), r"error: internal error, please report it: AssertionError: a\nb"),
    ],
)
def test_no_traceback_whatever_happens(
    error: BaseException, message: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object, **options: object) -> NoReturn:
        raise error

    monkeypatch.setattr(wasmopt.commands.optimize, "optimize", fail)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert run("-O") == (130 if isinstance(error, KeyboardInterrupt) else 1)
    assert said() == f"wasmopt: {message}\n"
    assert [path.name for path in folder.iterdir()] == ["in.wasm"]


def said() -> str:
    """What standard error was told, where it is a buffer."""
    assert isinstance(sys.stderr, io.StringIO)
    return sys.stderr.getvalue()


@pytest.mark.parametrize("path", BUILT, ids=lambda path: path.stem)
def test_built_modules(path: Path, tmp_path: Path) -> None:
    assert main([str(path), "-O", "-q", "-o", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out").read_bytes() == optimize(path).data
