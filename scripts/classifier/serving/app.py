"""The routes and their handlers."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from ..errors import UserError, in_short
from ..formats import answers
from ..formats.answers import Answer
from ..formats.classifiers import Classifier
from ..judging.report.style import COLOURS
from ..photos.pixels import UnreadableImage
from . import docs_page, forms, leaving, metrics, openapi, page, queries, tensorflow_rest
from .batches import Outcome, Picture
from .bodies import Bodies
from .door import ON_ERRORS
from .queries import Wanted
from .refusals import Refused
from .service import Served, Service
from .tokens import MOST_SIGN_IN, SIGN_IN, Tokens

# The event loop reads requests up to this size itself, within milliseconds. Larger ones go to another thread.
_READ_AT_ONCE = 50_000

_MODEL = re.compile(
    r"/v1/models/(?P<name>[^/:]+)(/versions/(?P<version>\d{1,18})|/labels/(?P<label>[^/:]+))?"
    r"(?P<rest>/metadata|:predict|:classify|:regress)?"
)
_FILES = Path(__file__).parent / "page"
_SCRIPT, _ICON = "text/javascript", "image/svg+xml"

_Read = TypeVar("_Read")


def build(service: Service, tokens: Tokens, lifespan: Callable) -> Starlette:
    handlers = _Handlers(service, tokens)
    style = COLOURS + (_FILES / "page.css").read_text("utf-8")
    routes = [
        Route("/", handlers.page),
        Route("/page.css", _file(style.encode(), "text/css")),
        Route("/page.js", _file((_FILES / "page.js").read_bytes(), _SCRIPT)),
        Route("/icon.svg", _file((_FILES / "icon.svg").read_bytes(), _ICON)),
        Route("/label", handlers.label, methods=["POST"]),
        Route("/why", handlers.why, methods=["POST"]),
        Route("/v1/{rest:path}", handlers.tensorflow, methods=["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]),
        Route("/watching", handlers.watching),
        Route("/docs", handlers.docs),
        Route("/openapi.json", handlers.openapi),
        Route(SIGN_IN, handlers.sign_in, methods=["POST"]),
        Route("/healthz", handlers.healthz),
        Route("/readyz", handlers.readyz),
        Route("/metrics", handlers.metrics),
    ]
    return Starlette(routes=routes, exception_handlers=ON_ERRORS, lifespan=lifespan)


def _file(data: bytes, kind: str) -> Callable:
    async def answer(request: Request) -> Response:
        return Response(data, media_type=kind)

    return answer


class _Handlers:
    def __init__(self, service: Service, tokens: Tokens):
        self._service, self._tokens, self._bodies = service, tokens, Bodies()

    async def page(self, request: Request) -> Response:
        served, kept = self._service.current, self._service.kept is not None
        return HTMLResponse(page.render(self._service.name, served.version, served.classifier, served.explains, kept))

    async def docs(self, request: Request) -> Response:
        return HTMLResponse(docs_page.render(self._document()))

    async def openapi(self, request: Request) -> Response:
        return JSONResponse(self._document())

    async def sign_in(self, request: Request) -> Response:
        async with self._bodies.read(request.scope, request.receive, MOST_SIGN_IN) as form:
            return await self._tokens.sign_in(request.scope, form)

    async def healthz(self, request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(self, request: Request) -> Response:
        if self._service.stopping:
            return PlainTextResponse("stopping\n", 503)
        return PlainTextResponse("ready\n")

    async def metrics(self, request: Request) -> Response:
        served = self._service.current
        text = self._service.metrics.text(served.batches.waiting, served.recent)
        return Response(text, headers={"content-type": metrics.CONTENT_TYPE})

    async def watching(self, request: Request) -> Response:
        served = self._service.current
        return JSONResponse({**_model(self._service, served), **served.recent.as_json()})

    async def label(self, request: Request) -> Response:
        wanted = queries.read(request.query_params)
        async with self._body(request) as body:
            pictures = await _pictures(request, body)
            served, outcomes = await self._look(request, [data for _, data in pictures])
        model = _model(self._service, served)
        described = [
            {**({} if name is None else {"image": name}), **_described(outcome, served.classifier, wanted)}
            for (name, _), outcome in zip(pictures, outcomes, strict=True)
        ]
        if len(described) > 1:
            return JSONResponse({**model, "pictures": described})
        (only,) = described
        if "error" in only:
            raise Refused(400, only["error"])
        return JSONResponse({**model, **only})

    async def why(self, request: Request) -> Response:
        async with self._body(request) as body:
            pictures = await _pictures(request, body)
            if len(pictures) > 1:
                raise Refused(400, f"found {len(pictures)} pictures: send one at a time")
            ((_, picture),) = pictures
            wanted = request.query_params.get("label")
            drawn = await leaving.result(request, self._explain(picture, wanted))
        return Response(drawn, media_type="image/jpeg")

    async def _explain(self, picture: bytes, wanted: str | None) -> bytes:
        served = self._service.current
        labels = served.classifier.labels
        if served.explaining is None:
            raise Refused(404, "what spoke for its answers cannot be shown for this classifier")
        if wanted is not None and wanted not in labels:
            raise Refused(400, f"label={in_short(wanted)}: expected one of the classifier's labels")
        try:
            return await served.explaining.explain(picture, None if wanted is None else labels.index(wanted))
        except UnreadableImage as error:
            raise Refused(400, str(error)) from None

    async def tensorflow(self, request: Request) -> Response:
        """Everything under /v1: TensorFlow Serving's interface."""
        asked = _MODEL.fullmatch(request.url.path)
        rest = None if asked is None else asked["rest"]
        if asked is None or request.method != ("POST" if rest is not None and rest.startswith(":") else "GET"):
            raise Refused(400, f"Malformed request: {in_short(f'{request.method} {request.url.path}')}")
        self._check_version(asked)
        if rest == "/metadata":
            served = self._service.current
            sizes = *_size(served), len(served.classifier.labels)
            return JSONResponse(tensorflow_rest.metadata(self._service.name, served.version, *sizes))
        if rest is None:
            return JSONResponse(tensorflow_rest.status(self._versions(asked["version"])))
        if rest == ":regress":
            raise Refused(400, "this is a classifier, which cannot :regress: use :predict or :classify")
        async with self._body(request) as body:
            if rest == ":classify":
                pictures, place = await _read(body, tensorflow_rest.read_classify), "examples"
            else:
                wanted = await _read(body, tensorflow_rest.read_predict, *_size(self._service.current))
                pictures, place = wanted.pictures, "inputs" if wanted.by_column else "instances"
            served, outcomes = await self._look(request, pictures)
        given = _answers(outcomes, place)
        labels = served.classifier.labels
        if rest == ":classify":
            return JSONResponse(tensorflow_rest.results(given, labels))
        return JSONResponse(tensorflow_rest.predictions(given, labels, wanted.by_column))

    def _check_version(self, asked: re.Match) -> None:
        """Any version may be asked for its status, only the one in service for anything else."""
        name, version, label = asked["name"], asked["version"], asked["label"]
        known = [version for version, available in self._versions(None) if available or asked["rest"] is None]
        if name != self._service.name or label is not None or (version is not None and int(version) not in known):
            which = f"Latest({name})" if version is None else f"Specific({name}, {version})"
            raise Refused(404, f"Servable not found for request: {in_short(which)}; served here: {self._service.name}")

    def _versions(self, only: str | None) -> list[tuple[int, bool]]:
        """The latest first, each with True if it is in service."""
        versions = [(self._service.current.version, True), *((old, False) for old in reversed(self._service.former))]
        return [each for each in versions if only is None or each[0] == int(only)]

    def _document(self) -> dict:
        served = self._service.current
        return openapi.document(
            self._service.name, served.classifier.labels, *_size(served), served.explaining is not None
        )

    @asynccontextmanager
    async def _body(self, request: Request) -> AsyncIterator[bytes]:
        async with self._bodies.read(request.scope, request.receive) as body:
            yield body

    async def _look(self, request: Request, pictures: Sequence[Picture]) -> tuple[Served, list[Outcome]]:
        return await leaving.result(request, self._service.look(pictures))


