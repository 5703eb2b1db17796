"""Views: tables that a projector folds from the log, and that commands query."""
