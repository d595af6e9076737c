"""placeholder"""

if __name__ != "wasmopt.passes":
    raise ImportError("import this package as wasmopt.passes")