async def _pictures(request: Request, body: bytes) -> list[forms.Named]:
    kind = request.headers.get("content-type", "")
    if kind.lower().startswith("multipart/"):
        return await asyncio.to_thread(forms.read, kind, body)
    return forms.read(kind, body)


async def _read(body: bytes, read: Callable[..., _Read], *more: int) -> _Read:
    if len(body) <= _READ_AT_ONCE:
        return read(body, *more)
    return await asyncio.to_thread(read, body, *more)


def _model(service: Service, served: Served) -> dict:
    return {"model": service.name, "version": str(served.version)}


def _size(served: Served) -> tuple[int, int]:
    """Height and width of its input."""
    take = served.classifier.model.preprocessing
    return take.input_height, take.input_width


def _answers(outcomes: Sequence[Outcome], place: str) -> list[Answer]:
    """The answers. Refuses the request if any picture has none."""
    found: list[Answer] = []
    for at, outcome in enumerate(outcomes):
        if isinstance(outcome, UnreadableImage):
            raise Refused(400, f"{place}[{at}]: {outcome}")
        if isinstance(outcome, Exception):
            raise outcome
        found.append(outcome)
    return found


def _described(outcome: Outcome, classifier: Classifier, wanted: Wanted) -> dict:
    """The same JSON as label_image --json."""
    if isinstance(outcome, UnreadableImage):
        return {"error": str(outcome)}
    if isinstance(outcome, Exception):
        raise outcome
    try:
        sure = classifier.sure_set(outcome, wanted.sure)
    except UserError as error:
        raise Refused(400, str(error)) from None
    return answers.as_json(outcome, classifier.ranked(outcome, wanted.top_k), classifier.named is not None, sure)
