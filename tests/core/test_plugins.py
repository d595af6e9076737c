"""Passes of other packages: found, run, and contained whatever they do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import wasmopt
from tests.support import module_of
from wasmopt.cli import main
from wasmopt.encode import encode
from wasmopt.errors import UsageError
from wasmopt.options import Options
from wasmopt.validate import validate

SOURCE = encode(
    module_of('(func (export "f") (result i32) nop nop i32.const 1 i32.const 2 i32.sub)')
)
SHORTER = """
from dataclasses import replace
from wasmopt.context import Pass
from wasmopt.instr import Instr, InstrPool
from wasmopt.module_change import Correspondence, ModulePass
from wasmopt.opcodes import BY_MNEMONIC

def without(function, context, *names):
    body = tuple(instr for instr in function.body if instr.name not in names)
    return function if body == function.body else function.with_body(body)

def right(function, context):
    return without(function, context, "nop")
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that packages can be put into."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in.wasm").write_bytes(SOURCE)
    return tmp_path


def install(site: Path, code: str, *names: str, package: str = "acme") -> None:
    """Put a package there whose passes are module attributes called like them."""
    (site / f"{package}_passes.py").write_text(SHORTER + code)
    info = site / f"{package}-1.5.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.5\n")
    lines = [f"{name} = {package}_passes:{name.replace('-', '_').upper()}" for name in names]
    (info / "entry_points.txt").write_text("\n".join(["[wasmopt.passes]", *lines, ""]))
    sys.modules.pop(f"{package}_passes", None)


GOOD = 'ACME_NOPS = Pass("acme-nops", "drops nops", right)'


def optimized(*passes: str) -> wasmopt.Result:
    return wasmopt.optimize(SOURCE, Options(passes=passes))


def test_a_plug_in_works_like_any_pass(site: Path) -> None:
    install(site, GOOD, "acme-nops")
    result = optimized("acme-nops", "vacuum")
    [first, second] = result.report.passes
    assert (first.name, first.kept, first.bytes_saved) == ("acme-nops", 1, 2)
    assert second.kept == 0
    assert not result.report.notices


