/* cmd_status_print.c - what `mqpush status` prints of a batch: a page for people, data for scripts, or metrics. */
#include "agent/cmd_status.h"

#include "agent/base/clock.h"
#include "agent/base/xalloc.h"
#include "agent/model/family.h"
#include "agent/view/format.h"
#include "agent/view/human.h"
#include "agent/view/out.h"
#include "agent/view/page.h"
#include "agent/view/table_view.h"
#include "sinks/prom_text.h"

#include <stdlib.h>
#include <unistd.h>

#define WATCH_ROWS_LEAST 3

bool status_is_for_people(const struct status *status)
{
    return status->output <= OUTPUT_WIDE || status->output == OUTPUT_MD;
}

static void put_prom(struct buf *to, const struct status *status, const struct batch *b)
{
    bool *wanted = xcalloc(family_count, sizeof(*wanted));

    for (unsigned i = 0; i < family_count; i++)
        wanted[i] = !status->is_one_table || families[i].table == status->plan.table;
    prom_text_render(b, wanted, NULL, 0, to);
    free(wanted);
}

static void put_page(struct buf *to, const struct status *status, const struct table_view *view, const struct format_head *head)
{
    struct page page = {
        .view = view,
        .people = { .is_exact = status->args->is_exact, .at_ms = head->at_ms },
        .term = status->term,
        .fit = status->output == OUTPUT_WIDE ? FORMAT_AS_IS : status->plan.column_count > 0 ? FORMAT_CUT : FORMAT_DROP,
        .is_md = status->output == OUTPUT_MD,
        .now_ms = head->generated_ms,
    };

    page_put(to, &page);
}

/* Separated rows of many moments need to say which; those of one do not. */
static void put_separated(struct buf *to, const struct status *status, const struct grid *grid, int64_t at_ms)
{
    char at[HUMAN_TEXT_MAX];
    bool is_watch = status->args->watch_ms != STATUS_NOT_GIVEN, with_header = status->frames == 0;

    human_rfc3339(at, at_ms);
    (status->output == OUTPUT_CSV ? format_csv : format_tsv)(to, grid, is_watch ? at : NULL, with_header);
}

static void put_frame(struct buf *to, const struct status *status, const struct batch *b)
{
    struct view_plan plan = status->plan;
    struct table_view view;
    struct format_head head = {
        .table = schema_tables[plan.table].name,
        .generated_ms = clock_wall_ms(),
        .at_ms = batch_info(b)->time_ms,
        .coverage = page_coverage(b),
    };

    if (status->output == OUTPUT_PROM) {
        put_prom(to, status, b);
        return;
    }
    if (status->is_redrawn) { /* more rows than the screen has would scroll the top away */
        unsigned around = page_lines_around(b);
        uint32_t room = status->term.height > around + WATCH_ROWS_LEAST ? status->term.height - around : WATCH_ROWS_LEAST;
        plan.top = plan.top > 0 && plan.top < room ? plan.top : room;
    }
    enum view_pick for_people = status->output == OUTPUT_WIDE ? VIEW_WIDE : VIEW_PEOPLE;
    table_view_init(&view, &plan, b, status_is_for_people(status) ? for_people : VIEW_MACHINE);
    if (status_is_for_people(status))
        put_page(to, status, &view, &head);
    else if (status->output == OUTPUT_JSON)
        format_json(to, &view.grid, &head);
    else if (status->output == OUTPUT_JSONL)
        format_jsonl(to, &view.grid, &head);
    else
        put_separated(to, status, &view.grid, head.at_ms);
    table_view_fini(&view);
}

int status_print(struct status *status, const struct batch *b)
{
    struct out out;

    term_look(&status->term, STDOUT_FILENO, status->args->width == STATUS_NOT_GIVEN ? TERM_WIDTH_AUTO : (long)status->args->width,
              cli_use_color(status->cli, stdout));
    out_open(&out, status->is_redrawn);
    if (!status->is_redrawn && status->frames > 0 && status->output <= OUTPUT_WIDE)
        buf_putc(&out.buf, '\n');
    put_frame(&out.buf, status, b);
    status->frames++;
    return out_close(&out);
}
