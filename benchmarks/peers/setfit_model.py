"""A SetFit model by its ``predict``."""

from serve import serve


class SetFit:
    """An encoder on torch and a logistic regression; ``variant`` is the folder's name."""

    def __init__(self, folder, threads, variant):
        import torch
        from setfit import SetFitModel

        torch.set_num_threads(threads)
        self.model = SetFitModel.from_pretrained(str(folder / variant), device="cpu")

    def one(self, text):
        return self.model.predict(text)

    def all(self, texts, batch):
        options = {"batch_size": batch} if batch else {}
        return list(self.model.predict(texts, show_progress_bar=False, **options))


if __name__ == "__main__":
    serve(SetFit)
