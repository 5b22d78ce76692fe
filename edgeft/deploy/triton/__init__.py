"""Bundles in NVIDIA's Triton Inference Server: each a model of its Python backend.

That backend runs edgeft itself, so that answers are edgeft's own for every task: normalization,
windows, thresholds, cascades. Triton brings the queue, batches of many callers, HTTP and gRPC.

write.py    bundles to a model repository
config.py   what Triton is told of a model
backend.py  tensors to predictions; runs inside Triton, where the base install is
model.py    the file that Triton runs: thin, copied as it stands
"""
