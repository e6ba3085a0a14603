/* request_codes.c - see request_codes.h: the two tables as functions. */
#include "agent/source/rocketmq/request_codes.h"

#define CASE(name, number) \
    case number: \
        return #name;

const char *rmq_code_name(int code)
{
    switch (code) {
        RMQ_REQUESTS(CASE)
    default:
        return "request";
    }
}

const char *rmq_response_name(int code)
{
    switch (code) {
        RMQ_RESPONSES(CASE)
    default:
        return "";
    }
}
