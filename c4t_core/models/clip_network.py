"""CLIP as a format of a model folder: what both engines need, made from open_clip's networks.

Torch and open_clip are loaded to make the graphs and the tokenizer's file, and where torch is the
engine; what has both files runs without them.
"""

from __future__ import annotations

import contextlib
import copy
import html
import json
import logging
import os
import string
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from c4t_core.devices import choose_device, may_have_gpu
from c4t_core.errors import MissingExtraError, ModelError
from c4t_core.files import atomic_folder, known_sums, write_whole
from c4t_core.models import clip_folder
from c4t_core.models.config import ClipConfig, ModelConfig, PreprocessConfig
from c4t_core.models.folder import IMAGE_GRAPH, TEXT_GRAPH
from c4t_core.models.graphs.export import trace
from c4t_core.models.protocol import PLAIN, Earlier

if TYPE_CHECKING:
    from torch import Tensor, nn

    from c4t_core.models.network import DualEncoder


def open_clip() -> Any:
    """Import open_clip so that it never touches the network.

    Whatever may be fetched is fetched by :mod:`c4t_core.models.download`; without this
    setting, which the hub's library reads at its import, a machine without a network waits for
    46 s of retries. It is taken back, because our own downloads heed it as well.

    Raises:
        MissingExtraError: if it is not installed.
    """
    unset = "HF_HUB_OFFLINE" not in os.environ
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    try:
        import open_clip as module
    except ImportError as error:
        raise MissingExtraError("CLIP", "clip") from error
    finally:
        if unset:
            del os.environ["HF_HUB_OFFLINE"]
    return module


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep open_clip from warning that there are no weights where none are wanted."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


# what open_clip raises where weights are not those of an architecture: whatever it meets
_UNFIT = (AssertionError, AttributeError, LookupError, OSError, RuntimeError, TypeError, ValueError)


def build(folder: Path, source: Path | None = None) -> Any:
    """Return the network of a folder with its weights, float32, on the CPU, in eval mode.

    Args:
        folder: of the model.
        source: the file that its weights came from, for what is said of them.

    Raises:
        ModelError: if the weights do not fit the architecture; never a network without weights.
        MissingExtraError: if open_clip is not installed.
    """
    module = open_clip()
    try:
        # require_pretrained: without weights open_clip makes random ones and only logs it.
        network = module.create_model(
            f"local-dir:{folder}", require_pretrained=True, weights_only=True, pretrained_text=False
        )
    except _UNFIT as error:
        first = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise ModelError(
            f'The weights in "{source or folder}" do not fit their architecture ({first[:200]}); '
            "add the checkpoint again and name its architecture."
        ) from error
    return network.float().eval()


def untaught(model_cfg: Mapping[str, Any]) -> Any:
    """Return the network of an architecture with random weights, which are to be replaced.

    Args:
        model_cfg: open_clip's configuration of it.

    Raises:
        ModelError: if open_clip builds none of it.
        MissingExtraError: if open_clip is not installed.
    """
    module = open_clip()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch, _quiet():
        config = json.dumps({"model_cfg": model_cfg, "preprocess_cfg": {}})
        (Path(scratch) / clip_folder.CONFIG).write_text(config, encoding="utf-8")
        try:
            network = module.create_model(
                f"local-dir:{scratch}", load_weights=False, pretrained_text=False
            )
        except (RuntimeError, ValueError, KeyError, TypeError, AttributeError, OSError) as error:
            raise ModelError(
                "The installed open_clip does not know the CLIP architecture of this model "
                f'({str(error)[:200]}); update it with "pip install -U open_clip_torch".'
            ) from error
    return network.float().eval()


