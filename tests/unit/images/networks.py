"""Small ONNX networks made for tests: mean colour of a picture, and words as colours."""

import json

import numpy as np
from onnx import TensorProto, helper, numpy_helper

COLOURS = {"red": (1.0, 0.0, 0.0), "green": (0.0, 1.0, 0.0), "blue": (0.0, 0.0, 1.0)}


def mean_colour(side: int = 32) -> bytes:
    """(n, 3, side, side) to (n, 3): the mean of each channel."""
    nodes = [
        helper.make_node("GlobalAveragePool", ["pictures"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["colour"]),
    ]
    return _model(nodes, ("pictures", TensorProto.FLOAT, ["n", 3, side, side]), ("colour", ["n", 3]), [])


def colour_words() -> bytes:
    """(n, length) token ids to (n, 3): the sum of the words' colours."""
    table = np.array([(0.0, 0.0, 0.0), *COLOURS.values()], dtype=np.float32)
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["each"]),
        helper.make_node("ReduceSum", ["each", "axes"], ["colour"], keepdims=0),
    ]
    constants = [numpy_helper.from_array(table, "table"), numpy_helper.from_array(np.array([1]), "axes")]
    return _model(nodes, ("input_ids", TensorProto.INT64, ["n", 8]), ("colour", ["n", 3]), constants)


def tokenizer() -> str:
    """A `tokenizer.json` that knows the three colours."""
    vocabulary = {"[UNK]": 0} | {word: at for at, word in enumerate(COLOURS, start=1)}
    return json.dumps(
        {
            "version": "1.0",
            "added_tokens": [],
            "pre_tokenizer": {"type": "Whitespace"},
            "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": "[UNK]"},
        }
    )


PREPROCESSING = json.dumps({"side": 32, "mean": [0, 0, 0], "std": [255, 255, 255]})


def _model(nodes, given, made, constants) -> bytes:  # type: ignore[no-untyped-def]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info(*given)],
        [helper.make_tensor_value_info(made[0], TensorProto.FLOAT, made[1])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return bytes(model.SerializeToString())
