/* test_resolve.c - a name with many addresses. The resolver's answer is made here: a real one would need a name server. */
#include "agent/base/clock.h"
#include "agent/net/resolve.h"
#include "tests/unit/unit.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>

static int wanted; /* addresses that a name has */

struct made {
    struct addrinfo info; /* the first member, so that freeaddrinfo may free it */
    struct sockaddr_in to;
};

/* Takes the place of libc's: 127.0.0.1, 127.0.0.2, ... */
int getaddrinfo(const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **found)
{
    (void)host;
    if ((hints->ai_flags & AI_NUMERICHOST) != 0)
        return EAI_NONAME;
    *found = NULL;
    for (int i = wanted; i > 0; i--) {
        struct made *m = calloc(1, sizeof(*m));
        m->to = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)),
                                      .sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + (uint32_t)i) };
        m->info = (struct addrinfo){ .ai_family = AF_INET, .ai_socktype = hints->ai_socktype, .ai_addrlen = sizeof(m->to),
                                     .ai_addr = (struct sockaddr *)&m->to, .ai_next = *found };
        *found = &m->info;
    }
    return 0;
}

void freeaddrinfo(struct addrinfo *list)
{
    while (list != NULL) {
        struct addrinfo *next = list->ai_next;
        free(list);
        list = next;
    }
}

START_TEST(so_many_addresses_of_a_name_are_tried) /* loop test: one below the limit, at it, one past it */
{
    struct resolve_address found[RESOLVE_ADDRESSES_MAX + 1] = { { .len = 0 } };
    struct err err = { 0 };
    int expected = _i < RESOLVE_ADDRESSES_MAX ? _i : RESOLVE_ADDRESSES_MAX;

    wanted = _i;
    ck_assert_msg(resolve_host("many", "8125", found, clock_now_ns() + 20 * NS_PER_S, -1, &err) == expected, "%s", err.msg);
    for (int i = 0; i < expected; i++) {
        const struct sockaddr_in *to = (const struct sockaddr_in *)&found[i].to;
        ck_assert_uint_eq(found[i].len, sizeof(*to));
        ck_assert_uint_eq(ntohl(to->sin_addr.s_addr), INADDR_LOOPBACK + (uint32_t)i); /* the first ones, in their order */
    }
    ck_assert_uint_eq(found[expected].len, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("resolve");
    TCase *c = unit_case(suite, "resolve");

    tcase_add_loop_test(c, so_many_addresses_of_a_name_are_tried, RESOLVE_ADDRESSES_MAX - 1, RESOLVE_ADDRESSES_MAX + 2);
    return unit_main(suite);
}
