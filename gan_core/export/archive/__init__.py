"""Everything of a run as one zip, and a zip that is opened again."""
