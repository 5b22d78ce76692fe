"""model2vec's fine-tuned static classifier, as its documentation on training shows."""

from student_rows import run


def train(options, texts, labels):
    """Distill the encoder's static vectors, fine-tune them with a classifier, save the pipeline.

    All by default: PCA to 256 dimensions and SIF weights; a hidden layer of 512; a tenth of the
    rows kept back to stop by.
    """
    from model2vec.distill import distill
    from model2vec.train import StaticModelForClassification

    static = distill(str(options.encoder))
    classifier = StaticModelForClassification.from_static_model(model=static)
    classifier.fit(texts, labels, device="cpu", random_seed=options.seed)
    classifier.to_pipeline().save_pretrained(str(options.out))
    return {}


if __name__ == "__main__":
    run(train)
