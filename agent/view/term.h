/*
 * term.h - what the reader's screen can show, and text made fit for it.
 *
 * Widths are in terminal columns (a CJK character takes two). A name from a broker is hostile: control bytes, bidirectional
 * overrides and broken UTF-8 reach a terminal only as \xNN. Whoever uses this has called setlocale(LC_CTYPE, "") and no more
 * of it. The terminal is never asked anything but its size. Pure apart from term_look; any thread.
 */
#ifndef AGENT_VIEW_TERM_H
#define AGENT_VIEW_TERM_H

#include <stdbool.h>
#include <stddef.h>

struct buf;

#define TERM_WIDTH_AUTO (-1)
#define TERM_UNLIMITED 0

struct term {
    unsigned width; /* columns; TERM_UNLIMITED: nothing is cut */
    unsigned height; /* rows; 0: not a terminal */
    bool is_tty;
    bool has_color;
    bool has_utf8;
};

/* What stands behind fd. width: what --width said (TERM_UNLIMITED: cut nothing), or TERM_WIDTH_AUTO: the terminal's size, else
 * $COLUMNS, else 80; in a pipe unlimited. has_color is decided by the caller. */
void term_look(struct term *term, int fd, long width, bool has_color);

/* Appends text in a form the terminal shows and nothing else: what is not printable there becomes \xNN. */
void term_escape(struct buf *to, const char *text, size_t len, bool has_utf8);
/* Columns an escaped text takes. */
unsigned term_columns(const char *text, size_t len);
/* Appends an escaped text, cut so that it takes at most `columns`: in the middle, as the ends of names differ, or at its end. */
void term_cut(struct buf *to, const char *text, size_t len, unsigned columns, bool at_end, bool has_utf8);

#endif
