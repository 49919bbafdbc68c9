"""Serves a classifier: a page for people, a REST interface for programs.

    python -m scripts.serve --graph=tf_files/retrained_graph.pb --port=8501

Open http://localhost:8501/ and drop pictures there. --graph takes every format that label_image takes. The
interface is described at /docs. Ctrl-C or SIGTERM stops the server after it has answered all accepted requests.
"""

import os
import socket
import sys
from pathlib import Path

from .classifier import invocation
from .classifier.errors import UserError
from .classifier.formats import classifiers, kinds
from .classifier.formats.classifiers import Classifier
from .classifier.formats.model import Wishes
from .classifier.photos import pixels
from .classifier.serving import access_log, names
from .console import command_line, flags, input_flags
from .console.path_kinds import ANSWERS, FILE

# Cameras of 64 megapixels make this many; a picture then takes up to a gigabyte for a moment.
_MOST_MEGAPIXELS = 65

FLAGS = flags.FLAGS
flags.most_used("graph", "port", "host", "unknown", "token")
flags.group("classifier")
flags.DEFINE_bool(
    "unknown",
    None,
    "Call pictures unknown if they are unlike the training photos. Default: yes, if the classifier can tell.",
)
flags.DEFINE_bool("why", True, "Show on request what in a picture spoke for an answer, if the classifier can.")
flags.DEFINE_bool("watch", False, "Load the graph again whenever a new one is written to the same place.")
flags.group("server")
flags.DEFINE_string("name", None, "The classifier's name in addresses. Default: the file's name.")
flags.DEFINE_string("host", "127.0.0.1", "The address to listen on; 0.0.0.0 lets other machines in.")
flags.DEFINE_integer("port", 8501, "The port to listen on; 0 takes any free port.", 0)
flags.DEFINE_list(
    "known_as",
    [],
    "Names that browsers may use for it besides its addresses and this machine's name, such as a proxy's. Matters "
    "without a token only.",
)
flags.DEFINE_string(
    "token",
    None,
    "Require this bearer token for everything but /healthz. Other users of this machine can see it in the list of "
    "processes, but not a --token_file or the environment variable POETS_TOKEN.",
)
flags.DEFINE_path("token_file", None, "A file with the token.", FILE)
flags.DEFINE_integer(
    "queue", 256, "Number of pictures that may wait. Requests beyond it are told to come back later.", 1
)
flags.DEFINE_integer(
    "most_megapixels",
    _MOST_MEGAPIXELS,
    "Pictures of more megapixels are refused.",
    1,
    pixels.MAX_PIXELS // 1_000_000,
)
flags.DEFINE_path(
    "log_answers",
    None,
    "Append a line of JSON for each answer to this file: time, labels, scores and the picture's sha256, never the "
    "picture. Default: nothing is kept.",
    ANSWERS,
)
flags.DEFINE_enum("log_format", access_log.TEXT, [access_log.TEXT, access_log.JSON], "The format of the request log.")

# Enough pictures for the faster engine, which takes half a second longer to start.
_MANY = 1000


def main(positional: list[str]) -> None:
    command_line.refuse_positional(positional)
    answer_log, server, service, metrics, watching, page, tokens = _import()
    if FLAGS.port > 65535:
        raise UserError(f"--port={FLAGS.port}: expected 0 to 65535")
    token = tokens.find(FLAGS.token, FLAGS.token_file)
    path, labels = Path(FLAGS.graph), None if FLAGS.labels is None else Path(FLAGS.labels)
    kinds.kind_of(path)  # raises if nothing is there
    name, version = service.name_and_version(path, FLAGS.name)
    wishes = Wishes(input_flags.overrides(), _MANY)

    def load() -> Classifier:
        return classifiers.load(path, labels, wishes, FLAGS.unknown, input_flags.names())

    log = access_log.Log(FLAGS.log_format, _write)
    kept = None if FLAGS.log_answers is None else answer_log.AnswerLog(Path(FLAGS.log_answers), log.event)
    listening = server.listen(FLAGS.host, FLAGS.port)
    watched = server.Watched(path, labels, load, FLAGS.unknown, watching.look(path, labels)) if FLAGS.watch else None
    _say(f"loading {path}")
    classifier = load()
    if classifier.model.note:
        _say(f"note: {classifier.model.note}")
    service.check(classifier)
    limits = service.Limits(FLAGS.queue, FLAGS.most_megapixels * 1_000_000)
    served = service.Service(name, version, limits, metrics.Metrics(), wishes.said if FLAGS.why else None, kept)
    asked = tokens.Tokens(token, names.Names(FLAGS.host, FLAGS.known_as), page.sign_in)
    server.run(
        listening, served, classifier, watched, asked, log, lambda: _ready(served, classifier, listening, bool(token))
    )
    _write("stopped")


def _import():
    """The modules that need packages of requirements/serve.txt."""
    try:
        from .classifier.serving import answer_log, metrics, page, server, service, tokens, watching
    except ModuleNotFoundError as error:
        if (error.name or "").startswith(f"{__package__}."):
            raise
        raise UserError(
            f"serving needs the package {error.name}, which is not installed: {invocation.install('serve')}"
        ) from None
    return answer_log, server, service, metrics, watching, page, tokens


def _ready(served, classifier: Classifier, listening: socket.socket, asks_for_token: bool) -> None:
    from .classifier.serving import addresses, telling

    host, port = listening.getsockname()[:2]
    if served.why_not is not None:
        _say(f"note: {served.why_not}")
    _say(
        f"serving {served.name} on {addresses.url(host, port)} (Ctrl-C stops)", telling.line(classifier, FLAGS.unknown)
    )
    _say(*addresses.next_steps(host, port, asks_for_token))


def _say(*lines: str) -> None:
    """Prints to standard error, for people; standard output is for the log."""
    command_line.print_safely(*lines, file=sys.stderr)


def _write(line: str) -> None:
    try:
        print(line, flush=True)
    except BrokenPipeError:
        # Keep serving even if the reader of the log has gone.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    command_line.run(main)
