"""A file through a parser, as between the processes."""

import json

from documents.parsing.base import reading_from_json, structure_from_json, to_json


def read_all(parser, path: str, name: str):
    """Structure and all blocks, through JSON as between the processes."""
    structure = structure_from_json(json.loads(json.dumps(to_json(parser.split(path, name)))))
    readings = [parser.read(path, structure.reading | span) for span in structure.spans]
    readings = [reading_from_json(json.loads(json.dumps(to_json(reading)))) for reading in readings]
    return structure, [block for reading in readings for block in reading.blocks], readings


def rows_of(blocks) -> dict[int, str]:
    """Row number -> its rendered line."""
    found = {}
    for block in blocks:
        starts = [start for _, start in block.rows]
        for (number, start), end in zip(block.rows, [*starts[1:], len(block.text)], strict=True):
            found[number] = block.text[start:end]
    return found
