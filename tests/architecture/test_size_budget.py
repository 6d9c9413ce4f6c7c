"""Files of at most 400 lines, functions of at most 80: all offenders are named at once."""

import ast

from tests.architecture.source import files, read, tree

FILE_LINES = 400
FUNCTION_LINES = 80


def test_no_file_is_longer_than_its_budget():
    offenders = {}
    for name in files(".py", ".js", ".css", ".html"):
        lines = len(read(name).splitlines())
        if lines > FILE_LINES:
            offenders[name] = lines
    assert offenders == {}


def test_no_python_function_is_longer_than_its_budget():
    offenders = {}
    for name in files(".py"):
        for node in ast.walk(tree(name)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > FUNCTION_LINES:
                    offenders[f"{name}:{node.lineno} {node.name}"] = lines
    assert offenders == {}
