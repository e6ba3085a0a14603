/*
 * out.h - standard output as the drain of a buf, and on a terminal a frame drawn over the one before. One thread.
 */
#ifndef AGENT_VIEW_OUT_H
#define AGENT_VIEW_OUT_H

#include "agent/base/buf.h"

struct out {
    struct buf buf;
    bool is_frame;
    int error; /* errno of the first write that failed; whoever fills buf may go on for a while */
};

/* is_frame: from the top of the screen over what stands there, which is cleared as far as the new frame does not cover it.
 * Never an alternate screen: the last frame stays when the program ends. */
void out_open(struct out *out, bool is_frame);
/* Writes what is left. 0, or -1 with errno as it was when the first write failed (EPIPE: the reader has left). */
int out_close(struct out *out);

#endif
