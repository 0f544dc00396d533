"""Text of PDF files that were made as text: pages in, words in reading order out.

Whoever wrote a PDF may have meant harm, and its readers are native code: every step runs in a child process with limits
of time and memory (`child`). `glyph_text` puts lines together from the glyphs of each page (`glyphs`, `glyph_names`,
`glyph_marks`, `glyph_order`, `glyph_lines`). `prepare` opens the file with PDFium, parts columns and writes a plain
copy, and `qalam_text` reads that copy: it knows where tables are, and stands in where the glyphs do not do. `extract`
puts all together: the best text of each page, without running heads, in paragraphs.
"""
