"""The page, one module for each area of it.

What it shows is made in Python from `templates/`; `static/page.js` puts it in place, and says back what a person
pressed. Conversations and choices are kept by the browser.
"""
