"""Hugging Face model folders in torch: what training, export and trimming open alike.

Weights are read from safetensors alone, and no code that a model brings is run.
A model is used as its files say it, or refused: nothing in it becomes random but
a head, or a pooler, which is part of one.
"""
