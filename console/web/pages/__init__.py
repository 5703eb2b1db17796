"""One module for each page. Pages do not import each other."""
