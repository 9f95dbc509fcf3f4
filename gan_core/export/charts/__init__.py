"""Charts of runs, as SVG and as PNG: from a row of `table` to a drawing, and that written down."""
