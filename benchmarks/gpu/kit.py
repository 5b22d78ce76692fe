"""What lies where in the folder that is carried to the GPU machine. Imports nothing.

models/NAME/     a checkpoint, its weights in half precision
bundles/NAME/    what edgeft exported of it
others/NAME/     a bundle of any task, its checkpoint, and data.* that it is held to
data/            NAME.csv to train on and NAME.test.csv to report on
unseen.csv       rows that the trained model did not see
site/            Python packages that the machine lacks

edgeft and benchmarks themselves are in the checkout that the calls are made from.
"""

__all__ = ["MODELS", "OTHERS", "TEST", "TRAINED", "UNSEEN", "VARIANTS"]

TRAINED = "minilm"  # on the first of the data
MODELS = (TRAINED, "distilbert")
VARIANTS = ("fp32", "int8", "fp16")
TEST = ".test.csv"
OTHERS = "others"
UNSEEN = "unseen.csv"
