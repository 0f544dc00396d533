"""Words of pictures: pages that were scanned, photographs of pages.

OCR is asked for (`options`), and done by Tesseract (`tesseract`), which is installed beside Dalil or not. Whoever made
a picture may have meant harm, and both what opens it (`pictures`) and Tesseract are native code: they run in a child
process with limits of time and memory (`recognition`, a step of `ingest.pdf.child`). `scans` gives the lines of pages
and says which of them are too bad to be used.
"""
