"""A stand-in for the Hugging Face hub on loopback, for tests and for trying `source: hub` offline.

It speaks as much of the hub's interface as `huggingface_hub.snapshot_download` uses: what a
repository is, the tree of a commit, and its files. `python tests/support/hub_server.py` serves the
embedded models and the miniature of GLUE under the names that the profiles use, until Ctrl-C.
"""

import hashlib
import json
import re
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import unquote, urlsplit

import pyarrow
from pyarrow import parquet

from repro.data.definitions import TASKS
from repro.data.hub import REVISIONS, fetch
from repro.data.miniature.tasks import load_mini_task
from repro.paths import data_directory

_API = re.compile(r"/api/(models|datasets)/([^/]+/[^/]+)(?:/(revision|tree)/(.+))?")
_FILE = re.compile(r"/(datasets/)?([^/]+/[^/]+)/resolve/([^/]+)/(.+)")


@dataclass
class Repository:
    """What branches lead to, and the files of each commit."""

    refs: dict[str, str] = field(default_factory=dict)
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)


class HubServer:
    """Serves repositories at `endpoint`; counts what it was asked, and refuses when told to."""

    def __init__(self):
        self.repositories: dict[tuple[str, str], Repository] = {}
        self.requests: list[str] = []
        self.refusals: list[tuple[int, dict[str, str]]] = []  # status and headers of the next
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def push(self, kind: str, name: str, files: dict[str, bytes], *, ref="main", commit=None):
        """Add a commit of a model or dataset, and let a branch lead to it; return the commit."""
        repository = self.repositories.setdefault((f"{kind}s", name), Repository())
        contents = repr((name, sorted((p, hashlib.sha1(c).digest()) for p, c in files.items())))
        commit = commit or hashlib.sha1(contents.encode()).hexdigest()
        repository.commits[commit], repository.refs[ref] = files, commit
        return commit

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(hub: HubServer):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            hub.requests.append(f"{self.command} {self.path}")
            path = urlsplit(self.path).path
            if hub.refusals:
                self._answer(*hub.refusals.pop(0))
            elif match := _API.fullmatch(path):
                self._api(*match.groups())
            elif match := _FILE.fullmatch(path):
                kind, *where = match.groups()
                self._file("datasets" if kind else "models", *where)
            else:
                self._answer(404)

        do_HEAD = do_GET

        def _find(self, kind, name, revision):
            """Return the commit and its files; None where the answer was that there is none."""
            repository = hub.repositories.get((kind, name))
            if repository is None:
                return self._answer(404, {"X-Error-Code": "RepoNotFound"})
            commit = repository.refs.get(revision, revision)
            if commit not in repository.commits:
                return self._answer(404, {"X-Error-Code": "RevisionNotFound"})
            return commit, repository.commits[commit]

        def _api(self, kind, name, what, revision):
            if found := self._find(kind, name, unquote(revision or "main")):
                commit, files = found
                if what == "tree":
                    answer = [
                        {"type": "file", "path": path, "size": len(content), "oid": _sha(content)}
                        for path, content in files.items()
                    ]
                else:
                    answer = {"id": name, "sha": commit, "private": False, "tags": []}
                    answer["siblings"] = [{"rfilename": path} for path in files]
                self._answer(200, body=json.dumps(answer).encode())

        def _file(self, kind, name, revision, path):
            if found := self._find(kind, name, unquote(revision)):
                commit, files = found
                headers = {"X-Repo-Commit": commit}
                content = files.get(unquote(path))
                if content is None:
                    return self._answer(404, headers | {"X-Error-Code": "EntryNotFound"})
                self._answer(200, headers | {"ETag": f'"{_sha(content)}"'}, content)

        def _answer(self, status, headers=(), body=b""):
            self.send_response(status)
            for name, value in dict(headers).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, *arguments):
            """Say nothing: the tests read `requests`."""

    return Handler


def _sha(content: bytes) -> str:
    return hashlib.sha1(content).hexdigest()


def model_files(name: str) -> dict[str, bytes]:
    """Return the files of an embedded model."""
    folder = data_directory() / "mini" / name
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def serve_model(hub: HubServer, name: str, files: dict[str, bytes]) -> None:
    """Serve a model at the commit that the package asks for."""
    revision = REVISIONS.get(name, "main")
    if revision.startswith("refs/"):  # ELECTRA's state: weights in another format on main
        others = {path: c for path, c in files.items() if not path.endswith(".safetensors")}
        hub.push("model", name, others | {"pytorch_model.bin": b"not read"})
        hub.push("model", name, files, ref=revision, commit="622038df" + 32 * "0")
    else:
        hub.push("model", name, files, commit=revision if len(revision) == 40 else None)


def serve_glue(hub: HubServer, tasks, sizes=None) -> None:
    """Serve the miniature of some tasks in the hub's layout, test labels hidden."""
    files = {}
    for task in tasks:
        for split, frame in load_mini_task(task, sizes=sizes).items():
            if split == "test":
                frame = frame.assign(label=-1 if TASKS[task].labels else -1.0)
            name = f"{task}/{split}-00000-of-00001.parquet"
            files[name] = as_parquet(frame, classes=TASKS[task].labels)
    hub.push("dataset", "nyu-mll/glue", files, commit=REVISIONS["nyu-mll/glue"])


@contextmanager
def serving(monkeypatch, folder: Path):
    """Serve this process, which forgets what it has fetched and keeps downloads in `folder`."""
    from huggingface_hub import constants

    hub = HubServer()
    template = constants.HUGGINGFACE_CO_URL_TEMPLATE.replace(constants.ENDPOINT, hub.endpoint)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "ENDPOINT", hub.endpoint)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(folder))
    fetch.cache_clear()
    yield hub
    hub.close()
    fetch.cache_clear()


def as_parquet(frame, classes=None) -> bytes:
    """Write a split as the hub does, with the names of its classes beside it."""
    label = {"names": classes, "_type": "ClassLabel"} if classes else {}
    about = json.dumps({"info": {"features": {"label": label}}})
    table = pyarrow.Table.from_pandas(frame, preserve_index=False)
    file = pyarrow.BufferOutputStream()
    parquet.write_table(table.replace_schema_metadata({"huggingface": about}), file)
    return file.getvalue().to_pybytes()


STANDING_IN = {
    "google/electra-base-discriminator": "tiny-electra",
    "google/electra-small-discriminator": "tiny-electra",
    "FacebookAI/roberta-base": "tiny-roberta",
    "distilbert/distilroberta-base": "tiny-roberta",
    "google-bert/bert-base-uncased": "tiny-bert",
    "google-bert/bert-large-uncased": "tiny-bert",
    "distilbert/distilbert-base-uncased": "tiny-bert",
}


def main() -> None:
    hub = HubServer()
    for name, embedded in STANDING_IN.items():
        serve_model(hub, name, model_files(embedded))
    serve_glue(hub, [task for task in TASKS if task != "superglue_rte"])
    with tempfile.TemporaryDirectory() as home:
        print(f"export HF_ENDPOINT={hub.endpoint} HF_HOME={home}", flush=True)
        try:
            hub._thread.join()
        except KeyboardInterrupt:
            hub.close()


if __name__ == "__main__":
    main()
