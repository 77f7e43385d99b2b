#include "sim/presets.h"

#include <assert.h>
#include <stdio.h>

#include "proto/base/err.h"

#define SETTINGS_MAX 12

/* Where the numbers come from: README.md, "Presets". */
static const struct preset {
    const char *name, *word;
    struct {
        const char *setting, *value;
    } sets[SETTINGS_MAX];
} presets[] = {
    { "network",
      "lan",
      { { "delay-ms", "0.1" },
        { "zone-delay-ms", "0.25" },
        { "region-delay-ms", "1" },
        { "jitter-ms", "0.2" },
        { "loss-pct", "0.002" },
        { "origin-delay-ms", "5" },
        { "origin-jitter-ms", "5" } } },
    { "network",
      "good",
      { { "delay-ms", "0.5" },
        { "zone-delay-ms", "8" },
        { "region-delay-ms", "35" },
        { "jitter-ms", "1" },
        { "loss-pct", "0.01" },
        { "origin-delay-ms", "30" },
        { "origin-jitter-ms", "10" } } },
    { "network",
      "wan",
      { { "delay-ms", "2" },
        { "zone-delay-ms", "20" },
        { "region-delay-ms", "70" },
        { "jitter-ms", "5" },
        { "loss-pct", "0.1" },
        { "burst-loss-pct", "0.02" },
        { "origin-delay-ms", "80" },
        { "origin-jitter-ms", "40" } } },
    { "network",
      "bad",
      { { "delay-ms", "10" },
        { "zone-delay-ms", "45" },
        { "region-delay-ms", "120" },
        { "jitter-ms", "30" },
        { "loss-pct", "1" },
        { "burst-loss-pct", "0.5" },
        { "burst-length", "8" },
        { "reorder-pct", "0.5" },
        { "origin-delay-ms", "150" },
        { "origin-jitter-ms", "150" } } },
    { "network",
      "awful",
      { { "delay-ms", "40" },
        { "zone-delay-ms", "100" },
        { "region-delay-ms", "250" },
        { "jitter-ms", "150" },
        { "loss-pct", "4" },
        { "burst-loss-pct", "2" },
        { "burst-length", "12" },
        { "reorder-pct", "3" },
        { "dup-pct", "0.5" },
        { "corrupt-pct", "0.01" },
        { "origin-delay-ms", "400" },
        { "origin-jitter-ms", "400" } } },
    { "workload",
      "web",
      { { "keys", "20000" },
        { "requests", "100000" },
        { "zipf-exponent", "0.8" },
        { "size-min", "512" },
        { "size-max", "512KiB" },
        { "no-store-pct", "10" },
        { "leavers-pct", "1" } } },
    { "workload",
      "cdn",
      { { "keys", "440000" },
        { "requests", "8800000" },
        { "zipf-exponent", "0.7" },
        { "size-min", "1KiB" },
        { "size-max", "256KiB" },
        { "memory", "1GiB" } } },
    { "workload",
      "hot",
      { { "keys", "2000" },
        { "requests", "100000" },
        { "zipf-exponent", "1.1" },
        { "size-min", "1KiB" },
        { "size-max", "64KiB" } } },
    { "workload",
      "media",
      { { "keys", "2000" },
        { "requests", "20000" },
        { "zipf-exponent", "0.6" },
        { "size-min", "256KiB" },
        { "size-max", "4MiB" },
        { "slow-viewers-pct", "20" },
        { "leavers-pct", "5" } } },
    { "workload",
      "flash-crowd",
      { { "keys", "5000" },
        { "requests", "100000" },
        { "zipf-exponent", "0.9" },
        { "hot-pct", "70" },
        { "size-min", "1KiB" },
        { "size-max", "256KiB" } } },
};
#define PRESETS_N (sizeof(presets) / sizeof(presets[0]))

bool preset_is(const struct vocabulary *words, struct slice name)
{
    return words == &words_of_run && (slice_eq(name, SLICE_LIT("network")) || slice_eq(name, SLICE_LIT("workload")));
}

int preset_apply(struct scenario *sc, struct slice name, struct slice word, struct scenario_error *err)
{
    size_t i = 0;

    while (i < PRESETS_N && !(slice_eq(name, slice_str(presets[i].name)) && slice_eq(word, slice_str(presets[i].word))))
        i++;
    if (i == PRESETS_N) {
        snprintf(err->text, sizeof(err->text), "%.*s is %s, not \"%.*s\"", SLICE_FMT(name),
                 slice_eq(name, SLICE_LIT("network")) ? "lan, good, wan, bad or awful"
                                                      : "web, cdn, hot, media or flash-crowd",
                 SLICE_FMT(slice_head(word, 40)));
        return MESH_E_SYNTAX;
    }
    for (size_t k = 0; k < SETTINGS_MAX && presets[i].sets[k].setting != NULL; k++) {
        int e = scenario_setting(sc, slice_str(presets[i].sets[k].setting), slice_str(presets[i].sets[k].value), err);
        assert(e == 0); /* the table above is ours */
    }
    return 0;
}

void preset_help(struct buf *out)
{
    for (size_t i = 0; i < PRESETS_N; i++) {
        buf_addf(out, "  --%s %s:", presets[i].name, presets[i].word);
        for (size_t k = 0; k < SETTINGS_MAX && presets[i].sets[k].setting != NULL; k++)
            buf_addf(out, "%s %s %s", k > 0 ? "," : "", presets[i].sets[k].setting, presets[i].sets[k].value);
        buf_add_u8(out, '\n');
    }
}
