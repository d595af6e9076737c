"""Several inputs: each is done as alone, none stops the others, nothing is written over."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from tests.cli.commands import assert_one_error, contents
from tests.core.components import SUMS
from wasmopt import decode, optimize
from wasmopt.cli import main
from wasmopt.reporting.codec import read_report
from wasmopt.reporting.published import schema_texts
from wasmopt.reporting.schema import Batch

BUILT = Path("corpus/built").resolve()
VALIDATOR = jsonschema.Draft202012Validator(json.loads(schema_texts()["batch.schema.json"]))
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tree of modules: two good ones, a text, one that is none, and what is not looked at."""
    (tmp_path / "in" / "deep" / "er").mkdir(parents=True)
    shutil.copy(BUILT / "lz.wasm", tmp_path / "in")
    shutil.copy(BUILT / "packed.wasm", tmp_path / "in" / "deep")
    (tmp_path / "in" / "deep" / "er" / "text.WAT").write_text("(module (func nop))")
    (tmp_path / "in" / "deep" / "bad.wasm").write_bytes(b"no module")
    (tmp_path / "in" / "notes.txt").write_text("not looked at")
    os.mkfifo(tmp_path / "in" / "pipe.wasm")
    (tmp_path / "in" / "deep" / "loop").symlink_to("..")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: str) -> tuple[int, str, str]:
        code = main(["--no-cache", *arguments])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def good_outputs() -> dict[str, bytes]:
    texts = {"deep/er/text.wasm": Path("in/deep/er/text.WAT")}
    names = ("lz.wasm", "deep/packed.wasm")
    texts |= {name: Path("in") / name for name in names}
    return {name: optimize(path).data for name, path in texts.items()}


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_folder_keeps_its_shape_and_one_failure_is_one(folder: Path, run: Run, jobs: str) -> None:
    before = contents(folder / "in" / "deep")
    code, out, err = run("-O", "in", "--out-dir", "new/out", "-j", jobs)
    assert (code, out) == (1, "")
    assert contents(folder / "new" / "out") == good_outputs()
    assert contents(folder / "in" / "deep") == before
    lines = err.splitlines()
    assert [line.split(": ")[1] for line in lines[:4]] == [
        "error",
        "in/deep/er/text.WAT",
        "in/deep/packed.wasm",
        "in/lz.wasm",
    ]
    assert lines[0].startswith("wasmopt: error: in/deep/bad.wasm: at byte 0: not a WebAssembly")
    assert "4 files: " in lines[4] and lines[4].endswith(", 1 failed")
    assert len(lines) == 5


def test_outputs_in_the_folder_of_the_inputs_are_not_inputs(folder: Path, run: Run) -> None:
    for _ in range(2):
        assert run("-O", "-q", "in", "--out-dir", "in/out")[0] == 1
        assert contents(folder / "in" / "out") == good_outputs()


def test_files_and_flags_in_any_order(folder: Path, run: Run) -> None:
    code, _, err = run("in/lz.wasm", "-q", "in/deep/packed.wasm", "-O", "--out-dir", "out")
    assert (code, err) == (0, "")
    assert sorted(contents(folder / "out")) == ["lz.wasm", "packed.wasm"]


def test_text_is_written_where_text_is_asked_for(folder: Path, run: Run) -> None:
    assert run("-O", "-S", "-q", "in/lz.wasm", "in/deep/er", "--out-dir", "out")[0] == 0
    written = contents(folder / "out")
    assert sorted(written) == ["lz.wat", "text.WAT"]
    assert all(text.startswith(b"(module") for text in written.values())


def test_in_place(folder: Path, run: Run) -> None:
    expected = good_outputs()
    code, _, err = run("-O", "in/lz.wasm", "in/deep/packed.wasm", "--in-place", "-q")
    assert (code, err) == (0, "")
    for name in ("lz.wasm", "deep/packed.wasm"):
        assert (folder / "in" / name).read_bytes() == expected[name]


