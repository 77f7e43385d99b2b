#include "sim/faults/origin_poison.h"

#include "sim/net/link_model.h"

enum poison poison_draw(uint64_t ppm, struct rand *r)
{
    return draw_ppm(r, ppm) ? (enum poison)(1 + rand_below(r, POISON_FIELDS)) : POISON_NONE;
}

uint16_t poison_status(enum poison p, uint16_t otherwise)
{
    switch (p) {
    case POISON_PAGE: return 503;
    case POISON_PART: return 206;
    case POISON_UNCHANGED: return 304;
    default: return otherwise;
    }
}

void poison_fields(enum poison p, struct fields *fields)
{
    static const char *const odd[][2] = {
        { "Cache-Control", "max-age=banana, =, , s-maxage=-1, \"" },
        { "Age", "-5" },
        { "Expires", "never" },
        { "Date", "Tue, 99 Feb 1066 25:61:61 GMT" },
        { "Vary", ", ,accept-language;q=" },
        { "Accept-Ranges", "furlongs" },
        { "Last-Modified", "0" },
    };

    for (size_t i = 0; p == POISON_FIELDS && i < sizeof(odd) / sizeof(odd[0]); i++)
        fields_add(fields, slice_str(odd[i][0]), slice_str(odd[i][1]));
}

struct slice poison_page(void)
{
    return SLICE_LIT("The origin is out of order.\n");
}
