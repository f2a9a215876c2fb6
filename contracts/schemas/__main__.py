"""Writes the schemas of all messages; refuses a change of a released one that is not an addition."""

import json
import sys

from contracts.messages import ALL
from contracts.schemas import breaks, schema_path, schema_text


def main() -> int:
    """Returns 1, with a line for each break, when a released schema would change by more than additions."""
    refused = []
    for message in ALL:
        path, text = schema_path(message), schema_text(message)
        if path.exists():
            refused += [f"{path.name}{found}" for found in breaks(json.loads(path.read_text()), json.loads(text))]
    if refused:
        print("\n".join((*refused, "Give the message a new version instead.")), file=sys.stderr)
        return 1
    for message in ALL:
        schema_path(message).write_text(schema_text(message), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
