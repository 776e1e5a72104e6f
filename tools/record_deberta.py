"""Turn the published DeBERTa tuning data into recorded trials.

    python tools/record_deberta.py FOLDER

FOLDER holds `deberta-base_tuning.results.jsonl`, `deberta-v3-base_tuning.results.jsonl` and
`LICENSE` as published with the package opda.
"""

import shutil
import sys
from pathlib import Path

import pandas as pd

from repro.paths import data_directory
from repro.results.recorded import write_recorded

MODELS = {"deberta-base": "deberta-base", "deberta-v3-base": "deberta-v3-base"}
N_TRAIN = 392_702  # of MNLI
NAMES = {
    "iteration": "trial",
    "num_train_epochs": "epochs",
    "train_batch_size": "batch_size",
    "total_model_steps": "total_steps",
    "cls_drop_out": "classifier_dropout",
}
ABOUT = {
    "what": "random search over DeBERTa-base and DeBERTaV3-base, fine-tuned on MNLI",
    "source": "Lourie, Cho & He 2023, Show Your Work with Confidence (arXiv 2311.09480)",
    "licence": "CC BY-SA 4.0, Nicholas Lourie; the tables here are the same data in another form",
    "scores": "validation: accuracy on MNLI's matched set; test: on its mismatched set, which is "
    "of other genres by design",
    "space": {
        "epochs": {"choice": [1, 2, 3, 4]},
        "batch_size": {"whole_number": [16, 64]},
        "learning_rate": {"log_uniform": [1e-6, 1e-3]},
        "warmup_ratio_of_the_first_epoch": {"uniform": [0.0, 0.6]},
        "classifier_dropout": {"uniform": [0.0, 0.3]},
    },
}


def main(folder: Path) -> None:
    trials, evaluations = [], []
    for model, stem in MODELS.items():
        frame = pd.read_json(folder / f"{stem}_tuning.results.jsonl", lines=True)
        key = {"model": model, "task": "mnli", "space": "published"}
        frame = frame.rename(columns=NAMES).assign(**key, status="completed")
        for row in frame.to_dict("records"):
            curves = [
                pd.DataFrame(row["learning_curves"][name], columns=["step", score])
                for name, score in (("matched", "validation_score"), ("mismatched", "test_score"))
            ]
            curve = curves[0].merge(curves[1], on="step", validate="one_to_one")
            epoch = curve["step"] * row["batch_size"] / N_TRAIN
            evaluations.append(curve.assign(**key, trial=row["trial"], epoch=epoch))
        trials.append(frame.drop(columns="learning_curves"))
    target = data_directory() / "recorded/deberta"
    tables = {"trials": pd.concat(trials), "evaluations": pd.concat(evaluations)}
    write_recorded(target, **tables, about=ABOUT)
    shutil.copyfile(folder / "LICENSE", target / "LICENSE")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
