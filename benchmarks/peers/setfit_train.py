"""SetFit's distilled model, as its guide to knowledge distillation goes."""

import tempfile
import time

from student_rows import run

BATCH = 16  # pairs, as in the guide


def train(options, texts, labels):
    """Fine-tune a teacher and a student of half its layers, then distill one into the other.

    Pairs of texts grow with the square of the rows: ``max_steps`` bounds each of the three
    trainings, as the guide bounds the distillation. The classifiers see all rows.

    setfit 1.2.0 asks the student for a similarity of 1 for each pair, whatever the teacher says:
    it pairs texts by an id that is always 0. OUT is a student that learned the teacher's
    similarities; with ``--released`` the other is saved beside it as OUT-released, as the teacher
    (OUT-teacher) and the student before it was distilled (OUT-alone) always are. ``seconds_of``
    says what each part took.
    """
    import setfit
    from datasets import Dataset
    from sentence_transformers import SentenceTransformer
    from setfit import DistillationTrainer, SetFitModel, Trainer, TrainingArguments
    from setfit.sampler import ContrastiveDistillationDataset

    names = sorted(set(labels))
    data = Dataset.from_dict({"text": texts, "label": [names.index(one) for one in labels]})
    seconds = {}

    class Pairs(ContrastiveDistillationDataset):
        def generate_pairs(self):
            self.sentence_labels = [(text, at) for at, text in enumerate(self.sentences)]
            super().generate_pairs()

    def opened(folder):
        model = SetFitModel.from_pretrained(str(folder), labels=names)
        model.model_body.max_seq_length = options.length
        return model

    with tempfile.TemporaryDirectory() as scratch:
        arguments = TrainingArguments(
            output_dir=scratch, batch_size=BATCH, max_steps=options.steps, seed=options.seed,
            report_to="none", save_strategy="no", show_progress_bar=False,
        )  # fmt: skip

        def timed(part, trainer):
            begin = time.perf_counter()
            trainer.train()
            seconds[part] = time.perf_counter() - begin

        teacher = opened(options.encoder)
        timed("teacher", Trainer(model=teacher, args=arguments, train_dataset=data))
        teacher.save_pretrained(f"{options.out}-teacher")

        body = SentenceTransformer(str(options.encoder), device="cpu")
        halve(body[0].auto_model)
        body.save(f"{scratch}/half")
        student = opened(f"{scratch}/half")
        timed("student", Trainer(model=student, args=arguments, train_dataset=data))
        student.save_pretrained(f"{options.out}-alone")

        texts_alone = data.remove_columns("label")
        kinds = {"distilled": Pairs}
        if options.released:
            kinds["released"] = ContrastiveDistillationDataset
        for part, pairs in kinds.items():
            setfit.trainer_distillation.ContrastiveDistillationDataset = pairs
            student = opened(f"{options.out}-alone")
            timed(part, DistillationTrainer(teacher_model=teacher, student_model=student,
                                            args=arguments, train_dataset=texts_alone))  # fmt: skip
            out = str(options.out) + ("" if part == "distilled" else f"-{part}")
            student.save_pretrained(out)
    return {
        "seconds": sum(seconds[part] for part in ("teacher", "student", "distilled")),
        "seconds_of": seconds,
        "steps": options.steps,
    }


def halve(model):
    """Keep every other layer of an encoder, the first and the last among them."""
    import torch

    layers = model.encoder.layer
    count = len(layers) // 2
    model.encoder.layer = torch.nn.ModuleList(
        layers[at * (len(layers) - 1) // (count - 1)] for at in range(count)
    )
    model.config.num_hidden_layers = count


if __name__ == "__main__":
    run(train)
