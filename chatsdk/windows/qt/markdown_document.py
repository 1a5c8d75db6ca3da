"""`MarkdownDocument`: a text document to which styled Markdown is appended piece by piece."""

from __future__ import annotations

import html
from typing import Any, NamedTuple

from chatsdk.windows.links import safe_url
from chatsdk.windows.printable import BREAK, broken
from chatsdk.windows.qt.binding import QtCore, QtGui
from chatsdk.windows.qt.theme import Theme
from chatsdk.windows.tex import tex_as_code

__all__ = ["MarkdownDocument", "Run", "plain_tip"]

# Size of headings relative to the text, by level.
HEADINGS = {1: 1.5, 2: 1.28, 3: 1.12}

# Line height of text and of code, in percent.
LINE_HEIGHT = 118.0
CODE_LINE_HEIGHT = 112.0


class Run(NamedTuple):
    """Blocks that are painted on a ground of their own.

    Attributes:
        kind: ``"code"``, ``"quote"`` or ``"rule"``.
        first, last: the numbers of its first and last block.
        label: the language of code, or ``""``.
    """

    kind: str
    first: int
    last: int
    label: str = ""


def plain_tip(text: str) -> str:
    """Return a tool tip that shows this text as it is.

    Qt takes a tip that looks like HTML for HTML, and then loads the files that it names.
    """
    return f"<p style='white-space: pre-wrap'>{html.escape(text)}</p>" if text else ""


