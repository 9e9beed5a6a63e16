"""The jailed process: takes one request after the other on stdin, answers on stdout.

Started as ``python -m fleet.adapters.render.worker KIND PARENT``. A worker for templates renders in its own process. A
worker for programs has the Pulumi SDK loaded and forks for each request, so that one program never sees another.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import lru_cache
from typing import Any, BinaryIO, NoReturn

from fleet.adapters.render import codes, frames, jail
from fleet.adapters.render.documents import Document, DocumentError, line_of, parse
from fleet.adapters.render.lines import locate
from fleet.adapters.render.manifests import Candidate, Checker, Finding, Path
from fleet.adapters.render.templates import MAX_OUTPUT, AppTemplates, Breach, Trouble

_TEMPLATE_MEMORY = 512 * 1024 * 1024
_PROGRAM_MEMORY = 1536 * 1024 * 1024
_OPEN_FILES = 64

Answer = dict[str, Any]


def main() -> NoReturn:
    """Serve until stdin ends."""
    kind, parent = sys.argv[1], int(sys.argv[2])
    jail.die_with_parent(parent)
    source, sink = _take_streams()
    libraries = jail.library_directories()
    if kind == "program":
        _load_sdk()
        gc.freeze()  # forked children share these pages
    else:
        jail.limit_process(memory=_TEMPLATE_MEMORY, files=_OPEN_FILES, processes=0)
        _warm_up()
    layers = ["limits"]
    layers += ["privileges"] if jail.give_up_privileges() else []
    layers += ["network"] if jail.leave_network() else []
    layers += ["files"] if jail.hide_files(libraries) else []
    if kind != "program":
        layers += ["system calls"] if jail.forbid_syscalls(threads=False) else []
        jail.refuse_in_python(libraries)
    _write(sink, {"ready": layers})
    serve: Callable[[Any], Answer] = _in_fork if kind == "program" else _in_place
    while (request := frames.read(source)) is not None:
        answer = serve(request)
        _write(sink, answer)
        if answer.get("tainted"):
            break
    os._exit(0)


def _take_streams() -> tuple[BinaryIO, BinaryIO]:
    """Return stdin and stdout for the protocol; a program that prints or reads gets nothing."""
    source, sink = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    return source, sink


def _write(sink: BinaryIO, message: Answer) -> None:
    sink.write(frames.encode(message))
    sink.flush()


def _load_sdk() -> None:
    """Load the SDK once, before anything is forked or confined."""
    from fleet.adapters.render import programs

    programs.preload(("meta.v1", "core.v1", "apps.v1"))


def _warm_up() -> None:
    """Use everything once that is loaded lazily: later no file can be opened."""
    broken = {
        "files": {"apps/x/templates/a.yaml.j2": "a: {{ b | to_yaml }}\n"},
        "app": "x",
        "context": {},
        "digest": "",
    }
    render_templates({**broken, "context": {"b": "é"}, "namespace": None, "cluster_scoped": []})
    render_templates({**broken, "namespace": None, "cluster_scoped": []})
    _templates.cache_clear()


@contextmanager
def _cpu_limit(seconds: float) -> Iterator[None]:
    """Raise :class:`Breach` after so much processor time; the kernel kills a little later what does not listen."""

    def breach(*_: Any) -> NoReturn:
        raise Breach(codes.CPU_TIME, f"rendering takes more than {seconds:g} seconds of processor time")

    jail.limit_cpu(int(seconds) + 1)
    signal.signal(signal.SIGPROF, breach)
    # Again and again: a program may catch anything, once.
    signal.setitimer(signal.ITIMER_PROF, seconds, 0.1)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _in_place(request: Answer) -> Answer:
    """Render in this process. After a broken limit the process is given up, since nobody knows what it holds."""
    path = f"apps/{request.get('app')}/templates"
    try:
        with _cpu_limit(float(request["cpu"])):
            return render_names(request) if request["do"] == "names" else render_templates(request)
    except Breach as breach:
        return _failed(breach.code, breach.message, path)
    except MemoryError:
        return _failed(codes.MEMORY, "rendering needs more memory than allowed", path)
    except RecursionError:
        return _failed(codes.RECURSION, "endless recursion", path)


def _failed(code: str, message: str, path: str) -> Answer:
    return {"objects": [], "problems": [asdict(Trouble(code, message, path))], "tainted": True}


def _in_fork(request: Answer) -> Answer:
    """Run a program in a forked process with all limits; what it leaves behind ends with it."""
    from fleet.adapters.render import programs

    path = f"apps/{request.get('app')}/program.py"
    programs.preload(programs.mentioned(request["files"]))
    outlet, inlet = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(outlet)
        _program_process(request, inlet, path)
    os.close(inlet)
    with os.fdopen(outlet, "rb") as stream:
        answer = frames.read(stream)
    _, status = os.waitpid(child, 0)
    if isinstance(answer, dict):
        return answer
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU:
        text = f"the program takes more than {float(request['cpu']):g} seconds of processor time"
        return {**_failed(codes.CPU_TIME, text, path), "tainted": False}
    return {
        **_failed(codes.CRASHED, "the process that ran the program ended without an answer", path),
        "tainted": False,
    }


def _program_process(request: Answer, inlet: int, path: str) -> NoReturn:
    """Confine this forked process, run the program, answer, and end."""
    try:
        jail.die_with_parent(os.getppid())
        jail.limit_process(memory=_PROGRAM_MEMORY, files=_OPEN_FILES, processes=None)
        jail.forbid_syscalls(threads=True)
        jail.refuse_in_python(jail.library_directories())
        try:
            with _cpu_limit(float(request["cpu"])):
                answer = run_program(request)
        except Breach as breach:
            answer = _failed(breach.code, breach.message, path)
        answer["tainted"] = False
        with os.fdopen(inlet, "wb") as stream:
            _write(stream, answer)
    finally:
        os._exit(0)


def render_names(request: Answer) -> Answer:
    """Return which names of the context the templates of an app refer to."""
    templates = AppTemplates(request["app"], request["files"])
    return {"names": templates.names_used(frozenset(request["wanted"]))}


@lru_cache(maxsize=8)
def _templates(digest: str, app: str) -> list[AppTemplates]:
    """Return a place for the compiled templates of an app; the digest of its files tells versions apart."""
    del digest, app
    return []


def render_templates(request: Answer) -> Answer:
    """Render all templates of an app and check what comes out."""
    kept = _templates(request["digest"], request["app"])
    if not kept:
        kept.append(AppTemplates(request["app"], request["files"]))
    templates, context = kept[0], request["context"]
    problems: list[Trouble] = []
    candidates: list[Candidate] = []
    room = MAX_OUTPUT
    if not templates.names:
        path = f"apps/{request['app']}/templates"
        problems.append(Trouble(codes.NO_FILES, "the app has no templates", path, hint="add `*.yaml.j2` files there"))
    for name in templates.names:
        sheet: _Sheet | None = None
        try:
            text = templates.render(name, context, room)
            room -= len(text)
            sheet = _Sheet(templates, name, context, text)
            candidates += [sheet.candidate(document) for document in parse(text)]
        except DocumentError as error:
            place = sheet.place(error.line) if sheet is not None else (templates.path(name), None)
            problems.append(Trouble(error.code, error.message, *place, error.hint))
        except Breach as breach:
            problems.append(templates.trouble(breach, name))
            return {"objects": [], "problems": [asdict(p) for p in problems], "tainted": True}
        except Exception as error:  # a template can raise anything; the problem says what and where
            problems.append(templates.trouble(error, name))
    return _checked(request, candidates, problems)


class _Sheet:
    """The rendered text of one template, and the way back from its lines to those of the template."""

    def __init__(self, templates: AppTemplates, name: str, context: Answer, text: str) -> None:
        self._templates = templates
        self._name = name
        self._context = context
        self._text = text
        self._marked: str | None = None

    def candidate(self, document: Document) -> Candidate:
        """Return a document as what may be an object."""

        def place(keys: Path) -> tuple[str, int | None]:
            return self.place(line_of(document.node, *keys))

        return Candidate(document.value, place)

    def place(self, line: int) -> tuple[str, int | None]:
        """Return template and line of a rendered line."""
        path = self._templates.path(self._name)
        if not self._name.endswith(".j2"):
            return path, line
        if self._marked is None:
            try:
                self._marked = self._templates.marked(self._name, self._context)
            except (Exception, MemoryError):  # the marks changed what the template does: there is no line, then
                self._marked = ""
        found = locate(self._text, self._marked, line)
        if found is None:  # before the first literal text, or without any
            return path, 1 if self._marked else None
        return self._templates.path(found[0]), found[1]


def run_program(request: Answer) -> Answer:
    """Run the program of an app and check what it registered."""
    from fleet.adapters.render import programs

    recording = programs.run(request["app"], request["files"], request["context"])
    return _checked(request, recording.candidates, recording.problems)


def _checked(request: Answer, candidates: list[Candidate], problems: list[Trouble]) -> Answer:
    checker = Checker(request["namespace"], request["cluster_scoped"])
    objects = checker.objects(candidates)
    problems += [_trouble(finding) for finding in checker.findings]
    return {"objects": [] if problems else objects, "problems": [asdict(p) for p in problems], "tainted": False}


def _trouble(finding: Finding) -> Trouble:
    path, line = finding.candidate.place(finding.keys)
    return Trouble(finding.code, finding.message, path, line, finding.hint)


if __name__ == "__main__":
    main()
