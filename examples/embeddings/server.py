"""One serving process: sentences in, vectors out.

    python server.py LIBRARY MODEL VOCABULARY

It imports its library and reads the vocabulary, then answers each line on standard input with a
line of JSON: `load`, or a JSON list of sentences.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from wordpiece import WordPiece


class Monobloc:
    def __init__(self) -> None:
        import monobloc

        self._load = monobloc.load

    def load(self, path: str) -> None:
        self._engine = self._load(path, threads=1)

    def run(self, inputs: dict[str, np.ndarray]) -> np.ndarray:
        return self._engine.run(inputs).outputs["embedding"]


class Onnxruntime:
    def __init__(self) -> None:
        import onnxruntime

        self._library = onnxruntime

    def load(self, path: str) -> None:
        options = self._library.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = self._library.InferenceSession(path, options, ["CPUExecutionProvider"])

    def run(self, inputs: dict[str, np.ndarray]) -> np.ndarray:
        return self._session.run(["embedding"], inputs)[0]


LIBRARIES: dict[str, Any] = {"monobloc": Monobloc, "onnxruntime": Onnxruntime}


def main() -> None:
    library, model, vocabulary = sys.argv[1:]
    encoder, tokens = LIBRARIES[library](), WordPiece(Path(vocabulary))
    print("{}", flush=True)
    for line in sys.stdin:
        start = time.perf_counter()
        if line.strip() == "load":
            encoder.load(model)
            said = {"seconds": time.perf_counter() - start}
        else:
            said = {"vectors": encoder.run(tokens(json.loads(line))).tolist()}
        print(json.dumps(said), flush=True)


if __name__ == "__main__":
    main()
