/*
 * request_codes.h - the numbers of the remoting protocol that we use, and their names for people.
 *
 * Requests and responses have separate number spaces. Pure; any thread.
 */
#ifndef AGENT_SOURCE_ROCKETMQ_REQUEST_CODES_H
#define AGENT_SOURCE_ROCKETMQ_REQUEST_CODES_H

#define RMQ_REQUESTS(X) \
    X(QUERY_CONSUMER_OFFSET, 14) \
    X(GET_ALL_TOPIC_CONFIG, 21) \
    X(GET_BROKER_CONFIG, 26) \
    X(GET_BROKER_RUNTIME_INFO, 28) \
    X(SEARCH_OFFSET_BY_TIMESTAMP, 29) \
    X(GET_MAX_OFFSET, 30) \
    X(GET_MIN_OFFSET, 31) \
    X(GET_ALL_CONSUMER_OFFSET, 43) \
    X(GET_ALL_DELAY_OFFSET, 45) \
    X(GET_TIMER_METRICS, 61) \
    X(GET_ROUTEINFO_BY_TOPIC, 105) \
    X(GET_BROKER_CLUSTER_INFO, 106) \
    X(GET_ALL_SUBSCRIPTIONGROUP_CONFIG, 201) \
    X(GET_TOPIC_STATS_INFO, 202) \
    X(GET_CONSUMER_CONNECTION_LIST, 203) \
    X(GET_PRODUCER_CONNECTION_LIST, 204) \
    X(GET_ALL_TOPIC_LIST_FROM_NAMESERVER, 206) \
    X(GET_CONSUME_STATS, 208) \
    X(QUERY_CONSUME_TIME_SPAN, 303) \
    X(GET_SYSTEM_TOPIC_LIST_FROM_BROKER, 305) \
    X(GET_CONSUMER_RUNNING_INFO, 307) \
    X(VIEW_BROKER_STATS_DATA, 315) \
    X(GET_BROKER_CONSUME_STATS, 317) \
    X(GET_ALL_PRODUCER_INFO, 328) \
    X(GET_ALL_MESSAGE_REQUEST_MODE, 402) \
    X(GET_BROKER_MEMBER_GROUP, 901) \
    X(GET_BROKER_HA_STATUS, 907)

#define RMQ_RESPONSES(X) \
    X(SUCCESS, 0) \
    X(SYSTEM_ERROR, 1) \
    X(SYSTEM_BUSY, 2) \
    X(REQUEST_CODE_NOT_SUPPORTED, 3) \
    X(NO_PERMISSION, 16) \
    X(TOPIC_NOT_EXIST, 17) \
    X(QUERY_NOT_FOUND, 22) \
    X(SUBSCRIPTION_GROUP_NOT_EXIST, 26) \
    X(CONSUMER_NOT_ONLINE, 206) \
    X(CONSUME_MSG_TIMEOUT, 207) \
    X(NOT_LEADER_FOR_QUEUE, 501) \
    X(GO_AWAY, 1500)

/* RMQ_GET_TOPIC_STATS_INFO = 202, ... and RMQ_RESPONSE_TOPIC_NOT_EXIST = 17, ... */
#define RMQ_ENUM_REQUEST(name, number) RMQ_##name = number,
#define RMQ_ENUM_RESPONSE(name, number) RMQ_RESPONSE_##name = number,
enum rmq_request { RMQ_REQUESTS(RMQ_ENUM_REQUEST) };
enum rmq_response { RMQ_RESPONSES(RMQ_ENUM_RESPONSE) };
#undef RMQ_ENUM_REQUEST
#undef RMQ_ENUM_RESPONSE

const char *rmq_code_name(int code);     /* request: "GET_TOPIC_STATS_INFO"; "request" for one we do not know */
const char *rmq_response_name(int code); /* response: "TOPIC_NOT_EXIST"; "" for one we do not know */

#endif
