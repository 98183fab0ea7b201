"""Dialogues as lists of messages and as transcripts: what is prompt, what is response, and what is refused."""

import pytest

from tests.helpers.rows import FAR, NEAR, SUN, USER, load_rows, refusal, says

TALK = [{"role": "user", "content": "Hello."}, says("Hi."), USER]
TALK_TEXT = "Human: Hello.\n\nAssistant: Hi.\n\nHuman: How far is the sun?\n\nAssistant:"


@pytest.mark.parametrize(
    "prompt, start, expected",
    [
        ([USER], [], SUN),  # explicit prompt
        (None, [USER], SUN),  # implicit prompt
        (SUN, [USER], SUN),  # as in ultrafeedback_binarized
        ([USER], [USER], SUN),  # a prompt that both sides repeat
        (SUN, [], SUN),
        (TALK, [], TALK_TEXT),
        (None, TALK, TALK_TEXT),
        ("Hello.", TALK, TALK_TEXT),  # the prompt is the first message
        (SUN, TALK, TALK_TEXT),  # the prompt is the last message
        ([TALK[0]], TALK[1:], TALK_TEXT),  # both sides go on alike, then part
        (None, [{"role": "system", "content": "Be brief."}, USER], f"System: Be brief.\n\nHuman: {SUN}\n\nAssistant:"),
    ],
)
def test_conversations(tmp_path, prompt, start, expected):
    row = {"chosen": [*start, says(NEAR)], "rejected": [*start, says(FAR)]} | ({"prompt": prompt} if prompt else {})
    ranking = load_rows(tmp_path, row)[0]
    assert (ranking.prompt, ranking.responses, ranking.ranks) == (expected, (NEAR, FAR), (0, 1))


def test_an_answer_of_several_turns_keeps_them(tmp_path):
    more = [says("Far."), {"role": "user", "content": "How far?"}, says(NEAR)]
    ranking = load_rows(tmp_path, {"chosen": [USER, *more], "rejected": [USER, says(FAR)]})[0]
    assert ranking.responses == (f"Far.\n\nHuman: How far?\n\nAssistant: {NEAR}", FAR)


@pytest.mark.parametrize(
    "row, expected",
    [
        ({"chosen": [USER, says(NEAR)], "rejected": [USER, says(NEAR)]}, "the same messages"),
        ({"chosen": [USER, says(NEAR)], "rejected": [USER]}, 'field "rejected" has no message of the assistant'),
        ({"chosen": [says(NEAR)], "rejected": [says(FAR)]}, "share no first message"),
        ({"chosen": [USER, says(NEAR)], "rejected": FAR}, 'field "rejected" is text; it must be a list of messages'),
        ({"chosen": [USER, says("")], "rejected": [USER, says(FAR)]}, 'field "chosen" is empty'),
        ({"chosen": [USER, {"role": "assistant"}], "rejected": [USER, says(FAR)]}, 'field "chosen[1]" is no message'),
        (
            {"prompt": "Other?", "chosen": [USER, says(NEAR)], "rejected": [USER, says(FAR)]},
            "neither repeats the prompt",
        ),
        ({"prompt": 9, "chosen": [USER, says(NEAR)], "rejected": [USER, says(FAR)]}, 'field "prompt" is a number (9)'),
        ({"chosen": [USER, says(NEAR)], "rejected": [TALK[0], says(FAR)]}, "share no first message"),
        ({"chosen": [], "rejected": [USER]}, "share no first message"),
    ],
)
def test_conversations_that_are_refused(tmp_path, row, expected):
    assert expected in refusal(load_rows, tmp_path, row)


@pytest.mark.parametrize(
    "shared, chosen, rejected",
    [
        ("\n\nHuman: q\n\nAssistant:", "Yes, it is.", "Yes, it may be."),  # the answers begin alike
        ("\n\nHuman: q\n\nAssistant: a\n\nHuman: r\n\nAssistant:", "Yes", "No"),
        (
            "\n\nHuman: q\n\nAssistant:",
            "Yes\n\nHuman: r\n\nAssistant: s",
            "No\n\nHuman: t\n\nAssistant: u",
        ),  # part early
        ("\n\nHuman: Say 'Assistant: hi'\n\nAssistant:", "Assistant: hi", "Assistant: ho"),  # no blank line, no marker
    ],
)
def test_a_transcripts_prompt_ends_at_the_last_marker_that_both_share(tmp_path, shared, chosen, rejected):
    ranking = load_rows(tmp_path, {"chosen": f"{shared} {chosen} \n", "rejected": f"{shared} {rejected}"})[0]
    assert (ranking.prompt, ranking.responses) == (shared, (chosen, rejected))
