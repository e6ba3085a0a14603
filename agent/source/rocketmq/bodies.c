/* bodies.c - what the decoders of large lists share; see bodies.h. */
#include "agent/source/rocketmq/bodies.h"

bool body_enter_table(struct json *j, bool *has_table)
{
    bool is_there = json_enter_object(j);

    *has_table |= is_there;
    return is_there;
}

int body_done(struct json *j, bool has_table, const char *name, struct err *err)
{
    if (json_done(j, err) < 0)
        return -1;
    return has_table ? 0 : err_set(err, ERR_PROTO, "this answers another question: there is no %s in it", name);
}
