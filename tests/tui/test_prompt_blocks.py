"""What the pane under the prompt versions says of a version."""

from __future__ import annotations

import pytest

from traceview.store.prompts import SystemPrompt
from traceview.tui.prompt_blocks import prompt_blocks

BEFORE = {"prompt_name": "p", "prompt_version": "v1"}
ROW = {"prompt_name": "p", "prompt_version": "v2"}
OLD = SystemPrompt("Be kind.", 3, 1, 3, 3)


@pytest.mark.parametrize(
    ("prompt", "reading", "said", "unsaid"),
    [
        (SystemPrompt(None, 0, 0, 0, 0), True, "still being read", "None of the"),
        (SystemPrompt(None, 0, 0, 4, 4), True, "still being read", "None of the"),
        (SystemPrompt(None, 0, 0, 0, 0), False, "No model call has this version.", "None of the"),
        (SystemPrompt(None, 0, 0, 4, 9), False, "None of the 4 newest of 9 calls has one.", "No model call"),
        (SystemPrompt("Be brief.", 2, 1, 2, 2), True, "Be brief.", "still being read"),
    ],
)
def test_what_is_not_known_yet_is_not_denied(
    prompt: SystemPrompt, reading: bool, said: str, unsaid: str
) -> None:
    text = "\n".join(block.text for block in prompt_blocks(ROW, prompt, BEFORE, OLD, reading=reading))
    assert said in text and unsaid not in text
    # a text that is not there yet is no text that was taken out
    assert ("changed since v1" in text) == (prompt.text is not None or not reading)
