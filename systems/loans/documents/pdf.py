"""From HTML to a PDF: letterhead, body, page numbers. The same input gives the same bytes."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from fpdf import FPDF, TextStyle
from fpdf.enums import XPos, YPos

from documents import fonts

INK = "#1f2937"
BRAND = "#1e3a5f"
PALE = "#6b7280"
RULE = "#d1d5db"
MARGIN = 22
#: A section begins on a page that has as much room (in mm), so that no heading stands alone at the end of a page.
ROOM_FOR_SECTION = 35
FAMILY = "letter"
#: Stands for the number of pages until it is known; a private character, so that nobody's text can contain it.
PAGES = "\ue000"
STYLES = {
    "h1": TextStyle(color=BRAND, font_size_pt=17, font_style="B", t_margin=6, b_margin=0.2),
    "h2": TextStyle(color=BRAND, font_size_pt=11.5, font_style="B", t_margin=5, b_margin=0.2),
    "p": TextStyle(t_margin=2.5),
    "blockquote": TextStyle(color="#9a3412", t_margin=3, b_margin=3, l_margin=0),
    "ol": TextStyle(t_margin=1),
    "li": TextStyle(l_margin=6, t_margin=2),
}


@dataclass(frozen=True, slots=True)
class Sheet:
    """What stands around the body of a document, and in its metadata."""

    title: str
    reference: str
    sender: str
    contact: str
    made_at: datetime
    is_draft: bool = False


class Paper(FPDF):
    """Pages with a letterhead and numbers."""

    def __init__(self, sheet: Sheet) -> None:
        super().__init__(format="A4")
        self.sheet = sheet
        self.set_margins(MARGIN, 16, MARGIN)
        self.set_auto_page_break(auto=True, margin=24)
        self.alias_nb_pages(PAGES)

    def header(self) -> None:
        """The letterhead, and across the page of a draft that it is one."""
        if self.sheet.is_draft:
            self._across("DRAFT")
        self.set_font(FAMILY, "B", 15)
        self.set_text_color(BRAND)
        self.cell(0, 8, self.sheet.sender, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.set_font(FAMILY, "", 8.5)
        self.set_text_color(PALE)
        self.multi_cell(0, 4.2, self.sheet.contact, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self._rule(self.get_y() + 2, BRAND, 0.6)
        self.set_y(self.get_y() + 8)

    def footer(self) -> None:
        """What it is, and which page."""
        self._rule(self.h - 19, RULE, 0.2)
        self.set_y(-17)
        self.set_font(FAMILY, "", 8)
        self.set_text_color(PALE)
        self.cell(self.epw * 0.75, 5, f"{self.sheet.title} · {self.sheet.reference}")
        self.cell(0, 5, f"Page {self.page_no()} of {PAGES}", align="R")

    def _render_styled_text_line(self, *args: Any, **options: Any) -> Any:
        """Sets the font before each line: fpdf2 2.8 forgets to, after a line that begins in a fallback font."""
        if self.page and not self.current_font_is_set_on_page and self.current_font:
            self._out(self._set_font_for_page(self.current_font, self.font_size_pt))
        return super()._render_styled_text_line(*args, **options)

    def _rule(self, height: float, colour: str, width: float) -> None:
        self.set_draw_color(colour)
        self.set_line_width(width)
        self.line(self.l_margin, height, self.w - self.r_margin, height)

    def _across(self, word: str) -> None:
        self.set_font(FAMILY, "B", 120)
        self.set_text_color("#f3f4f6")
        with self.rotation(50, self.w / 2, self.h / 2):
            self.text((self.w - self.get_string_width(word)) / 2, self.h / 2 + 15, word)


def render(body: str, sheet: Sheet) -> bytes:
    """The document as bytes. `body` is HTML with paragraphs, headings, lists and tables."""
    body = fonts.printable(body)
    sheet = replace(sheet, sender=fonts.printable(sheet.sender), contact=fonts.printable(sheet.contact))
    east_asian = fonts.needs_east_asian(body + sheet.sender + sheet.contact)
    with fonts.unpacked(east_asian=east_asian) as files:
        paper = Paper(sheet)
        for style in fonts.STYLES:
            paper.add_font(FAMILY, style, files[style])
        if east_asian:
            paper.add_font(fonts.EAST_ASIAN, "", files[fonts.EAST_ASIAN])
            paper.set_fallback_fonts([fonts.EAST_ASIAN], exact_match=False)
        _describe(paper, sheet)
        paper.add_page()
        paper.set_font(FAMILY, "", 10)
        paper.set_text_color(INK)
        paper.set_draw_color(RULE)
        paper.set_line_width(0.2)
        for section in re.split(r"(?=<h2>)", body.replace("<p>", '<p line-height="1.3">')):
            if paper.will_page_break(ROOM_FOR_SECTION):
                paper.add_page()
            paper.write_html(section, tag_styles=STYLES, table_line_separators=True, li_prefix_color=INK)
        return bytes(paper.output())


def _describe(paper: Paper, sheet: Sheet) -> None:
    paper.set_title(f"{sheet.title} {sheet.reference}")
    paper.set_author(sheet.sender)
    paper.set_subject(f"{sheet.title} of application {sheet.reference}")
    paper.set_creator(sheet.sender)
    paper.set_lang("en-AU")
    paper.set_creation_date(sheet.made_at)