def test_without_a_place_nothing_is_written(folder: Path, run: Run) -> None:
    before = contents(folder / "in" / "deep")
    code, _, err = run("-O", "in/lz.wasm", "in/deep/packed.wasm")
    assert code == 0
    assert err.startswith("wasmopt: no --out-dir given, nothing is written\n")
    assert contents(folder / "in" / "deep") == before
    assert sorted(os.listdir(folder)) == ["in"]


WRONG = {
    "in/lz.wasm ~ --out-dir out": "an input is empty",
    "in/lz.wasm - --dask tcp://127.0.0.1:1": "standard input is for one input",
    "in/lz.wasm in/deep -o out.wasm": "in/deep is a folder: -o is for one input, several go to",
    "in/lz.wasm in/lz.wasm -o -": "-o is for one input",
    "in -o out --out-dir out": "-o is for one input",
    "in/lz.wasm -o out --in-place": "-o is for one input",
    "- --out-dir out": "standard input is for one input and -o OUT",
    "- in/lz.wasm": "standard input is for one input",
    "in --out-dir": "argument --out-dir: expected one argument",
    "in --out-dir=": "--out-dir is empty",
    "in --out-dir in": "in/deep/bad.wasm is an input, --in-place would write over it",
    "in/lz.wasm --out-dir in/deep/..": "in/deep/../lz.wasm is an input",
    "in/lz.wasm --out-dir hard": "hard/lz.wasm is an input",
    "in/lz.wasm --out-dir soft": "soft/lz.wasm is an input",
    "in/lz.wasm same/lz.wasm --out-dir out": "in/lz.wasm and same/lz.wasm would both be written",
    "in same --out-dir out": "in/lz.wasm and same/lz.wasm would both be written to out/lz.wasm",
    "both --out-dir out": "both/x.wasm and both/x.wat would both be written to out/x.wasm",
    "in --in-place": "in/deep/er/text.WAT cannot be written in place",
    "in/lz.wasm hard/lz.wasm --in-place": "in/lz.wasm and hard/lz.wasm would both be written",
    "in --out-dir out --in-place": "--out-dir and --in-place both say where to write",
    "empty --out-dir out": "empty has no *.wasm or *.wat in it",
    "in --out-dir out --print": "--print is for one input",
    "in --out-dir out --symbols in/lz.wasm": "--symbols is for one input",
    "in --out-dir out --report pdf=x": "--report pdf=x is none of json=FILE",
    "in --out-dir out --report json=in/lz.wasm": "--report would write over in/lz.wasm",
    "in --out-dir out --report json=out/lz.wasm": "--report would write over out/lz.wasm",
    "in --out-dir out --report json=- --report md=-": "--report writes to standard output",
    "in --out-dir out --max-size big": "--max-size: max-size is 'big', not a size",
    "in --out-dir out --max-growth 1%": "--max-growth needs a --baseline",
    "in --out-dir out --top -1": "--top is -1",
    "in --out-dir out -j 0": "jobs is 0",
    "in --out-dir out --vacum": "unknown option or pass --vacum, did you mean --vacuum?",
    "in --out-dir out --print-after vacum": "unknown pass vacum, did you mean vacuum?",
    "in --outdir out": "unknown option or pass --outdir, did you mean --out-dir?",
}


