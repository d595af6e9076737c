"""Between the classes of `schema`, JSON and JSON Schema; all of it read off the classes."""

from __future__ import annotations

import json
import re
import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, Final, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from wasmopt.errors import InputError
from wasmopt.reporting.schema import BATCH_SCHEMA, SCHEMA, Batch, Document

_T = TypeVar("_T")

_PRIMITIVES: Final = {str: "string", bool: "boolean", int: "integer", float: "number"}
_NOUNS: Final = {str: "text", bool: "true or false", int: "an integer", float: "a number"}
_DESCRIPTION: Final = re.compile(r"^        (\w+): (.*(?:\n {12}.*)*)", re.MULTILINE)
"""An entry under `Attributes:` in a docstring."""


class _MismatchError(Exception):
    """A value is not of the type that its place asks for."""


def write_document(document: Document) -> str:
    """The report as JSON, a line feed at its end."""
    return write_record(document)


def read_document(data: bytes) -> Document:
    """The report in a file that `write_document` made.

    Raises:
        InputError: it is not one; the message names the member that is wrong.
    """
    return read_record(Document, data, SCHEMA, "a report")


def read_report(data: bytes) -> Document | Batch:
    """The report of one run, or of several.

    Raises:
        InputError: it is neither.
    """
    try:
        several = _version(json.loads(data)).startswith(_family(BATCH_SCHEMA))
    except (ValueError, RecursionError):  # that is told below
        several = False
    if several:
        return read_record(Batch, data, BATCH_SCHEMA, "a report of several files")
    return read_document(data)


def write_record(record: object) -> str:
    """An instance of a data class whose members are plain as JSON, a line feed at its end."""
    return json.dumps(_plain(record), indent=2) + "\n"


def read_record(kind: type[_T], data: bytes, schema: str, noun: str) -> _T:
    """What `write_record` made.

    Args:
        kind: the data class; its member `schema` says which version it is of.
        data: the file.
        schema: what that member has to be: a name, a slash and a number.
        noun: what such a file is called in errors.

    Raises:
        InputError: it is not one; the message names the member that is wrong.
    """
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):  # also of bytes that are no text
        raise InputError(f"is not {noun}: it is not JSON") from None
    version = _version(value)
    if not version.startswith(_family(schema)):
        raise InputError(f"is not {noun}: it does not say that its schema is {schema}")
    if version != schema:
        raise InputError(f"is {noun} by {version}, this version of wasmopt reads {schema}")
    try:
        record: _T = _typed(kind, value, "")
    except _MismatchError as error:
        raise InputError(f"is not {noun} by {schema}: {error}") from None
    return record


def _version(value: Any) -> str:
    """What a JSON value says its schema is; nothing if it says nothing."""
    version = value.get("schema") if isinstance(value, dict) else None
    return version if isinstance(version, str) else ""


def _family(schema: str) -> str:
    """The name of a schema up to its number."""
    return schema.partition("/")[0] + "/"


def json_schema(kind: type, schema: str) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a data class, whose member `schema` is of that version."""
    definitions: dict[str, Any] = {}
    root = _schema_of(kind, definitions)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:" + re.sub(r"[./]", ":", schema),
        "title": schema,
        **root,
        "$defs": definitions,
    }


@cache
def _hints(record: type) -> dict[str, Any]:
    return get_type_hints(record)


def _plain(value: Any) -> Any:
    """The value out of what JSON has."""
    if is_dataclass(value):
        return {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return round(value, 6) if isinstance(value, float) else value


def _typed(kind: Any, value: Any, place: str) -> Any:
    """The value of that type which `_plain` gave; `place` names it in errors."""
    origin, arguments = get_origin(kind), get_args(kind)
    if is_dataclass(kind) and isinstance(kind, type):
        return _record(kind, value, place)
    if origin is Literal:
        if value not in arguments:
            raise _MismatchError(f"{place} is not one of {', '.join(arguments)}")
        return value
    if origin in (Union, types.UnionType):
        (other,) = [each for each in arguments if each is not types.NoneType]
        return None if value is None else _typed(other, value, place)
    if origin is tuple:
        if not isinstance(value, list):
            raise _MismatchError(f"{place} is not a list")
        return tuple([_typed(arguments[0], each, f"{place}[{n}]") for n, each in enumerate(value)])
    if origin is Mapping:
        if not isinstance(value, dict):
            raise _MismatchError(f"{place} is not an object")
        return {key: _typed(arguments[1], each, f"{place}.{key}") for key, each in value.items()}
    number = kind is float and type(value) is int
    if not number and type(value) is not kind:
        raise _MismatchError(f"{place} is not {_NOUNS[kind]}")
    return value


def _record(kind: type, value: Any, place: str) -> Any:
    if not isinstance(value, dict):
        raise _MismatchError(f"{place or 'it'} is not an object")
    members = {}
    for name, hint in _hints(kind).items():
        where = f"{place}.{name}" if place else name
        if name not in value:
            raise _MismatchError(f"{where} is missing")
        members[name] = _typed(hint, value[name], where)
    return kind(**members)


def _schema_of(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    """The schema of a type; those of the classes in it are added to `definitions`."""
    origin, arguments = get_origin(kind), get_args(kind)
    if is_dataclass(kind) and isinstance(kind, type):
        return _record_schema(kind, definitions)
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin in (Union, types.UnionType):
        (other,) = [each for each in arguments if each is not types.NoneType]
        return {"anyOf": [_reference(other, definitions), {"type": "null"}]}
    if origin is tuple:
        return {"type": "array", "items": _reference(arguments[0], definitions)}
    if origin is Mapping:
        return {
            "type": "object",
            "additionalProperties": _reference(arguments[1], definitions),
        }
    return {"type": _PRIMITIVES[kind]}


def _reference(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    if not is_dataclass(kind):
        return _schema_of(kind, definitions)
    name = kind.__name__  # type: ignore[union-attr]
    if name not in definitions:
        definitions[name] = {}  # keeps its place before those that it needs itself
        definitions[name] = _schema_of(kind, definitions)
    return {"$ref": f"#/$defs/{name}"}


def _record_schema(kind: type, definitions: dict[str, Any]) -> dict[str, Any]:
    documentation = kind.__doc__ or ""
    meanings = dict(_DESCRIPTION.findall(documentation))
    properties = {
        name: {"description": " ".join(meanings[name].split()), **_reference(hint, definitions)}
        for name, hint in _hints(kind).items()
    }
    return {
        "description": documentation.partition("\n")[0],
        "type": "object",
        "properties": properties,
        "required": list(properties),
    }
