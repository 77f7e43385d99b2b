#include "node/core/alarms.h"

static const struct {
    const char *name, *text;
} table[ALARMS_N] = {
#define X(name, text) { #name, text },
    ALARMS(X)
#undef X
};

const char *alarm_name(enum alarm a)
{
    return table[a].name;
}

const char *alarm_text(enum alarm a)
{
    return table[a].text;
}
