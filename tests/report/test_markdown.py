"""Markdown as a parser of GitHub's tables reads it: names stay names whatever they are."""

from __future__ import annotations

import re
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.core.binaries import BUILT
from tests.report.named import HOSTILE, named_document
from wasmopt import Options, optimize
from wasmopt.reporting.budgets import GivenLimit
from wasmopt.reporting.build import build_document
from wasmopt.reporting.compare import comparison_markdown
from wasmopt.reporting.markdown import LONGEST_NAME, code, document_markdown, table_markdown
from wasmopt.reporting.schema import Document
from wasmopt.reporting.tables import Column, Table, function_tables, shortened

PARSER = MarkdownIt("commonmark").enable("table")


def tables(markdown: str) -> list[list[list[str]]]:
    """The tables that a parser finds: rows of the texts of cells."""
    found: list[list[list[str]]] = []
    tokens = PARSER.parse(markdown)
    for place, token in enumerate(tokens):
        if token.type == "table_open":
            found.append([])
        elif token.type == "tr_open":
            found[-1].append([])
        elif token.type in ("th_open", "td_open"):
            found[-1][-1].append(text_of(tokens[place + 1]))
    return found


def text_of(inline: Token) -> str:
    """What is read where that stands, markup left out."""
    return "".join(
        [
            child.content
            for child in inline.children or ()
            if child.type in ("text", "code_inline", "text_special")
        ]
    )


def tags(markdown: str) -> set[str]:
    """The HTML tags in it."""
    tokens = PARSER.parse(markdown)
    tokens += [child for token in tokens for child in token.children or ()]
    html = [token.content for token in tokens if token.type in ("html_block", "html_inline")]
    return set(re.findall(r"</?(\w+)", "".join(html)))


def heading_of(markdown: str) -> str:
    return text_of(PARSER.parse(markdown)[1])


def one_table(names: list[str]) -> Table:
    columns = (Column("name", numeric=False, literal=True), Column("n"))
    return Table("x", columns, tuple([(name, "1") for name in names]))


def test_tables_keep_their_cells() -> None:
    [table] = tables(table_markdown(one_table(list(HOSTILE))))
    assert table[0] == ["name", "n"]
    shown = [shortened(name, LONGEST_NAME) for name in HOSTILE]
    assert [[name.strip(), n] for name, n in table[1:]] == [[name.strip(), "1"] for name in shown]


@given(st.lists(st.text(), max_size=4))
def test_tables_keep_any_names(names: list[str]) -> None:
    [table] = tables(table_markdown(one_table(names)))
    shown = [shortened(name, LONGEST_NAME).strip() for name in names]
    assert [[name.strip(), n] for name, n in table[1:]] == [[name, "1"] for name in shown]


