"""The one error that is the reader's to mend."""


class InputError(ValueError):
    """What the caller gave is wrong, and the message says how to put it right.

    The message is one sentence that names the place (the file, the row, the field), what is wrong there, and what would
    be right. The command line prints it alone, without a traceback, and exits with status 2.

    >>> raise InputError("answers.jsonl, line 7, field 'chosen': empty; write the answer that was preferred")
    Traceback (most recent call last):
        ...
    rmkit.errors.InputError: answers.jsonl, line 7, field 'chosen': empty; write the answer that was preferred
    """
