"""model2vec's inference pipeline, which needs no torch."""

import os

from serve import serve


class Model2Vec:
    """Static vectors and a small perceptron in numpy; ``variant`` is the folder's name."""

    def __init__(self, folder, threads, variant):
        for name in ("RAYON_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
            os.environ[name] = str(threads)
        from model2vec.inference import StaticModelPipeline

        self.pipeline = StaticModelPipeline.from_pretrained(str(folder / variant))

    def one(self, text):
        return str(self.pipeline.predict([text])[0])

    def all(self, texts, batch):
        options = {"batch_size": batch} if batch else {}
        return [str(one) for one in self.pipeline.predict(texts, **options)]


if __name__ == "__main__":
    serve(Model2Vec)
