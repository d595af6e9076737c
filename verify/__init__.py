"""The validator: proves, refutes, or leaves unproved that two functions are the same.

It trusts nothing that a pass did and imports no pass; see README.md in this folder for what each
tier claims and why.
"""

from wasmopt.verify.cache import ProofCache, default_path
from wasmopt.verify.correspondence import prove_module
from wasmopt.verify.prover import Prover

__all__ = ["ProofCache", "Prover", "default_path", "prove_module"]

if __name__ != "wasmopt.verify":
    raise ImportError("import this package as wasmopt.verify")