class ClipTokens:
    """CLIP's texts, all cut or padded to one length.

    Args:
        folder: of the model, whose tokenizer open_clip makes.
        file: the same tokenizer for the library ``tokenizers``, as :meth:`save` wrote it; where it
            is there, neither open_clip nor torch is loaded.

    Raises:
        ModelError: if the architecture needs tokenizer files that cannot be had offline.
        MissingExtraError: if there is no file and open_clip is not installed.
    """

    def __init__(self, folder: Path, file: Path | None = None) -> None:
        self._made: Any = None
        self._ids: Callable[[Sequence[str]], list[list[int]]]
        self._clean = _cleaning(clip_folder.read_config(folder)["model_cfg"])
        with contextlib.suppress(Exception):  # one that is missing or broken is made again
            self._ids = _reader(file.read_text("utf-8") if file else "", self._clean)
            return
        module = open_clip()
        try:
            text = clip_folder.read_config(folder)["model_cfg"]["text_cfg"]
            if text.get("hf_tokenizer_name"):  # without this file transformers makes one of 5 words
                (folder / "tokenizer.json").stat()
            self._made = module.get_tokenizer(f"local-dir:{folder}")
        except Exception as error:  # a broken file raises whatever its reader meets
            raise ModelError(
                "This CLIP model needs a tokenizer of its own, and transformers to read it; put "
                "tokenizer.json and tokenizer_config.json beside the weights (a download brings "
                'them), install the extra "clip", and add the model again.'
            ) from error
        self._ids = lambda texts: self._made(list(texts)).tolist()

    @classmethod
    def kept(cls, content: bytes, model_cfg: Mapping[str, Any]) -> ClipTokens:
        """Return the tokenizer that a model folder keeps, which needs nothing else.

        Args:
            content: of its file, as :meth:`save` writes one.
            model_cfg: open_clip's configuration of the model, which says how texts are cleaned.

        Raises:
            ValueError: if it is broken.
        """
        tokens = cls.__new__(cls)
        tokens._made, tokens._clean = None, _cleaning(model_cfg)
        try:
            tokens._ids = _reader(content.decode("utf-8"), tokens._clean)
        except Exception as error:  # noqa: BLE001 - the library raises plain Exception
            raise ValueError(str(error)) from error
        return tokens

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the token ids of each text."""
        return self._ids(texts)

    @property
    def max_length(self) -> int:
        """Tokens that a text is cut to, the special ones included."""
        return len(self.ids([""])[0])

    def save(self, file: Path) -> None:
        """Write the tokenizer to be read without open_clip, where that reads the same."""
        own = type(self._made).__name__ == "SimpleTokenizer"
        if self._made is None or (own and self._made.reduction_fn is not None):
            return
        with contextlib.suppress(OSError, AttributeError):  # of one that has no such form
            content = _as_json(self._made) if own else _hub_json(self._made)
            if _reader(content, self._clean)(_PROOF) == self.ids(_PROOF):
                write_whole(file, content)

    def english_words(self) -> None:
        """Tell nothing: some of these models read other languages, and all any pieces of words."""

    def read_parts(self, texts: Sequence[str]) -> dict[int, str]:
        """Return, by its index, the part that is read of each text that is not read whole.

        The tokenizers of open_clip do not tell where they cut, so the shortest beginning that
        gives the same ids is looked for. A rest without letters and digits is not counted.
        """
        parts = {}
        for index, (text, ids) in enumerate(zip(texts, self.ids(texts), strict=True)):
            if self.ids([text.rstrip()[:-1]]) != [ids]:
                continue  # its last letter is read
            low, high = 0, len(text)  # `high` is enough, `low` is not
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (low, middle) if self.ids([text[:middle]]) == [ids] else (middle, high)
            if any(letter.isalnum() for letter in text[high:]):
                parts[index] = text[:high]
        return parts

    def pad(self, ids: Sequence[Sequence[int]]) -> tuple[NDArray[np.int64], ...]:
        """Return a batch of them, int64 (n, context)."""
        return (np.asarray(ids, dtype=np.int64),)


# texts that both tokenizers must read alike: words, figures, marks, other letters, too long a text
_PROOF = (
    "",
    "a truck  in the snow, it's 3 o'clock\n",
    "NO ENTRY: 50 km/h &amp; wet; we'll see...!",
    "ein Straßenschild, 雪の道, снег 🚗",
    "<start_of_text> x_y <end_of_text>",
    "three pedestrians " * 60,
)
_PARTS = r"<start_of_text>|<end_of_text>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


def _as_json(simple: Any) -> str:
    """Return open_clip's own tokenizer as the library ``tokenizers`` writes one."""
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors

    start, end = "<start_of_text>", "<end_of_text>"
    vocabulary = dict(simple.encoder)
    tokenizer = Tokenizer(
        models.BPE(vocabulary, list(simple.bpe_ranks), end_of_word_suffix="</w>", unk_token=end)
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(f"(?i:{_PARTS})"), "removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.add_special_tokens([start, end])
    special = [(word, vocabulary[word]) for word in (start, end)]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{start} $A {end}", special_tokens=special
    )
    tokenizer.enable_truncation(simple.context_length)
    tokenizer.enable_padding(length=simple.context_length, pad_id=0, pad_token="!")
    return str(tokenizer.to_str())