def test_a_plug_in_has_a_flag(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    install(site, GOOD, "acme-nops")
    assert main(["--acme-nops", "in.wasm", "-o", "out.wasm"]) == 0
    assert len((site / "out.wasm").read_bytes()) == len(SOURCE) - 2
    assert main(["--help"]) == 0
    assert "--acme-nops" in (text := capsys.readouterr().out)
    assert "acme 1.5" in " ".join(text.split())


def test_a_plug_in_may_change_the_module_as_a_whole(site: Path) -> None:
    code = """
def run(module, options):
    functions = [right(each, None) for each in module.functions]
    if functions == list(module.functions):
        return None
    return replace(module, functions=tuple(functions)), Correspondence()
ACME_ALL = ModulePass("acme-all", "drops nops", run)"""
    install(site, code, "acme-all")
    assert optimized("acme-all").report.passes[0].bytes_saved == 2


def test_nothing_is_imported_that_is_not_named(site: Path) -> None:
    install(site, "raise ImportError", "acme-nops")
    assert optimized("vacuum").report.passes[0].kept == 1
    assert main(["-O", "in.wasm", "-o", "out.wasm"]) == 0
    assert "acme_passes" not in sys.modules


def test_without_the_package_the_name_is_unknown(site: Path) -> None:
    with pytest.raises(UsageError, match="unknown pass acme-nops"):
        optimized("acme-nops")
    install(site, GOOD, "acme-nops")
    with pytest.raises(UsageError, match="unknown pass acme-nop, did you mean acme-nops"):
        optimized("acme-nop")


WRONG = {
    "raises": ("raise KeyError", "was put back in function 0: KeyError"),
    "exits": ("raise SystemExit(0)", "was put back in function 0: SystemExitError"),
    "nonsense": ("return 7", "was put back in function 0: returned int, not a function"),
    "invalid": ('return without(function, context, "i32.const")', None),
    "lies": (
        'return without(function, context, "nop", "i32.sub") if 0 else function.with_body('
        '[context.pool.make("i32.const", 3), context.pool.make("end")])',
        "was put back in function 0: it changed what the code does",
    ),
    "lies about its instructions": (
        """
    fake = Instr(BY_MNEMONIC["i32.sub"], (), b"\\x6a")
    context.pool[b"\\x6a"] = fake
    body = right(function, context).body
    return function.with_body([fake if instr.name == "i32.sub" else instr for instr in body])
""",
        None,
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_plug_in_that_goes_wrong_is_contained(
    what: str, site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, notice = WRONG[what]
    run = f"def wrong(function, context):\n    {code}\nACME_WRONG = Pass('acme-wrong', '', wrong)"
    install(site, run, "acme-wrong")
    result = optimized("acme-wrong", "vacuum")
    validate(result.module)
    assert len(result.data) == len(SOURCE) - 2
    assert result.report.passes[0].kept == 0
    expected = [] if notice is None else [f"pass acme-wrong {notice}"]
    assert result.report.notices == expected
    assert main(["--acme-wrong", "--vacuum", "in.wasm", "-o", "out.wasm"]) == 0
    assert (site / "out.wasm").read_bytes() == result.data
    assert all(each in capsys.readouterr().err for each in expected)


def test_a_plug_in_that_is_wrong_about_the_module_is_contained(site: Path) -> None:
    code = """
def run(module, options):
    return replace(module, functions=(), exports=()), Correspondence()
ACME_ALL = ModulePass("acme-all", "", run)
def leave(module, options):
    raise SystemExit
ACME_LEAVE = ModulePass("acme-leave", "", leave)"""
    install(site, code, "acme-all", "acme-leave")
    result = optimized("acme-all", "acme-leave")
    assert result.data == SOURCE
    assert result.report.passes[0].reverted.total() == 1
    assert result.report.notices == ["pass acme-leave was put back: SystemExitError"]


def test_names_of_built_in_passes_are_taken(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    install(site, 'VACUUM = Pass("vacuum", "", lambda f, c: 1 / 0)', "vacuum")
    line = "pass vacuum of acme 1.5 is not used, vacuum is a pass of wasmopt itself"
    for passes in (("vacuum",), None):
        result = wasmopt.optimize(SOURCE, Options(passes=passes))
        assert result.report.notices == [line]
        assert len(result.data) <= len(SOURCE) - 2
    assert main(["--vacuum", "in.wasm"]) == 0
    assert line in capsys.readouterr().err
    assert not optimized("cse").report.notices


def test_a_name_that_is_an_option_is_no_flag(site: Path) -> None:
    install(
        site,
        """
CONVERGE = Pass("converge", "", right)
FAST_MATH = Pass("fast-math", "", right)
""",
        "converge",
        "fast-math",
        "a b=c%",
    )
    assert main(["-O", "--converge", "in.wasm", "-o", "out.wasm"]) == 0
    assert main(["--fast-math", "in.wasm"]) == 2
    assert main(["--help"]) == 0
    assert optimized("converge").report.passes[0].bytes_saved == 2


UNUSABLE = {
    "raises": ("1 / 0", "cannot be loaded, ZeroDivisionError: division by zero"),
    "exits": ("raise SystemExit('no\\n way')", "cannot be loaded, SystemExit: no way"),
    "has no such name": ("", "cannot be loaded, AttributeError: "),
    "is no pass": ("ACME = right", "is a function, not a Pass or ModulePass"),
    "has another name": ('ACME = Pass("cse", "", right)', "calls itself 'cse'"),
}


@pytest.mark.parametrize("what", UNUSABLE)
def test_a_plug_in_that_cannot_be_loaded_is_an_error_of_one_line(
    what: str, site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, problem = UNUSABLE[what]
    install(site, code, "acme")
    assert main(["--acme", "in.wasm", "-o", "out.wasm"]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"wasmopt: error: pass acme of acme 1.5 {problem}")
    assert not (site / "out.wasm").exists()


def test_two_packages_with_one_name_are_an_error(site: Path) -> None:
    install(site, GOOD, "acme-nops")
    install(site, GOOD, "acme-nops", package="other")
    with pytest.raises(UsageError, match=r"acme-nops is offered by acme 1\.5 and other 1\.5"):
        optimized("acme-nops")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_plug_in_that_never_returns_can_be_ended_from_outside(
    number: signal.Signals, site: Path
) -> None:
    code = """
def endless(function, context):
    open("started", "w").close()
    while True: pass
ACME_LOOP = Pass("acme-loop", "", endless)"""
    install(site, code, "acme-loop")
    command = [sys.executable, "-m", "wasmopt", "--acme-loop", "in.wasm", "-o", "in.wasm"]
    paths = [str(site), *[path for path in sys.path if path]]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    with subprocess.Popen(
        command,
        cwd=site,
        env=environment,
        stderr=subprocess.PIPE,
        # What starts the tests may ignore the signal.
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),  # noqa: PLW1509 (no threads)
    ) as process:
        for _ in range(600):
            if (site / "started").exists():
                break
            time.sleep(0.1)
        process.send_signal(number)
        try:
            _, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 128 + number
    assert b"Traceback" not in errors
    assert (site / "in.wasm").read_bytes() == SOURCE
    assert not list(site.glob(".wasmopt-*"))
