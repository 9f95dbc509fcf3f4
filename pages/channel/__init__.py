"""What the web server answers beside the pages: routes, and the headers of all answers.

What is live on a page comes through these routes, not through reruns of the page.
"""
