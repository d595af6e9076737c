"""Makes WebAssembly modules smaller and proves every change."""
