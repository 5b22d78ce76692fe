"""What lies where in the folder that is carried to the GPU machine. Imports nothing.

models/NAME/     a checkpoint, its weights in half precision
bundles/NAME/    what edgeft exported of it
data/            NAME.csv to train on and NAME.test.csv to report on
unseen.csv       rows that the trained model did not see
site/            Python packages that the machine lacks

edgeft and benchmarks themselves are in the checkout that the calls are made from.
"""

__all__ = ["MODELS", "TEST", "TRAINED", "UNSEEN", "VARIANTS"]

TRAINED = "minilm"  # on the first of the data
MODELS = (TRAINED, "distilbert")
VARIANTS = ("fp32", "int8", "fp16")
TEST = ".test.csv"
UNSEEN = "unseen.csv"
