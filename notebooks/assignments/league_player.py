"""Stand between a tuner and the league: JSON lines in, the tuner's methods, JSON lines out."""

import json
import os
import sys


def main() -> None:
    """Answer until there is no more to answer; the tuner's own prints go nowhere."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.path.insert(0, os.getcwd())
    tuner = None
    for line in sys.stdin:
        method, *arguments = json.loads(line)
        try:
            if method == "start":
                import tuner as module

                tuner, value = module.Tuner(*arguments), True
            else:
                value = getattr(tuner, method)(*arguments)
                value = dict(value) if method == "suggest" else bool(value)
            answer = {"value": value}
            text = json.dumps(answer, default=float)
        except Exception as error:
            text = json.dumps({"error": f"{type(error).__name__}: {error}"})
        answers.write(text + "\n")


if __name__ == "__main__":
    main()
