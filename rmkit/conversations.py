"""Two dialogues of which people preferred one, as lists of messages or as transcripts (chapter 1)."""

import os
from typing import Any

from rmkit.errors import InputError, kind_of
from rmkit.fields import check_text, get_field, ranking_fields


def read_conversations(row: dict[str, Any]) -> dict[str, Any]:
    """The fields of a ranking from TRL's conversational pair. Messages that both sides share belong to the prompt.

    The prompt may be a list of messages, or the text of the user's only message, or left out. A prompt that is a single
    message from the user becomes that message's text. A longer prompt is written out like Anthropic's transcripts:
    "Human: ...", "Assistant: ...", a blank line between turns and "Assistant:" at the end.

    Source: huggingface.co/docs/trl/dataset_formats

    >>> asked = {"role": "user", "content": "2 + 2?"}
    >>> right, wrong = ({"role": "assistant", "content": text} for text in "45")
    >>> fields = read_conversations({"chosen": [asked, right], "rejected": [asked, wrong]})
    >>> fields["prompt"], fields["responses"]
    ('2 + 2?', ('4', '5'))
    """
    chosen, rejected = _messages(get_field(row, "chosen"), "chosen"), _messages(get_field(row, "rejected"), "rejected")
    prompt = _prompt_messages(row.get("prompt", []))
    if chosen == rejected:
        raise InputError('fields "chosen" and "rejected" hold the same messages; responses must differ')
    common = os.path.commonprefix([chosen, rejected])
    answers = {"chosen": chosen[len(common) :], "rejected": rejected[len(common) :]}
    shared = _with_prompt(prompt, common, chosen)
    for field, messages in answers.items():
        if not messages or messages[0][0] != "assistant":
            raise InputError(f'field "{field}" has no message of the assistant after what both sides share')
    single_question = [role for role, _ in shared] == ["user"]
    prompt = shared[0][1] if single_question else _transcript([*shared, ("assistant", "")])
    responses = [_transcript(messages).removeprefix("Assistant:").strip() for messages in answers.values()]
    return ranking_fields(row, prompt, responses, names=tuple(answers), used=("prompt", *answers))


def _prompt_messages(prompt):
    return _messages(prompt, "prompt") if isinstance(prompt, list) else [("user", check_text(prompt, "prompt"))]


def _with_prompt(prompt, common, chosen):
    """The messages that both sides answer: those that they have in common, after the prompt unless they repeat it."""
    if prompt not in (common[: len(prompt)], common[-len(prompt) :]):
        if not chosen or chosen[0][0] != "assistant":
            raise InputError('field "chosen" neither repeats the prompt nor goes on with a message of the assistant')
        common = prompt + common
    if not common:
        raise InputError('fields "chosen" and "rejected" share no first message; the prompt is what both begin with')
    return common


def _messages(value, field):
    if not isinstance(value, list):
        raise InputError(f'field "{field}" is {kind_of(value)}; it must be a list of messages, like the other side')
    for k, message in enumerate(value):
        parts = [message.get("role"), message.get("content")] if isinstance(message, dict) else [None]
        if not all(isinstance(part, str) for part in parts):
            raise InputError(f'field "{field}[{k}]" is no message; it must be {{"role": text, "content": text}}')
    return [(message["role"], message["content"]) for message in value]


def _transcript(messages):
    speakers = {"user": "Human"}
    return "\n\n".join(f"{speakers.get(role, role.capitalize())}: {text}".strip() for role, text in messages)


def read_transcripts(row: dict[str, Any]) -> dict[str, Any]:
    """The fields of a ranking from two of Anthropic's transcripts, which share a prompt.

    The prompt is what the two dialogues share up to the last "Assistant:" marker. Dialogues may part before the last
    turn; a response then holds the rest of its dialogue. The prompt is kept to the letter, and the response loses the
    blanks around it.

    Source: Bai et al. 2022, arXiv:2204.05862, and github.com/anthropics/hh-rlhf

    >>> question = "\\n\\nHuman: 2 + 2?\\n\\nAssistant:"
    >>> read_transcripts({"chosen": question + " 4", "rejected": question + " 5"})["responses"]
    ('4', '5')
    """
    chosen = check_text(get_field(row, "chosen"), "chosen")
    rejected = check_text(get_field(row, "rejected"), "rejected")
    marker = "\n\nAssistant:"
    end = os.path.commonprefix([chosen, rejected]).rfind(marker)
    if end < 0:
        raise InputError('fields "chosen" and "rejected" share no turn that ends in "Assistant:"; that is the prompt')
    end += len(marker)
    fields = ("chosen", "rejected")
    return ranking_fields(row, chosen[:end], (chosen[end:].strip(), rejected[end:].strip()), names=fields, used=fields)