class MarkdownDocument(QtGui.QTextDocument):  # type: ignore[misc]
    """A document that grows at its end, and loads nothing.

    Qt reads the Markdown of each piece into a scratch document, without HTML; from there it is
    copied with the theme's formats. Images become links. Only the open piece, at the end, is ever
    replaced; text and selections before it stay as they are.

    Attributes:
        runs: the blocks with a ground of their own.
    """

    def __init__(self, theme: Theme, parent: Any = None) -> None:
        super().__init__(parent)
        self.setUndoRedoEnabled(False)
        self.setDocumentMargin(0)
        self.setIndentWidth(theme.space(1.4))
        self.setDefaultFont(theme.font)
        self.theme = theme
        self.runs: list[Run] = []
        # The start of the open piece: a position, whether the block there is still unused, and the
        # number of runs before it.
        self._open = (0, True, 0)
        self._unused = True
        # The number of runs before the piece that is being appended. Two pieces of code are two
        # runs, even with nothing between them.
        self._first_run = 0

    def loadResource(self, _kind: int, _name: Any) -> Any:
        """Load nothing, whatever the model asks for."""
        return None

    def write(self, closed: list[str], open_source: str) -> None:
        """Replace the open piece by closed ones and a new open one, all in Markdown."""
        cursor = QtGui.QTextCursor(self)
        cursor.beginEditBlock()
        self._remove_open(cursor)
        for source in closed:
            self._append(cursor, source)
        self._open = (cursor.position(), self._unused, len(self.runs))
        if open_source.strip():
            self._append(cursor, open_source)
        cursor.endEditBlock()

    def restart(self) -> None:
        """Let the next `write` replace everything."""
        self._open = (0, True, 0)

    def write_plain(self, text: str) -> None:
        """Append text as it is, with its long lines broken."""
        cursor = QtGui.QTextCursor(self)
        cursor.movePosition(QtGui.QTextCursor.MoveOperation.End)
        cursor.insertText(broken(text).replace(BREAK, "\n"))

    # The end of the document ----------------------------------------------------------------

    def _remove_open(self, cursor: Any) -> None:
        position, unused, runs = self._open
        cursor.setPosition(position)
        cursor.movePosition(
            QtGui.QTextCursor.MoveOperation.End, QtGui.QTextCursor.MoveMode.KeepAnchor
        )
        cursor.removeSelectedText()
        del self.runs[runs:]
        self._unused = unused
        if unused:
            self._shrink(cursor)
        if self.isEmpty():
            self.rootFrame().setFrameFormat(QtGui.QTextFrameFormat())

    def _append(self, cursor: Any, source: str) -> None:
        scratch = QtGui.QTextDocument()
        scratch.setUndoRedoEnabled(False)
        feature = QtGui.QTextDocument.MarkdownFeature
        source = tex_as_code(source)
        scratch.setMarkdown(source, feature.MarkdownDialectGitHub | feature.MarkdownNoHTML)
        self._lists: dict[int, Any] = {}
        self._first_run = len(self.runs)
        places = scratch.rootFrame().begin()
        while not places.atEnd():
            frame = places.currentFrame()
            if frame is not None:
                self._copy_table(cursor, frame.firstCursorPosition().currentTable())
            else:
                self._copy_block(cursor, places.currentBlock())
            places += 1

    def _next_block(self, cursor: Any, form: Any, characters: Any) -> None:
        """Move to a new block at the end, or use the one that is there."""
        if self._unused:
            cursor.setBlockFormat(form)
            cursor.setBlockCharFormat(characters)
            cursor.setCharFormat(characters)
            self._unused = False
        else:
            cursor.insertBlock(form, characters)

    def _shrink(self, cursor: Any) -> None:
        """Take the height from an unused block, which a document needs around a table."""
        form, characters = QtGui.QTextBlockFormat(), QtGui.QTextCharFormat()
        form.setLineHeight(1, QtGui.QTextBlockFormat.LineHeightTypes.FixedHeight.value)
        characters.setFontPointSize(1)
        cursor.setBlockFormat(form)
        cursor.setBlockCharFormat(characters)

    # Blocks ---------------------------------------------------------------------------------

    def _copy_block(self, cursor: Any, block: Any) -> None:
        theme, given = self.theme, block.blockFormat()
        prop = QtGui.QTextFormat.Property
        code = given.hasProperty(prop.BlockCodeLanguage)
        rule = given.hasProperty(prop.BlockTrailingHorizontalRulerWidth)
        if not (code or rule or block.text() or block.textList()):
            return
        form, characters = QtGui.QTextBlockFormat(), QtGui.QTextCharFormat()
        quote = given.intProperty(prop.BlockQuoteLevel)
        form.setIndent(given.indent())
        form.setLineHeight(
            CODE_LINE_HEIGHT if code else LINE_HEIGHT,
            QtGui.QTextBlockFormat.LineHeightTypes.ProportionalHeight.value,
        )
        # On both sides, because the text may run either way.
        form.setLeftMargin(quote * theme.space(1.0))
        form.setRightMargin(quote * theme.space(1.0))
        form.setTopMargin(theme.space(0.5))
        form.setBottomMargin(theme.space(0.1))
        level = given.headingLevel()
        label = given.stringProperty(prop.BlockCodeLanguage)
        if code:
            self._style_code(form, label)
            characters.setFont(theme.mono)
            characters.setFontFixedPitch(True)
        elif level:
            form.setHeadingLevel(level)
            form.setTopMargin(theme.space(0.9))
            form.setBottomMargin(theme.space(0.15))
            self._style_heading(characters, level)
        elif block.textList() is not None:
            first = given.indent() == 1 and block.textList().itemNumber(block) == 0
            form.setTopMargin(theme.space(0.5 if first else 0.2))
            form.setMarker(given.marker())
        if not code:
            form.setTopMargin(max(form.topMargin(), self._space_below()))
        if quote:
            characters.setForeground(theme.muted)
        self._next_block(cursor, form, characters)
        self._join_list(cursor, block)
        self._copy_text(cursor, block, characters, plain=code)
        number = cursor.blockNumber()
        if code:
            self._extend_run("code", number, label)
        if quote:
            self._extend_run("quote", number)
        if rule:
            self.runs.append(Run("rule", number, number))

    def _space_below(self) -> int:
        """The distance to keep from code that ends here."""
        run = self.runs[-1] if self.runs else None
        below = run is not None and run.kind == "code" and run.last == self.blockCount() - 1
        return self.theme.space(1.1) if below else 0

    def _style_code(self, form: Any, label: str) -> None:
        theme = self.theme
        run = self.runs[-1] if len(self.runs) > self._first_run else None
        goes_on = run is not None and run[:1] + run[2:] == ("code", self.blockCount() - 1, label)
        apart = theme.space(0.5) if self._space_below() else 0
        form.setLayoutDirection(QtCore.Qt.LayoutDirection.LeftToRight)
        # Room for the language and the button.
        form.setTopMargin(0 if goes_on else theme.space(2.3) + apart)
        if self.isEmpty():
            # Qt ignores the margin of the first block.
            frame = self.rootFrame().frameFormat()
            frame.setTopMargin(theme.space(1.75))
            self.rootFrame().setFrameFormat(frame)
        form.setBottomMargin(0)
        form.setLeftMargin(form.leftMargin() + theme.space(0.7))
        form.setRightMargin(theme.space(0.7))

    def _style_heading(self, characters: Any, level: int) -> None:
        size = self.theme.font.pointSizeF()
        factor = HEADINGS.get(level, 1.0)
        if size > 0:
            characters.setFontPointSize(size * factor)
        else:
            characters.setProperty(
                QtGui.QTextFormat.Property.FontPixelSize,
                round(self.theme.font.pixelSize() * factor),
            )
        characters.setFontWeight(QtGui.QFont.Weight.Bold)

    def _join_list(self, cursor: Any, block: Any) -> None:
        given = block.textList()
        if given is None:
            return
        known = self._lists.get(given.objectIndex())
        if known is None:
            self._lists[given.objectIndex()] = cursor.createList(given.format())
        else:
            known.add(cursor.block())

    def _extend_run(self, kind: str, number: int, label: str = "") -> None:
        """Add a block to the last run of its kind, or begin one."""
        for place in range(len(self.runs) - 1, self._first_run - 1, -1):
            run = self.runs[place]
            if run.kind == kind:
                if run.last == number - 1 and run.label == label:
                    self.runs[place] = run._replace(last=number)
                    return
                break
        self.runs.append(Run(kind, number, number, label))

    # Text -----------------------------------------------------------------------------------

    def _copy_text(self, cursor: Any, block: Any, characters: Any, *, plain: bool) -> None:
        if plain:
            cursor.insertText(block.text(), characters)
            return
        pieces = block.begin()
        while not pieces.atEnd():
            fragment = pieces.fragment()
            given = fragment.charFormat()
            if given.isImageFormat():
                self._insert_image(cursor, given.toImageFormat(), characters)
            else:
                cursor.insertText(fragment.text(), self._styled(given, characters))
            pieces += 1

    def _styled(self, given: Any, characters: Any) -> Any:
        """Return the theme's format for text with these Markdown formats."""
        theme = self.theme
        form = QtGui.QTextCharFormat(characters)
        if given.fontFixedPitch():
            form.setFontFamilies([theme.mono.family()])
            form.setFontFixedPitch(True)
            form.setBackground(theme.code)
        if given.fontWeight() > QtGui.QFont.Weight.Normal:
            form.setFontWeight(QtGui.QFont.Weight.Bold)
        if given.fontItalic():
            form.setFontItalic(True)
        if given.fontStrikeOut():
            form.setFontStrikeOut(True)
        if given.isAnchor():
            self._make_link(form, given.anchorHref())
        return form

    def _make_link(self, form: Any, url: str) -> None:
        safe = safe_url(url)
        if safe is not None:
            form.setAnchor(True)
            form.setAnchorHref(safe)
            form.setToolTip(plain_tip(safe))
            form.setForeground(self.theme.link)
            form.setFontUnderline(True)

    def _insert_image(self, cursor: Any, image: Any, characters: Any) -> None:
        form = QtGui.QTextCharFormat(characters)
        self._make_link(form, image.name())
        alt = image.stringProperty(QtGui.QTextFormat.Property.ImageAltText)
        cursor.insertText(alt or image.name(), form)

    # Tables ---------------------------------------------------------------------------------

    def _copy_table(self, cursor: Any, given: Any) -> None:
        theme = self.theme
        form = QtGui.QTextTableFormat()
        form.setBorder(1)
        form.setBorderBrush(theme.line)
        form.setBorderStyle(QtGui.QTextFrameFormat.BorderStyle.BorderStyle_Solid)
        form.setBorderCollapse(True)
        form.setCellPadding(theme.space(0.3))
        form.setCellSpacing(0)
        form.setTopMargin(theme.space(0.5) + self._space_below())
        # Qt ignores the top margin of the block that follows a table.
        form.setBottomMargin(theme.space(0.9))
        form.setHeaderRowCount(1)
        rows, columns = given.rows(), given.columns()
        table = cursor.insertTable(rows, columns, form)
        for row in range(rows):
            for column in range(columns):
                self._copy_cell(table.cellAt(row, column), given.cellAt(row, column), row == 0)
        cursor.movePosition(QtGui.QTextCursor.MoveOperation.End)
        # The block below a table is there already.
        self._unused = True
        self._shrink(cursor)

    def _copy_cell(self, cell: Any, given: Any, head: bool) -> None:
        block, last = given.firstCursorPosition().block(), given.lastCursorPosition().block()
        # Qt may begin a cell with an empty block.
        while not block.text() and block != last:
            block = block.next()
        cursor = cell.firstCursorPosition()
        form, characters = QtGui.QTextBlockFormat(), QtGui.QTextCharFormat()
        form.setAlignment(block.blockFormat().alignment())
        if head:
            characters.setFontWeight(QtGui.QFont.Weight.Bold)
            ground = QtGui.QTextCharFormat(cell.format())
            ground.setBackground(self.theme.code)
            cell.setFormat(ground)
        cursor.setBlockFormat(form)
        cursor.setBlockCharFormat(characters)
        self._copy_text(cursor, block, characters, plain=False)
