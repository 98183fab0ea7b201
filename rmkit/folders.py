"""A reward model in a folder: what must be there, what is refused, and what a full disk leaves (chapter 2)."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError, safe_open

from rmkit.errors import InputError

WEIGHTS = "model.safetensors"
KIND = "rmkit-reward"  # the `model_type` in config.json, by which a reward model is known


def check_folder(folder: Path) -> None:
    """Raise `InputError`, in one sentence, unless the folder holds a whole reward model.

    >>> check_folder(Path("no such folder"))
    Traceback (most recent call last):
        ...
    rmkit.errors.InputError: model 'no such folder': no such folder; give the folder that 'rmkit train --output' wrote
    """
    if not folder.is_dir():
        raise InputError(f"model {str(folder)!r}: no such folder; give the folder that 'rmkit train --output' wrote")
    if not (folder / WEIGHTS).exists():
        raise _without_weights(folder)
    if not (folder / "tokenizer.json").exists():
        raise InputError(f"model {str(folder)!r}: holds no tokenizer.json; save the model again with rmkit")
    _check_kind(folder)
    try:
        with safe_open(folder / WEIGHTS, framework="np") as file:
            file.keys()
    except (SafetensorError, OSError) as error:
        reason = first_line(error)
        raise InputError(
            f"model {str(folder)!r}, file {WEIGHTS!r}: damaged or cut short ({reason}); copy or save it again"
        ) from error


def _without_weights(folder: Path) -> InputError:
    pickles = sorted(path.name for pattern in ("*.bin", "*.pt", "*.pth", "*.pkl") for path in folder.glob(pattern))
    if pickles:
        return InputError(
            f"model {str(folder)!r}, file {pickles[0]!r}: a pickle can run code when it is opened, so rmkit reads "
            "only model.safetensors; save the model with save_pretrained"
        )
    return InputError(f"model {str(folder)!r}: holds no {WEIGHTS}; give the folder that 'rmkit train' wrote")


def _check_kind(folder: Path) -> None:
    """Raise `InputError` unless config.json says that this is a reward model of rmkit."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        kind = config.get("model_type")
    except (OSError, ValueError, AttributeError):
        raise InputError(
            f"model {str(folder)!r}, file 'config.json': missing or not JSON; save the model again"
        ) from None
    if kind == KIND:
        return
    name = (config.get("architectures") or [""])[0]
    if name.endswith("ForSequenceClassification"):  # used as an encoder it would lose the head that was trained
        raise InputError(
            f"model {str(folder)!r}: is a sequence classifier ({name}); load it with transformers, and bring it over "
            "with rmkit.from_sequence_classifier or measure it with rmkit.SequenceClassifier"
        )
    raise InputError(
        f"model {str(folder)!r}: is a {kind!r} model, not a reward model of rmkit; use it as an encoder: "
        "RewardModel.from_encoder(folder), or rmkit train --encoder"
    )


def on_hub(name: str) -> bool:
    """Whether `name` can only be a name on the Hub: "organization/model", and no folder "organization" here.

    >>> on_hub("organization/model"), on_hub("./model"), on_hub("model")
    (True, False, False)
    """
    organization, slash, model = name.partition("/")
    return (
        bool(slash and model)
        and "/" not in model
        and organization not in ("", ".", "..", "~")
        and not Path(organization).exists()
    )


@contextmanager
def disk_errors(folder: Path) -> Iterator[None]:
    """Turn safetensors' own error, when a file cannot be written, into the OSError that it is."""
    try:
        yield
    except SafetensorError as error:
        raise OSError(f"{folder}: {first_line(error)}; what was saved before is whole") from error


def first_line(error: Exception) -> str:
    """What an error says in its first line, or else its name.

    >>> first_line(ValueError("too long\\nby far")), first_line(KeyError())
    ('too long', 'KeyError')
    """
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__
