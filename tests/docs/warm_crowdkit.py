"""`crowdkit` without its start: one process has imported everything and forks for each command.

``python warm_crowdkit.py serve SOCKET`` is that process. A shell runs
``python -IS warm_crowdkit.py run SOCKET ARGUMENTS`` as its `crowdkit`: this hands over arguments,
working directory, environment and standard streams, and ends with the command's exit code.
"""

import json
import os
import socket
import sys

STREAMS = (0, 1, 2)
DIED = 1
"""Exit code where the process of a command ended without one."""


def run(path: str, *arguments: str) -> int:
    """Exit code of `crowdkit ARGUMENTS`, run by a child of the process at the socket ``path``."""
    request = json.dumps((arguments, os.getcwd(), dict(os.environ))).encode()
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(path)
        sent = socket.send_fds(server, [request], STREAMS)
        server.sendall(request[sent:])
        server.shutdown(socket.SHUT_WR)
        code = server.recv(1)
    return code[0] if code else DIED


def serve(path: str) -> None:
    """Fork for each command asked for at the socket ``path``, for as long as the parent lives."""
    from importlib import import_module
    from pkgutil import iter_modules
    from socketserver import ForkingMixIn, StreamRequestHandler, UnixStreamServer

    import crowdkit_core

    for package in iter_modules(crowdkit_core.__path__):
        import_module(f"crowdkit_core.{package.name}")

    class Command(StreamRequestHandler):
        def handle(self) -> None:
            start, streams, *_ = socket.recv_fds(self.request, 1 << 16, len(STREAMS))
            arguments, folder, environment = json.loads(start + self.rfile.read())
            for received, stream in zip(streams, STREAMS, strict=True):
                os.dup2(received, stream)
                os.close(received)
            os.chdir(folder)
            os.environ.clear()
            os.environ.update(environment)
            sys.argv = ["crowdkit", *arguments]
            code = exit_code()
            self.wfile.write(bytes([code]))

    parent = os.getppid()

    class Server(ForkingMixIn, UnixStreamServer):
        def service_actions(self) -> None:  # twice a second
            super().service_actions()
            if os.getppid() != parent:
                sys.exit()

    with Server(path, Command) as server:
        print("ready", flush=True)
        server.serve_forever()


def exit_code() -> int:
    """What the process of the installed script ends with."""
    from crowdkit_core.cli import main

    try:
        main()
        code = 0
    except SystemExit as stop:
        code = int(stop.code or 0)
    except Exception:
        sys.excepthook(*sys.exc_info())
        code = 1
    sys.stdout.flush()
    return code


if __name__ == "__main__":
    mode, *rest = sys.argv[1:]
    sys.exit({"run": run, "serve": serve}[mode](*rest))
