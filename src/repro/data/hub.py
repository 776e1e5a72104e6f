"""The Hugging Face hub: repositories fetched once, at fixed commits, and then read from disk.

Only whoever starts a study fetches; its workers are given the folders. Where a commit is fixed and
was fetched before, nothing is asked of the hub at all.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

# What is fetched of a repository unless its name says otherwise, as in `google/model@refs/pr/4`.
REVISIONS = {
    "nyu-mll/glue": "bcdcba79d07bc864c1c254ccfcedcce55bcc9a8c",
    "aps/super_glue": "3de24cf8022e94f4ee4b9d55a6f539891524d646",
    "FacebookAI/roberta-base": "e2da8e2f811d1448a5b465c236feacd80ffbac7b",
    "google-bert/bert-base-uncased": "86b5e0934494bd15c9632b12f734a8a67f723594",
    "google-bert/bert-large-uncased": "6da4b6a26a1877e173fca3225479512db81a5e5b",
    "distilbert/distilbert-base-uncased": "12040accade4e8a0f71eabdb258fecc2e7e948be",
    "distilbert/distilroberta-base": "fb53ab8802853c8e4fbdbcd0529f21fc6f459b2b",
    # ELECTRA's main branches have no safetensors; these proposals, never merged, add them.
    "google/electra-base-discriminator": "refs/pr/4",
    "google/electra-small-discriminator": "refs/pr/2",
}
# How the commit begins to which a proposal above must lead, where it is known: it may be changed.
_COMMITS = {"google/electra-base-discriminator": "622038df"}


@cache
def fetch(name: str, *, kind: str, files: Sequence[str]) -> Path:
    """Return the folder with those files of a repository, downloaded unless they are here already.

    Args:
        name: of the repository; `name@revision` for a branch, a tag or a commit of one's choice.
        kind: "model" or "dataset".
        files: patterns of their paths.
    Raises:
        ConnectionError: if the hub cannot be reached, or refuses, and the files are not here.
        ValueError: if there is no such repository or revision, or a proposal was changed.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError
    from huggingface_hub.utils import are_progress_bars_disabled, disable_progress_bars

    repository, _, named = name.partition("@")
    revision = named or REVISIONS.get(repository, "main")
    if not are_progress_bars_disabled():
        disable_progress_bars()
    try:
        folder = snapshot_download(
            repository, repo_type=kind, revision=revision, allow_patterns=list(files)
        )
    except RevisionNotFoundError:
        raise ValueError(
            f"{repository} must have the revision {revision}, but the hub has it no more; name "
            f"another, as in {repository}@main, or set HF_HUB_OFFLINE=1 to use an earlier download"
        ) from None
    except RepositoryNotFoundError:
        raise ValueError(
            f"{repository} must be a public {kind} of the hub, but there is none of that name; "
            "check it, or log in by `hf auth login`"
        ) from None
    except Exception as error:  # the hub's client has no common base for its errors
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise ConnectionError(
            f"{repository} must be within reach, or downloaded already, but {reason:.200}; "
            f"connect and try again, or give a directory with the {kind}"
        ) from error
    commit = Path(folder).name
    if not named and not commit.startswith(_COMMITS.get(repository, "")):
        raise ValueError(
            f"{revision} of {repository} must be commit {_COMMITS[repository]}, but got {commit}; "
            f"to use it all the same name the model {repository}@{commit}"
        )
    return Path(folder)
