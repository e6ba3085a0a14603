/* fuzz_body_clients.c - any bytes as the body of 203. See fuzz_body.h. */
#include "tests/fuzz/fuzz_body.h"

static void on_client(void *ctx, const struct body_client *client)
{
    (void)ctx;
    fuzz_touch(client->id);
    fuzz_touch(client->address);
    fuzz_touch(client->language);
    fuzz_touch(name_host_of(client->address));
    fuzz_touch(name_pid_of(client->id));
    fuzz_require(client->id.len > 0 && client->id.len <= CLIENT_ID_MAX_BYTES && client->version >= 0);
}

static int decode(struct view body, struct err *err)
{
    struct body_group_state state;
    int result = body_clients(body, &state, on_client, NULL, err);

    fuzz_require(state.model <= MODEL_BROADCASTING && state.type <= TYPE_POP);
    return result;
}

FUZZ_BODY(decode(body, &err))