def _hub_json(made: Any) -> str:
    """Return a tokenizer of transformers as the library ``tokenizers`` writes one."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_str(made.tokenizer.backend_tokenizer.to_str())
    length, side = made.context_length, made.tokenizer.padding_side
    tokenizer.enable_truncation(length, direction=made.tokenizer.truncation_side)
    pad = {"pad_id": made.tokenizer.pad_token_id, "pad_token": made.tokenizer.pad_token}
    tokenizer.enable_padding(length=length, direction=side, **pad)
    return str(tokenizer.to_str())


def _cleaning(model_cfg: Mapping[str, Any]) -> str:
    """Return how a model cleans texts: ``lower``, ``whitespace`` or ``canonicalize``."""
    text = model_cfg["text_cfg"]
    default = "whitespace" if text.get("hf_tokenizer_name") else "lower"
    return str(text.get("tokenizer_kwargs", {}).get("clean", default))


def _reader(content: str, clean: str) -> Callable[[Sequence[str]], list[list[int]]]:
    """Return what turns texts into ids, of a file of ``tokenizers``."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_str(content)

    def ids(texts: Sequence[str]) -> list[list[int]]:
        return [
            encoding.ids for encoding in tokenizer.encode_batch([_clean(t, clean) for t in texts])
        ]

    return ids


def _clean(text: str, how: str) -> str:
    """Return a text as open_clip's tokenizers clean it."""
    text = text.encode("utf-8", "replace").decode("utf-8")
    with contextlib.suppress(ImportError):  # it comes with open_clip, and needs no torch
        import ftfy

        text = ftfy.fix_text(text)
    text = html.unescape(html.unescape(text)).strip()
    if how == "canonicalize":
        text = text.replace("_", " ").translate(str.maketrans("", "", string.punctuation))
    text = " ".join(text.split())
    return text if how == "whitespace" else text.lower()


