"""The runtime: predictions from a bundle with numpy, tokenizers and onnxruntime alone."""
