"""placeholder"""

if __name__ != "wasmopt.verify":
    raise ImportError("import this package as wasmopt.verify")
