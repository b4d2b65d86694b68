"""The report of a case: one plain value, from which the page, the PDF and the JSON are made."""
