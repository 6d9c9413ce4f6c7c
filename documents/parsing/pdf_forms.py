"""What people have filled in: the values of a PDF form's fields, as text under the page's own."""

import ctypes
from collections.abc import Callable
from typing import Any

from documents.parsing.clean import clean_line

MOST_FIELDS = 500  # of one page
LONGEST = 2000  # characters of a value
SECRET = 1 << 13  # a password's field


def open_forms(document: Any) -> None:
    """Let pdfium read the document's fields, if it has any. Pages must be loaded afterwards."""
    from pypdfium2 import PdfiumError

    if document.get_formtype():
        try:
            document.init_forms()
        except PdfiumError:
            pass  # a broken form costs its values, not the document


def field_values(document: Any, page: Any) -> list[str]:
    """`name: value` for each field of the page with a value; ticked boxes give their name and state."""
    from pypdfium2 import raw

    if document.formenv is None:
        return []
    form, found, seen = document.formenv, [], set()
    for index in range(min(raw.FPDFPage_GetAnnotCount(page), MOST_FIELDS)):
        annotation = raw.FPDFPage_GetAnnot(page, index)
        if not annotation:
            continue
        try:
            if raw.FPDFAnnot_GetSubtype(annotation) == raw.FPDF_ANNOT_WIDGET:
                line = _field(raw, form, annotation)
                if line and line not in seen:
                    seen.add(line)
                    found.append(line)
        finally:
            raw.FPDFPage_CloseAnnot(annotation)
    return found


def _field(raw: Any, form: Any, annotation: Any) -> str:
    kind = raw.FPDFAnnot_GetFormFieldType(form, annotation)
    flags = raw.FPDFAnnot_GetFormFieldFlags(form, annotation)
    name = _text(raw.FPDFAnnot_GetFormFieldAlternateName, form, annotation)
    name = name or _text(raw.FPDFAnnot_GetFormFieldName, form, annotation)
    if kind in (raw.FPDF_FORMFIELD_TEXTFIELD, raw.FPDF_FORMFIELD_COMBOBOX, raw.FPDF_FORMFIELD_LISTBOX):
        if kind == raw.FPDF_FORMFIELD_TEXTFIELD and flags & SECRET:
            return ""
        value = _text(raw.FPDFAnnot_GetFormFieldValue, form, annotation)
    elif kind in (raw.FPDF_FORMFIELD_CHECKBOX, raw.FPDF_FORMFIELD_RADIOBUTTON):
        if not raw.FPDFAnnot_IsChecked(form, annotation):
            return ""
        value = _text(raw.FPDFAnnot_GetFormFieldExportValue, form, annotation) or "Yes"
    else:
        return ""
    return f"{name}: {value}" if name and value else value


def _text(get: Callable[..., int], form: Any, annotation: Any) -> str:
    size = get(form, annotation, None, 0)
    if size <= 2:
        return ""
    buffer = (ctypes.c_ushort * (size // 2 + 1))()
    get(form, annotation, buffer, size)
    return clean_line(bytes(buffer)[: size - 2].decode("utf-16-le", "replace"), LONGEST)
