/*
 * fuzz_when.c - any text as a moment. What must hold: it is one within the years that can be written, or an error with a sentence;
 * spans and dates do not overflow.
 */
#include "agent/view/when.h"
#include "tests/fuzz/fuzz.h"

#define NOW_MS 1795000000000LL

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool has_zone;
    struct err err = { .kind = ERR_NONE };
    int64_t time_ms = -1, again_ms;
    char *text = fuzz_text(data, size);

    if (!has_zone)
        when_set_zone("Europe/Berlin", &err); /* without it UTC: also fine */
    has_zone = true;
    if (when_parse(text, NOW_MS, &time_ms, &err) == 0) {
        fuzz_require(time_ms < 253402300800000LL + 2 * 86400000LL);
        fuzz_require(when_parse(text, NOW_MS, &again_ms, &err) == 0 && again_ms == time_ms);
    } else {
        fuzz_require(time_ms == -1 && err.kind == ERR_CONFIG && err.msg[0] != '\0');
    }
    free(text);
    return 0;
}