@pytest.mark.parametrize(("line", "message"), WRONG.items(), ids=list(WRONG))
def test_wrong_usage_is_told_before_anything_is_done(
    line: str, message: str, folder: Path, run: Run
) -> None:
    for name in ("same", "hard", "soft", "both", "empty"):
        (folder / name).mkdir()
    shutil.copy(folder / "in" / "lz.wasm", folder / "same")
    os.link(folder / "in" / "lz.wasm", folder / "hard" / "lz.wasm")
    (folder / "soft" / "lz.wasm").symlink_to(folder / "in" / "lz.wasm")
    for name in ("x.wasm", "x.wat"):
        (folder / "both" / name).write_text("(module)")
    before = {name: (folder / "in" / name).stat() for name in ("lz.wasm", "deep/packed.wasm")}
    code, out, err = run("-O", *["" if each == "~" else each for each in line.split()])
    assert (code, out) == (2, "")
    assert_one_error(err.encode(), message)
    assert not list(folder.glob("out/**/*.wasm"))
    assert before == {name: (folder / "in" / name).stat() for name in before}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("in/lz.wasm --out-dir in/notes.txt", "in/notes.txt: cannot make this folder: file exists"),
        ("in/lz.wasm --out-dir in/notes.txt/x", "in/notes.txt/x: cannot make this folder: not a d"),
        ("in/lz.wasm missing --out-dir out", "missing: cannot read: no such file or directory"),
        ("in/lz.wasm in/notes.txt --out-dir out", "in/notes.txt: at byte 0: not a WebAssembly"),
        ("in/lz.wasm --out-dir taken", "taken/lz.wasm: cannot write: is a directory"),
        ("in/lz.wasm --out-dir out --baseline in/notes.txt", "notes.txt: is not a report"),
        ("sums.wat -S --out-dir out", "sums.wat: -S is for core modules, this is a component"),
        ("in/lz.wasm in/deep/packed.wasm --out-dir out --report json=no/x", "no/x: cannot write"),
    ],
)
def test_what_is_wrong_with_a_file_is_told_in_a_line(
    line: str, message: str, folder: Path, run: Run
) -> None:
    (folder / "taken" / "lz.wasm").mkdir(parents=True)
    (folder / "sums.wat").write_text(SUMS)
    code, _, err = run("-O", "-q", *line.split())
    assert code == 1
    assert_one_error(err.encode(), message)


def test_a_file_named_twice_is_done_once(folder: Path, run: Run) -> None:
    _, _, err = run("-O", "in/lz.wasm", "in/lz.wasm", "--out-dir", "out")
    assert "1 files: " in err


def test_each_report_has_all_files(folder: Path, run: Run) -> None:
    flags = [f"--report={form}=report.{form}" for form in ("json", "md", "html")]
    code, _, err = run("-O", "-q", "in", "--out-dir", "out", *flags)
    assert code == 1
    text = (folder / "report.json").read_bytes()
    VALIDATOR.validate(json.loads(text))
    batch = read_report(text)
    assert isinstance(batch, Batch)
    assert [each.file for each in batch.files] == [
        *("in/deep/bad.wasm", "in/deep/er/text.WAT", "in/deep/packed.wasm", "in/lz.wasm")
    ]
    bad, *good = batch.files
    assert (bad.output, bad.report) == (None, None)
    assert err == f"wasmopt: error: in/deep/bad.wasm: {bad.error}\n"
    outputs = [(folder / str(each.output)).stat().st_size for each in good]
    assert [each.report.output.raw for each in good if each.report] == outputs
    assert batch.totals.after == sum(outputs)
    assert batch.totals.delta == sum(step.delta for step in batch.steps)
    assert (batch.totals.files, batch.totals.failed) == (4, 1)
    for form in ("md", "html"):
        page = (folder / f"report.{form}").read_text()
        assert all(each.file in page for each in batch.files)
        assert str(batch.totals.after) in page and "not a WebAssembly binary" in page


def test_reports_do_not_depend_on_jobs(folder: Path, run: Run) -> None:
    found = []
    for jobs in ("1", "2"):
        run("-O", "-q", "in", "--out-dir", "out", "-j", jobs, "--report", "json=report.json")
        value = json.loads((folder / "report.json").read_text())
        found.append(json.dumps(value, indent=1).splitlines())
    assert [line for line in found[0] if "seconds" not in line] == [
        line for line in found[1] if "seconds" not in line
    ]


def test_summary_and_metrics_are_of_all_files(folder: Path, run: Run) -> None:
    _, _, err = run("-O", "in", "--summary")
    assert "in/deep/bad.wasm" in err and "4 files" in err
    assert err.count("re-encoding") == 1
    _, _, err = run("-O", "in/lz.wasm", "in/deep/packed.wasm", "--metrics")
    assert err.count("re-encoding") == 1


