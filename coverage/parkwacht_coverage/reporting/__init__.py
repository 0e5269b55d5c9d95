"""The report of a study: words, tables and pictures, typeset with typst."""
