"""`python -m documents.parsing.child`: reads hostile files so that nobody else has to.

Imports neither Django nor settings, and is started with an environment that holds no secret. One request
per line on stdin, one answer per line on stdout, both JSON.
"""

import json
import os
import resource
import sys
import time
from typing import Any

from documents.parsing.base import ParseError, to_json


def main() -> None:
    """Serve until stdin ends (which it does when the parent dies)."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="surrogatepass")
    os.dup2(2, 1)  # a library that prints must not write into the answers
    memory = int(sys.argv[1]) * 1024**2
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    for line in sys.stdin:
        request = json.loads(line)
        used = time.process_time()
        soft = int(used + request["seconds"]) + 1
        resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.RLIM_INFINITY))
        answers.write(json.dumps(_answer(request)) + "\n")
        answers.flush()


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"result": _run(request["action"], request["arguments"])}
    except ParseError as error:
        return {"error": error.code, "message": error.message}
    except MemoryError:
        return {"error": "parse_memory", "message": "", "broken": True}
    except RecursionError:
        return {"error": "parser_crashed", "message": "", "broken": True}
    except Exception as error:  # the outermost boundary of this process; the parent decides
        return {"error": "parser_crashed", "message": "", "reason": f"{type(error).__name__}: {error}"[:500]}


def _run(action: str, arguments: dict[str, Any]) -> Any:
    from documents.parsing.registry import parser_for

    if action == "split":
        return to_json(parser_for(arguments["media_type"]).split(arguments["path"], arguments["name"]))
    if action == "read":
        return to_json(parser_for(arguments["media_type"]).read(arguments["path"], arguments["span"]))
    if action == "lines":
        from documents.parsing.text import lines

        return lines(**arguments)
    if action == "render":
        from documents.parsing.render import render

        return render(**arguments)
    if action == "table":
        from documents.tables.run import run

        return run(**arguments)
    raise ValueError(action)


if __name__ == "__main__":
    main()
