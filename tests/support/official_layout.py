"""Tiny files in the layout of the official GLUE download, for tests."""

# task -> folder, train, dev and test in the official layout, and the ids of train's labels. The
# sentences are ours; class ids follow the hub: WNLI 1 and RTE 0 mean entailment.
OFFICIAL = {
    "cola": (
        "CoLA",
        "x1\t1\t\tThe owl sleeps.\nx1\t0\t*\tThe owl sleep it.",
        "x1\t0\t*\tOwls it sleeps.",
        "index\tsentence\n0\tA cat ran.",
        [1, 0],
    ),
    "sst2": (
        "SST-2",
        "sentence\tlabel\na fine owl \t1\na dull owl \t0\n",
        "sentence\tlabel\na dim owl \t0\n",
        "index\tsentence\n0\tan owl\n",
        [1, 0],
    ),
    "mrpc": (
        "MRPC",
        "\ufeffQuality\t#1 ID\t#2 ID\t#1 String\t#2 String\n1\t7\t8\tAn owl.\tOne owl.\n"
        "0\t9\t10\tAn owl.\tA cat.\n",
        "\ufeffQuality\t#1 ID\t#2 ID\t#1 String\t#2 String\n0\t3\t4\tAn owl.\tA dog.\n",
        "index\t#1 ID\t#2 ID\t#1 String\t#2 String\n0\t5\t6\tA cat.\tOne cat.\n",
        [1, 0],
    ),
    "stsb": (
        "STS-B",
        "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2\tscore\n"
        "0\tg\tf\t2012\t0001\tnone\tnone\tAn owl.\tOne owl.\t4.800\n"
        "1\tg\tf\t2012\t0002\tnone\tnone\tAn owl.\tA cat.\t0.250\n",
        "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2\tscore\n"
        "0\tg\tf\t2012\t0003\tnone\tnone\tAn owl.\tA bird.\t3.000\n",
        "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2\n"
        "0\tg\tf\t2012\t0004\tnone\tnone\tA cat.\tOne cat.\n"
        "1\tg\tf\t2012\t0005\tnone\tnone\tA cat.\tA dog.\n",
        [4.8, 0.25],
    ),
    "qqp": (
        "QQP",
        "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n41\t1\t2\tWho?\tWho is it?\t1\n"
        "7\t3\t4\tWho?\tWhen?\t0\n",
        "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n9\t5\t6\tWhere?\tWhen?\t0\n",
        "id\tquestion1\tquestion2\n0\tWhy?\tWhy not?\n",
        [1, 0],
    ),
    "mnli": (
        "MNLI",
        "index\tpromptID\tgenre\tsentence1\tsentence2\tlabel1\tgold_label\n"
        "0\t1\tg\tAn owl sat.\tA bird sat.\tentailment\tentailment\n"
        "1\t2\tg\tAn owl sat.\tIt stood.\tcontradiction\tcontradiction\n",
        "index\tpromptID\tgenre\tsentence1\tsentence2\tlabel1\tlabel2\tgold_label\n"
        "0\t3\tg\tAn owl sat.\tIt sang.\tneutral\tentailment\tneutral\n",
        "index\tpromptID\tgenre\tsentence1\tsentence2\n0\t4\tg\tA cat ran.\tIt ran.\n",
        [0, 2],
    ),
    "qnli": (
        "QNLI",
        "index\tquestion\tsentence\tlabel\n0\tWho sat?\tAn owl sat.\tentailment\n"
        "1\tWho sat?\tIt rained.\tnot_entailment\n",
        "index\tquestion\tsentence\tlabel\n0\tWho ran?\tA \ufeffcat ran.\tentailment\n",
        "index\tquestion\tsentence\n0\tWho?\tA cat.\n",
        [0, 1],
    ),
    "rte": (
        "RTE",
        'index\tsentence1\tsentence2\tlabel\n0\t"Sit," he said.\tHe spoke.\tentailment\n'
        '1\t"An owl sat.\tIt" flew.\tnot_entailment\n',
        "index\tsentence1\tsentence2\tlabel\n0\tAn owl.\tA cat.\tnot_entailment\n",
        "index\tsentence1\tsentence2\n0\tA cat.\tAn animal.\n",
        [0, 1],
    ),
    "wnli": (
        "WNLI",
        "index\tsentence1\tsentence2\tlabel\n0\tThe owl saw it.\tThe owl saw.\t1\n"
        "1\tThe owl saw it.\tIt saw.\t0\n",
        "index\tsentence1\tsentence2\tlabel\n0\tThe owl saw it.\tIt saw it.\t0\n",
        "index\tsentence1\tsentence2\n0\tThe cat saw it.\tThe cat saw.\n",
        [1, 0],
    ),
}

# the texts of the first row of train
FIRST_TEXTS = {
    "cola": ["The owl sleeps."],
    "sst2": ["a fine owl "],
    "mrpc": ["An owl.", "One owl."],
    "stsb": ["An owl.", "One owl."],
    "qqp": ["Who?", "Who is it?"],
    "mnli": ["An owl sat.", "A bird sat."],
    "qnli": ["Who sat?", "An owl sat."],
    "rte": ['"Sit," he said.', "He spoke."],
    "wnli": ["The owl saw it.", "The owl saw."],
}


def write_official(directory, name, **changed):
    folder, train, dev, test, _ = OFFICIAL[name]
    suffix = "_matched" if name == "mnli" else ""
    texts = {"train": train, f"dev{suffix}": dev, f"test{suffix}": test} | changed
    (directory / folder).mkdir()
    for split, text in texts.items():
        if text is not None:
            (directory / folder / f"{split}.tsv").write_bytes(text.encode())
    return directory