@given(st.text())
def test_code_is_one_piece_of_code_or_of_text(name: str) -> None:
    """No markup comes out of a name, but for the tags that are put around it."""
    tokens = PARSER.parse(f"x {code(name)} y")
    assert [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"]
    kinds = [child.type for child in tokens[1].children or ()]
    assert set(kinds) <= {"text", "code_inline", "html_inline", "text_special"}
    tags = [c.content for c in tokens[1].children or () if c.type == "html_inline"]
    assert tags in ([], ["<code>", "</code>"])


def test_hostile_names_do_no_harm_to_a_report() -> None:
    document = named_document(HOSTILE)
    for each in (document, replace(document, notices=HOSTILE)):
        markdown = document_markdown(each)
        names = [table for table in tables(markdown) if table[0][1] == "function"]
        assert len(names) == len(function_tables(document)) == 2
        shown = {shortened(name, LONGEST_NAME).strip() for name in HOSTILE}
        for table in names:
            assert {row[1].strip() for row in table[1:]} == shown
            assert {len(row) for row in table} == {5}
        assert tags(markdown) <= {"code", "details", "summary", "sub"}
        assert "\x1b" not in markdown
        assert [t.tag for t in PARSER.parse(markdown) if t.type == "heading_open"] == ["h3"]
    assert heading_of(document_markdown(document)).startswith("<script>alert(1)<∕script>: ")


def test_a_report_shows_what_its_json_says() -> None:
    [path] = [path for path in BUILT if path.stem == "routes-O0"]
    options = Options()
    limits = [GivenLimit("max-size", "1KB", "--max-size"), GivenLimit("max-size", "1MB", "f:1")]
    document = build_document(optimize(path, options), options, name="in.wasm", limits=limits)
    markdown = document_markdown(document)
    sizes, passes, sections, *_ = tables(markdown)
    assert sizes[1] == [
        "raw",
        str(document.input.raw),
        str(document.output.raw),
        str(document.output.raw - document.input.raw),
        f"{100 * (document.output.raw / document.input.raw - 1):+.1f} %",
    ]
    assert [row[0] for row in passes[1:]] == [*[step.name for step in document.steps], "all"]
    assert sum(int(row[3]) for row in passes[1:-1]) == int(passes[-1][3])
    assert sum(int(row[3]) for row in sections[1:-1]) == int(sections[-1][3])
    assert "**over budget:** " in markdown
    assert markdown.count("over budget") == 1
    assert markdown.count("<details>") == markdown.count("</details>") >= 4


# --- two reports --------------------------------------------------------------------------------


def two() -> tuple[Document, Document]:
    [path] = [path for path in BUILT if path.stem == "routes-O0"]
    base, head = [
        build_document(optimize(path, options), options, name="in.wasm", top=500)
        for options in (Options(level="0"), Options())
    ]
    return base, head


def test_comparison_shows_both_and_their_difference() -> None:
    base, head = two()
    sizes, sections, functions, passes = tables(comparison_markdown(base, head, []))
    old, new = base.output, head.output
    assert sizes[1][:4] == ["output, raw", str(old.raw), str(new.raw), str(new.raw - old.raw)]
    assert {"code", 'custom "name"'} <= {row[0] for row in sections[1:]}
    assert sum(int(row[3]) for row in sections[1:]) == new.raw - old.raw
    assert len(functions) > 10
    assert sum(int(row[3]) for row in functions[1:]) < 0
    [vacuum] = [step for step in head.steps if step.name == "vacuum"]
    assert ["vacuum", "-", str(-vacuum.delta), "-", "-"] in passes


def test_comparison_of_the_same_run_shows_nothing_changed() -> None:
    base, _ = two()
    sizes, passes = tables(comparison_markdown(base, base, []))
    assert {row[3] for row in sizes[1:]} == {row[3] for row in passes[1:]} == {"0"}


def test_comparison_says_what_else_is_different() -> None:
    base, head = two()
    other = replace(
        head, module="out.wasm", tool="9.9.9", libraries={**head.libraries, "brotli": None}
    )
    markdown = comparison_markdown(base, other, [])
    for text in (
        "base is in.wasm, head is out.wasm",
        f"base was made by wasmopt {base.tool}, head by wasmopt 9.9.9",
        "base and head ran with different options",
        f"brotli was {base.libraries['brotli']} in base and missing in head",
    ):
        assert f"- {text}" in markdown
    assert "\n- " not in comparison_markdown(base, base, [])


def test_functions_of_one_name_are_not_taken_for_each_other() -> None:
    base = named_document(["a", "same", "same", "b"])
    rows = [replace(row, after=row.after + 7) for row in base.functions.largest]
    head = replace(base, functions=replace(base.functions, largest=tuple(rows), most_changed=()))
    [_, functions, _] = tables(comparison_markdown(base, head, []))
    assert {row[0]: row[3] for row in functions[1:]} == {"a": "+7", "b": "+7"}


def test_hostile_names_do_no_harm_to_a_comparison() -> None:
    base = named_document(HOSTILE)
    rows = [replace(row, after=row.after + 1) for row in base.functions.largest]
    head = replace(base, functions=replace(base.functions, largest=tuple(rows), most_changed=()))
    [_, functions, _] = tables(comparison_markdown(base, head, []))
    shown = {shortened(name, LONGEST_NAME).strip() for name in HOSTILE}
    assert {row[0].strip() for row in functions[1:]} == shown
