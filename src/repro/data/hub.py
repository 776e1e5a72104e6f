"""The Hugging Face hub: repositories fetched once, at fixed commits, and then read from disk.

Only whoever starts a study fetches; its workers are given the folders. Where a commit is fixed and
was fetched before, nothing is asked of the hub at all.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from repro.checked import read_yaml

KNOWN = read_yaml(Path(__file__).with_name("hub.yaml"))
REVISIONS = {name: about["revision"] for name, about in KNOWN.items()}


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
    commit, expected = Path(folder).name, KNOWN.get(repository, {}).get("commit", "")
    if not named and not commit.startswith(expected):
        raise ValueError(
            f"{revision} of {repository} must be commit {expected}, but got {commit}; "
            f"to use it all the same name the model {repository}@{commit}"
        )
    return Path(folder)
