"""Makes WebAssembly modules smaller and proves every change.

>>> from pathlib import Path
>>> import wasmopt
>>> result = wasmopt.optimize(Path("in.wasm"))  # doctest: +SKIP
>>> result.report.output_size  # doctest: +SKIP
"""

import logging

from wasmopt.api import Result, optimize
from wasmopt.component_api import ComponentResult, CoreModule, optimize_component
from wasmopt.decode import decode
from wasmopt.encode import encode
from wasmopt.errors import (
    DecodeError,
    InputError,
    OutputError,
    UsageError,
    ValidationError,
    WasmOptError,
)
from wasmopt.files_api import FileResult, optimize_files
from wasmopt.module import Module
from wasmopt.options import Options
from wasmopt.report import Report
from wasmopt.verify_api import VerifyResult, verify_modules
from wasmopt.version import VERSION

__all__ = [
    "ComponentResult",
    "CoreModule",
    "DecodeError",
    "FileResult",
    "InputError",
    "Module",
    "Options",
    "OutputError",
    "Report",
    "Result",
    "UsageError",
    "ValidationError",
    "VerifyResult",
    "WasmOptError",
    "__version__",
    "decode",
    "encode",
    "optimize",
    "optimize_component",
    "optimize_files",
    "verify_modules",
]

__version__ = VERSION

logging.getLogger(__name__).addHandler(logging.NullHandler())
