"""Measurements that a decision can rest on: latency, throughput, memory, agreement."""