class ClipFolder:
    """A folder of :mod:`c4t_core.models.clip_folder` whose weights are whole.

    It is a :class:`c4t_core.models.engine.ModelFolder`. Its graphs are made at their first use
    and kept in the cache, which can be deleted at any time.

    Args:
        name: ``"clip"`` or ``"clip:NAME"``.
        graph: which image graph, ``PLAIN`` or ``BF16``; None for the fastest here.

    Raises:
        ModelError: if its weights are not here, are damaged, or do not fit; or it has no such
            graph.
        MissingExtraError: if open_clip is not installed.
    """

    onnx_batch = 16
    fixed_batch = 0
    classes: tuple[str, ...] = ()
    earlier: tuple[Earlier, ...] = ()

    def __init__(self, name: str, graph: str | None = PLAIN) -> None:
        try:
            self.path = clip_folder.find(name)
        except ModelError:
            open_clip()  # who lacks both needs it first
            raise
        about = clip_folder.read_about(self.path)
        clip_folder.verify(self.path, about)
        self.name = clip_folder.public_name(self.path.name)
        self.dim = about.dim
        self.graphs = dict(clip_folder.graphs(self.path, about))
        self._choose(graph or next(iter(self.graphs)))
        self.preprocess = clip_folder.preprocessing(clip_folder.read_config(self.path))
        self.min_side = 2 * self.preprocess.size  # its own bicubic filter still does the work
        self.cached = clip_folder.cached(self.graphs[PLAIN])
        if not clip_folder.has_graphs(self.cached):
            open_clip()  # says what to install, if it cannot be imported

    def _choose(self, graph: str) -> None:
        if graph not in self.graphs:
            raise ModelError(f'The model "{self.name}" has no image graph "{graph}"; leave it out.')
        self.image_graph = graph
        self.fingerprint = self.graphs[graph]

    def engine(self, device: str | None) -> str:
        """Return ``"onnx"`` on the CPU, if this architecture can be exported; else ``"torch"``."""
        if device is None and not may_have_gpu():
            device = "cpu"
        if device != "cpu" and choose_device(device) != "cpu":
            return "torch"
        try:
            self.make_graphs()
        except (MissingExtraError, ModelError):
            return "torch"
        return "onnx"

    def with_graph(self, graph: str) -> ClipFolder:
        """Return the folder with another image graph; it is not checked again.

        Raises:
            ModelError: if it has no such graph.
        """
        other = copy.copy(self)
        other._choose(graph)
        return other

    def tokens(self) -> ClipTokens:
        """Return the tokenizer."""
        tokens = ClipTokens(self.path, self._tokenizer)
        tokens.save(self._tokenizer)
        return tokens

    @property
    def _tokenizer(self) -> Path:
        return self.cached.with_suffix(".tokenizer.json")

    def tokenizer_content(self) -> bytes:
        """Return the tokenizer as a model folder keeps it, see :meth:`ClipTokens.kept`.

        Raises:
            ModelError: if it is one that cannot be kept so.
        """
        self.tokens()
        try:
            return self._tokenizer.read_bytes()
        except OSError as error:
            raise ModelError(
                f'The tokenizer of "{self.name}" cannot be kept in a model folder; choose a model '
                'with CLIP\'s own tokenizer, such as "clip" (ViT-B-32), and see that there is '
                f'space for "{self._tokenizer.parent}".'
            ) from error

    def make_graphs(self) -> None:
        """Write both graphs into the cache, if they are not there.

        Raises:
            MissingExtraError: if what exports graphs is not installed.
            ModelError: if the weights do not fit, or this architecture cannot be exported.
        """
        names = (IMAGE_GRAPH, TEXT_GRAPH)
        if clip_folder.has_graphs(self.cached):
            return
        if find_spec("onnx") is None:
            raise MissingExtraError("Writing CLIP for ONNX Runtime", "clip")
        import torch

        size = self.preprocess.size
        tokens = self.tokens()
        inputs = (
            torch.zeros((2, size, size, 3), dtype=torch.uint8),
            torch.from_numpy(tokens.pad(tokens.ids(["a truck", "snow"]))[0]),
        )
        network = self.network()
        last_block_for_one(network.network)
        with atomic_folder(self.cached, replace=True) as folder:
            for name, example in zip(names, inputs, strict=True):
                path = folder / name
                try:
                    trace(network, name, {"inputs": example}, path, fold=True, fixed_length=True)
                except (RuntimeError, ValueError, TypeError, AssertionError) as error:
                    raise ModelError(
                        "This CLIP architecture cannot be written for ONNX Runtime; use the torch "
                        "engine."
                    ) from error

    def graph(self, name: str) -> Path:
        """Return the file of a graph."""
        return self.cached / name

    def graph_sums(self, name: str) -> tuple[str, ...]:
        """Return the SHA-256 sum of the file of a graph, which has its weights in it.

        Raises:
            OSError: if it cannot be read.
        """
        return tuple(known_sums(self.cached, [name]).values())

    def graph_error(self, name: str, problem: str) -> ModelError:
        """Return the error for a graph that cannot be used."""
        return ModelError(
            f'A cached copy of the CLIP model cannot be opened; delete "{self.cached}" and try '
            "again, it is made anew."
        )

    def with_heads(self) -> DualEncoder:
        """Return a dual encoder of its towers and of heads that change nothing yet.

        Raises:
            ModelError: if the weights do not fit, or the architecture has no two towers.
            MissingExtraError: if open_clip is not installed.
        """
        built = build(self.path)
        from c4t_core.models.network import DualEncoder

        if type(built).__name__ not in ("CLIP", "CustomTextCLIP"):
            raise ModelError(
                f'"{self.name}" is more than a CLIP ({type(built).__name__}) and takes no heads; '
                'choose another, such as "clip" (ViT-B-32).'
            )
        about = clip_folder.read_about(self.path)
        model = clip_folder.read_config(self.path)["model_cfg"]
        source = f"{about.architecture}, weights from {about.source}"
        config = ModelConfig(
            name=self.path.name,
            preprocess=self.preprocess,
            projection=self.dim,
            clip=ClipConfig(source=source, model=model),
        )
        return DualEncoder(config, built)

    def network(self) -> nn.Module:
        """Return open_clip's network behind the normalisation of pixels."""
        built = build(self.path)  # says what to install
        import torch

        from c4t_core.models.network import Normalise

        class Network(torch.nn.Module):
            def __init__(self, network: Any, preprocess: PreprocessConfig) -> None:
                super().__init__()
                self.network = network
                self.normalise = Normalise(preprocess)

            def encode_image(self, pixels: Tensor) -> Any:
                return self.network.encode_image(self.normalise(pixels))

            def encode_text(self, ids: Tensor) -> Any:
                return self.network.encode_text(ids)

        return Network(built, self.preprocess).eval()


def last_block_for_one(network: Any) -> None:
    """Have the last block of a vision transformer compute the one row that is read of it.

    The embedding is made from the class token; what the last block makes of the others is thrown
    away. Their keys and values are needed, the rest of the block (a 15th of ViT-B-32) is not.
    """
    import types

    import torch

    visual: Any = getattr(network, "visual", None)
    if type(visual).__name__ != "VisionTransformer" or visual.attn_pool is not None:
        return
    block = visual.transformer.resblocks[-1]
    if visual.pool_type != "tok" or type(block).__name__ != "ResidualAttentionBlock":
        return
    if not (block.attn.batch_first and visual.transformer.batch_first):
        return

    def forward(self: Any, rows: Tensor, **_: object) -> Any:
        normed = self.ln_1(rows)
        one = self.attn(normed[:, :1], normed, normed, need_weights=False)[0]
        one = rows[:, :1] + self.ls_1(one)
        return torch.add(one, self.ls_2(self.mlp(self.ln_2(one))))

    block.forward = types.MethodType(forward, block)
