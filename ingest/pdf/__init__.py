"""Text of PDF files that were made as text: pages in, words in reading order out.

Whoever wrote a PDF may have meant harm, and its readers are native code: every step runs in a child process with limits
of time and memory (`child`). `prepare` opens the file with PDFium, parts columns and writes a plain copy, `qalam_text`
reads that copy, and `extract` puts both together: the better text of each page, without running heads, in paragraphs.
"""