def test_budgets_hold_for_each_file(folder: Path, run: Run) -> None:
    size = len(good_outputs()["lz.wasm"])
    code, _, err = run("-O", "-q", "in/lz.wasm", "in/deep/packed.wasm", f"--max-size={size}")
    assert code == 3
    assert_one_error(err.encode(), "in/deep/packed.wasm: ", f"more than --max-size {size} allows")
    code, _, err = run("-O", "-q", "in", f"--max-size={size}")
    assert code == 1, "what failed comes first"
    assert len(err.splitlines()) == 2


def test_growth_is_over_the_same_file_of_the_baseline(folder: Path, run: Run) -> None:
    names = ("in/lz.wasm", "in/deep/packed.wasm")
    run("-O", "-q", *names, "--report", "json=base.json")
    assert run("-O", "-q", *names, "--baseline=base.json", "--max-growth=0%")[0] == 0
    code, _, err = run("-O0", "-q", *names, "--baseline=base.json", "--max-growth=1%")
    assert code == 3
    assert len(err.splitlines()) == 2
    new = ("in/lz.wasm", "in/deep/er/text.WAT", "--baseline=base.json", "--max-growth=0%")
    code, _, err = run("-O", *new)
    assert code == 0 and "in/deep/er/text.WAT: --max-growth 0% is not checked" in err


def test_one_report_does_not_stand_for_several(folder: Path, run: Run) -> None:
    run("-O", "-q", "in/lz.wasm", "--report", "json=one.json")
    run("-O", "-q", "in/deep/er", "--report", "json=several.json")
    code, _, err = run("-O", "in/lz.wasm", "--baseline=several.json")
    assert code == 1
    assert_one_error(err.encode(), "several.json: is a report of several inputs")
    code, _, err = run("-O", "in/deep/er", "--baseline=one.json")
    assert code == 1
    assert_one_error(err.encode(), "one.json: is a report of one input")


def test_wasmopt_report_reads_them(
    folder: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ("in/lz.wasm", "in/deep/packed.wasm")
    run("-O0", "-q", *names, "--report=json=base.json")
    run("-O", "-q", "in", "--report=json=head.json", "--report=md=head.md")
    assert main(["report", "head.json"]) == 0
    assert capsys.readouterr().out == (folder / "head.md").read_text()
    assert main(["report", "base.json", "head.json", "--max-size", "1500"]) == 3
    said = capsys.readouterr()
    rows = [line.split(" | ") for line in said.out.splitlines() if line.startswith("| `")]
    assert [row[0] for row in rows][:2] == ["| `in/lz.wasm`", "| `in/deep/packed.wasm`"]
    assert "| `in/deep/bad.wasm` | - | - |" in said.out
    assert said.err.count("wasmopt: error: ") == said.out.count("over budget: ") == 1
    run("-O", "-q", "in/lz.wasm", "--report=json=one.json")
    assert main(["report", "one.json", "head.json"]) == 2
    assert_one_error(capsys.readouterr().err.encode(), "one is a report of one input")


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_an_interrupt_leaves_complete_files_only(tmp_path: Path, jobs: str) -> None:
    for number in range(30):
        shutil.copy(BUILT / "expressions.wasm", tmp_path / f"{number:02}.wasm")
    command = (sys.executable, "-m", "wasmopt", "-O", "-q", "--no-cache", "-j", jobs)
    running = subprocess.Popen(
        [*command, str(tmp_path), "--out-dir", str(tmp_path / "out")],
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
    )
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("out/*.wasm")) and time.monotonic() < deadline:
        time.sleep(0.01)
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=60)
    assert running.returncode == 130
    written = contents(tmp_path / "out")
    assert 0 < len(written) < 30
    expected = f"interrupted, {len(written)} of 30 outputs were written, none in part"
    assert err.decode() == f"wasmopt: {expected}\n"
    (data,) = set(written.values())
    decode(data)
