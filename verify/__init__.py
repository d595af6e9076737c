"""The validator: proves, refutes, or leaves unproved that two functions are the same.

It trusts nothing that a pass did and imports no pass; see README.md in this folder for what each
tier claims and why.
"""

from wasmopt.verify.cache import ProofCache, default_path
from wasmopt.verify.cache_key import solver_version, validator_version
from wasmopt.verify.correspondence import prove_module
from wasmopt.verify.divergence import EXPERIMENTS, Divergence, replay
from wasmopt.verify.module_comparison import Comparison, FunctionVerdict
from wasmopt.verify.prover import SOLVER, Prover
from wasmopt.verify.two_modules import LIMITS, TwoModules, verify_modules

__all__ = [
    "EXPERIMENTS",
    "LIMITS",
    "SOLVER",
    "Comparison",
    "Divergence",
    "FunctionVerdict",
    "ProofCache",
    "Prover",
    "TwoModules",
    "default_path",
    "prove_module",
    "replay",
    "solver_version",
    "validator_version",
    "verify_modules",
]

if __name__ != "wasmopt.verify":
    raise ImportError("import this package as wasmopt.verify")
