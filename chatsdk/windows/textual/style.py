"""The look of a `ChatView`, in Textual's CSS. Colours are those of the app's theme."""

from __future__ import annotations

__all__ = ["CSS"]

CSS = """
ChatView {
    height: 1fr; width: 1fr; background: $background; align-horizontal: center;

    .chat-bar { height: 1; padding: 0 2; background: $panel; }
    .chat-title { width: 1fr; text-style: bold; color: $text-muted; }
    .bar { margin-left: 2; }

    Act { width: auto; height: 1; color: $text-muted; pointer: pointer; }
    Act:hover { color: $text-primary; text-style: underline; }
    Act:focus { color: $text; background: $primary; }

    .chat-body { height: 1fr; layers: below above; }
    .idle { layer: above; display: none; align: center middle; height: 1fr; width: 1fr; }
    .idle Static { text-align: center; width: 100%; }
    .idle-title { text-style: bold; color: $text-primary; margin-bottom: 1; }
    .idle-hint { color: $text-muted; padding: 0 2; }
    &.-idle .idle { display: block; }

    .to-end { layer: above; dock: bottom; display: none; height: 1; align-horizontal: center; }
    .to-end Act { background: $panel; color: $text-primary; padding: 0 2; }
    &.-away .to-end { display: block; }

    .banner { display: none; height: 1; max-width: 104; padding: 0 2; background: $boost; }
    .banner-text { width: 1fr; color: $text-muted; text-wrap: nowrap; text-overflow: ellipsis; }
    .banner Act { margin-left: 1; }
    &.-banner .banner { display: block; }

    .entry-row {
        height: auto; max-height: 10; max-width: 102; margin: 0 1; padding: 0 1;
        border: round $foreground 30%; background: $background;
    }
    .entry-row:focus-within { border: round $primary; }
    Entry { height: auto; max-height: 8; padding: 0; background: $background; }
    Entry .text-area--cursor-line { background: $background; }
    .send { margin-left: 1; dock: right; color: $text-primary; text-style: bold; }
    &.-busy .send { color: $text-warning; }
    .keys {
        height: 1; max-width: 104; padding: 0 2; color: $text-disabled;
        text-wrap: nowrap; text-overflow: ellipsis;
    }
}

History {
    layer: below; height: 1fr; padding: 1 1 0 2; align-horizontal: center;
    scrollbar-gutter: stable; scrollbar-color: $foreground 20%;
    scrollbar-size-vertical: 1; scrollbar-background: $background;
    scrollbar-background-hover: $background; scrollbar-background-active: $background;

    .space { height: 0; width: 1fr; max-width: 100; }
    .row { width: 1fr; max-width: 100; height: auto; }
    .row.-gap { padding-bottom: 1; }

    .row-question { background: $primary 12%; border-left: outer $primary; padding: 0 1; }
    .row-question.-gap { margin-bottom: 1; padding-bottom: 0; }
    .row-plain { color: $text-muted; border-left: outer $foreground 15%; padding: 0 1; }
    .row-plain.-gap { margin-bottom: 1; padding-bottom: 0; }
    .row-fold { color: $text-muted; text-wrap: nowrap; text-overflow: ellipsis; pointer: pointer; }
    .row-fold:hover { color: $text-primary; }
    .row-fold:focus { background: $primary 30%; color: $text; }
    .row-fold.-failed { color: $text-error; }
    .row-source { color: $text-muted; text-wrap: nowrap; text-overflow: ellipsis; }
    .row-source.-link { color: $text-accent; pointer: pointer; }
    .row-source.-link:hover { text-style: underline; }
    .row-source:focus { background: $primary; color: $text; }
    .row-actions Act { margin-right: 2; color: $text-disabled; }
    .row-actions Act:hover { color: $text-primary; }
    .row-actions Act:focus { color: $text; background: $primary; }
    .row-actions.-gap { margin-bottom: 1; padding-bottom: 0; }
    .row-ask Act { margin: 0 2; color: $text-primary; text-style: bold; }

    .row-notice { color: $text-muted; }
    .notice-text { width: 1fr; height: auto; }
    .spinner { width: 2; color: $text-accent; }
    .row-notice.-error {
        border-left: outer $error; padding: 0 1; margin-bottom: 1;
        color: $text-error; background: $error 10%;
    }
    .row-notice.-incomplete { color: $text-warning; }
    .retry { margin-left: 2; text-style: bold; color: $text-error; }

    Prose { padding: 0; width: 1fr; }
    Prose > MarkdownBlock, Prose > MarkdownParagraph, Prose > MarkdownFence { margin: 0; }
    Prose MarkdownBulletList, Prose MarkdownOrderedList { margin: 0; }
    Prose MarkdownParagraph { margin: 0; }
    Prose MarkdownHeader {
        content-align: left middle; width: 1fr; margin: 0; background: transparent;
    }
    Prose MarkdownH1 { text-style: bold underline; }
    Prose MarkdownH2 { text-style: bold; }
    Prose MarkdownBlockQuote { margin: 0; }
    Prose MarkdownTable {
        margin: 0; background: transparent !important; width: auto; max-width: 100%;
    }
    Prose Code { padding: 0 1; background: $surface; overflow: hidden hidden; }
    Prose Code > Label { padding: 0 0; width: 1fr; }
    .code-bar { height: 1; width: 100%; }
    .code-name { width: 1fr; color: $text-disabled; }
    .code-bar Act { color: $text-disabled; }
    TableText { width: auto; max-width: 100%; height: auto; }
}
"""
