"""What an annotator does, without a screen: set, clear, undo, redo, bulk, import, export and check of labels."""

from traceview.annotation.service import Annotator

__all__ = ["Annotator"]
