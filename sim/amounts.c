#include "sim/amounts.h"

#include <stdio.h>

#include "sim/figures.h"

const char *amount_number(char text[AMOUNT_MAX], uint64_t n)
{
    char digits[24];
    int len = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)n), at = 0;

    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            text[at++] = ',';
        text[at++] = digits[i];
    }
    text[at] = '\0';
    return text;
}

const char *amount_bytes(char text[AMOUNT_MAX], uint64_t n)
{
    static const char *const units[] = { "B", "KB", "MB", "GB", "TB" };
    size_t unit = 0;
    uint64_t tenths = n * 10;

    while (tenths >= 10000 && unit < 4) {
        tenths /= 1000;
        unit++;
    }
    if (unit == 0)
        snprintf(text, AMOUNT_MAX, "%llu B", (unsigned long long)n);
    else
        snprintf(text, AMOUNT_MAX, "%llu.%llu %s", (unsigned long long)(tenths / 10), (unsigned long long)(tenths % 10),
                 units[unit]);
    return text;
}

const char *amount_seconds(char text[AMOUNT_MAX], uint64_t ms)
{
    if (ms == FIGURE_NEVER)
        snprintf(text, AMOUNT_MAX, "never");
    else
        snprintf(text, AMOUNT_MAX, "%llu.%llu s", (unsigned long long)(ms / 1000), (unsigned long long)(ms / 100 % 10));
    return text;
}

const char *amount_span(char text[AMOUNT_MAX], uint64_t ms)
{
    unsigned long long minutes = ms / 60000;

    if (ms < 600000 || ms == FIGURE_NEVER)
        return amount_seconds(text, ms);
    if (minutes < 60)
        snprintf(text, AMOUNT_MAX, "%llu min", minutes);
    else if (minutes % 60 == 0)
        snprintf(text, AMOUNT_MAX, "%llu h", minutes / 60);
    else
        snprintf(text, AMOUNT_MAX, "%llu h %llu min", minutes / 60, minutes % 60);
    return text;
}

const char *amount_ms(char text[AMOUNT_MAX], uint64_t us)
{
    if (us == FIGURE_NEVER)
        snprintf(text, AMOUNT_MAX, "-");
    else
        snprintf(text, AMOUNT_MAX, "%llu.%02llu", (unsigned long long)(us / 1000), (unsigned long long)(us / 10 % 100));
    return text;
}

const char *amount_wait(char text[AMOUNT_MAX], uint64_t us)
{
    unsigned long long n = us;

    if (us == FIGURE_NEVER)
        snprintf(text, AMOUNT_MAX, "-");
    else if (us < 10000)
        snprintf(text, AMOUNT_MAX, "%llu.%02llu ms", n / 1000, n / 10 % 100);
    else if (us < 100000)
        snprintf(text, AMOUNT_MAX, "%llu.%llu ms", n / 1000, n / 100 % 10);
    else if (us < 1000000)
        snprintf(text, AMOUNT_MAX, "%llu ms", n / 1000);
    else
        snprintf(text, AMOUNT_MAX, "%llu.%llu s", n / 1000000, n / 100000 % 10);
    return text;
}

const char *amount_share(char text[AMOUNT_MAX], uint64_t part, uint64_t whole)
{
    uint64_t tenths = whole == 0 ? 0 : (part * 1000 + whole / 2) / whole;
    snprintf(text, AMOUNT_MAX, "%llu.%llu %%", (unsigned long long)(tenths / 10), (unsigned long long)(tenths % 10));
    return text;
}
