#include "node/cli/sunset.h"

#include <stdlib.h>

#include "node/cli/png.h"
#include "proto/base/err.h"
#include "proto/base/rand.h"

/* Everything is drawn in a plane of 16 x 9, y downwards, whatever the size in pixels. */
#define WIDE    16.0f
#define HORIZON 5.65f
#define SUN_X   9.9f
#define SUN_Y   4.95f
#define SUN_R   0.86f

struct color {
    float r, g, b;
};

struct scene {
    uint32_t seed;
    float pixel; /* one pixel's width in the plane: the width of soft edges */
};

static float clamp01(float v)
{
    return v < 0 ? 0 : v > 1 ? 1 : v;
}

static float ramp(float from, float to, float v)
{
    float t = clamp01((v - from) / (to - from));
    return t * t * (3 - 2 * t);
}

static struct color mix(struct color a, struct color b, float t)
{
    return (struct color){ a.r + (b.r - a.r) * t, a.g + (b.g - a.g) * t, a.b + (b.b - a.b) * t };
}

static struct color glow(struct color a, struct color light, float t)
{
    return (struct color){ a.r + light.r * t, a.g + light.g * t, a.b + light.b * t };
}

/* ---- noise ---- */

static int floor_int(float v)
{
    int i = (int)v;
    return v < (float)i ? i - 1 : i;
}

/* A number in [0, 1) for each point of the grid. */
static float grid(uint32_t seed, int x, int y)
{
    uint64_t at = (uint64_t)(uint32_t)x << 32 | (uint32_t)y;
    return (float)(rand_mix(at ^ rand_mix(seed)) >> 40) / 16777216.0f;
}

static float noise(uint32_t seed, float x, float y)
{
    int ix = floor_int(x), iy = floor_int(y);
    float tx = ramp(0, 1, x - (float)ix), ty = ramp(0, 1, y - (float)iy);
    float top = grid(seed, ix, iy) + (grid(seed, ix + 1, iy) - grid(seed, ix, iy)) * tx;
    float low = grid(seed, ix, iy + 1) + (grid(seed, ix + 1, iy + 1) - grid(seed, ix, iy + 1)) * tx;
    return top + (low - top) * ty;
}

/* Octaves of noise, each twice as fine and half as strong; about 0.5 on average. */
static float fractal(uint32_t seed, float x, float y, int octaves)
{
    float sum = 0, strength = 0.5f, total = 0;

    for (int i = 0; i < octaves; i++) {
        sum += strength * noise(seed + (uint32_t)i, x, y);
        total += strength;
        strength /= 2;
        x *= 2;
        y *= 2;
    }
    return sum / total;
}

/* ---- the sky ---- */

static struct color gradient(float y)
{
    static const struct {
        float y;
        struct color c;
    } stops[] = {
        { 0.0f, { 0.075f, 0.075f, 0.225f } }, { 1.6f, { 0.225f, 0.130f, 0.375f } },
        { 3.0f, { 0.560f, 0.215f, 0.430f } }, { 4.1f, { 0.890f, 0.385f, 0.345f } },
        { 4.9f, { 0.985f, 0.600f, 0.320f } }, { 5.7f, { 1.000f, 0.830f, 0.520f } },
    };
    const size_t n = sizeof(stops) / sizeof(stops[0]);

    if (y <= stops[0].y)
        return stops[0].c;
    for (size_t i = 1; i < n; i++) {
        if (y < stops[i].y)
            return mix(stops[i - 1].c, stops[i].c, (y - stops[i - 1].y) / (stops[i].y - stops[i - 1].y));
    }
    return stops[n - 1].c;
}

static struct color add_stars(const struct scene *s, struct color c, float x, float y)
{
    const float cell = 0.28f;
    int ix = floor_int(x / cell), iy = floor_int(y / cell);
    float bright = grid(s->seed + 70, ix, iy);

    if (bright < 0.72f || y > 2.4f)
        return c;
    float dx = x / cell - (float)ix - (0.2f + 0.6f * grid(s->seed + 71, ix, iy));
    float dy = y / cell - (float)iy - (0.2f + 0.6f * grid(s->seed + 72, ix, iy));
    float d2 = (dx * dx + dy * dy) * cell * cell / (s->pixel * s->pixel);
    return glow(c, (struct color){ 0.9f, 0.9f, 1.0f }, (bright - 0.6f) * (1 - y / 2.4f) * clamp01(1.2f - d2 * 0.6f));
}

/* Long clouds, lit from below and the more so the nearer to the sun. */
static struct color add_clouds(const struct scene *s, struct color c, float x, float y)
{
    float stretch = 0.9f + 0.5f * y;
    float bend = noise(s->seed + 20, x * 0.25f, y * 0.6f);
    float n = fractal(s->seed + 30, x * 0.34f + bend, y * stretch, 6);
    float under = fractal(s->seed + 30, x * 0.34f + bend, (y + 0.16f) * stretch, 6);
    float cover = ramp(0.50f, 0.72f, n) * ramp(0.2f, 1.4f, y) * (1 - ramp(4.4f, 5.5f, y)) * 0.92f;
    float lit = clamp01(0.42f + (n - under) * 5.5f);
    float dx = (x - SUN_X) / 7.5f, near = 1 / (1 + dx * dx * 4);
    struct color dark = mix(gradient(y * 0.7f), (struct color){ 0.24f, 0.12f, 0.30f }, 0.55f);
    struct color fire =
        mix((struct color){ 0.86f, 0.33f, 0.38f }, (struct color){ 1.0f, 0.70f, 0.36f }, near * ramp(1, 4.5f, y));

    return mix(c, mix(dark, fire, lit * (0.35f + 0.65f * near)), cover);
}

static struct color add_sun(const struct scene *s, struct color c, float x, float y)
{
    float dx = x - SUN_X, dy = y - SUN_Y, d2 = dx * dx + dy * dy;

    c = glow(c, (struct color){ 1.0f, 0.55f, 0.22f }, 0.42f / (1 + d2 * 0.42f));
    c = glow(c, (struct color){ 1.0f, 0.80f, 0.45f }, 0.42f / (1 + d2 * 2.4f));
    float edge = s->pixel * 2 * SUN_R;
    float disc = 1 - ramp(SUN_R * SUN_R - edge, SUN_R * SUN_R + edge, d2);
    return mix(c,
               mix((struct color){ 1.0f, 0.97f, 0.80f }, (struct color){ 1.0f, 0.84f, 0.46f }, ramp(-SUN_R, SUN_R, dy)),
               disc);
}

static struct color sky(const struct scene *s, float x, float y)
{
    struct color c = add_stars(s, gradient(y), x, y);

    return add_clouds(s, add_sun(s, c, x, y), x, y);
}

/* ---- the land ---- */

struct ridge {
    float base, height, scale; /* above the horizon; bumps per unit */
    float left, right;         /* where it fades into the plain: it stands outside of these */
    struct color far, low;     /* at its crest and at its foot */
};

static const struct ridge ridges[] = {
    { 0.30f, 0.85f, 0.42f, 99, -99, { 0.62f, 0.30f, 0.42f }, { 0.93f, 0.56f, 0.42f } },
    { 0.10f, 1.35f, 0.55f, 7.2f, 12.2f, { 0.34f, 0.16f, 0.33f }, { 0.62f, 0.30f, 0.38f } },
    { 0.02f, 1.55f, 0.80f, 4.4f, 14.4f, { 0.13f, 0.07f, 0.19f }, { 0.27f, 0.13f, 0.27f } },
};

static float crest(const struct scene *s, size_t i, float x)
{
    const struct ridge *r = &ridges[i];
    float lift = r->left > r->right ? 1 : 1 - ramp(r->left - 4, r->left, x) * (1 - ramp(r->right, r->right + 4, x));

    return r->base * lift + (r->height * fractal(s->seed + 40 + 10 * (uint32_t)i, x * r->scale, 3.7f, 6)) * lift;
}

static struct color add_land(const struct scene *s, struct color c, float x, float y)
{
    float up = HORIZON - y;

    for (size_t i = 0; i < sizeof(ridges) / sizeof(ridges[0]); i++) {
        float top = crest(s, i, x);
        if (top <= 0.02f || up > top + s->pixel)
            continue;
        float dx = x - SUN_X, near = 1 / (1 + dx * dx * 0.35f);
        struct color body = mix(ridges[i].low, ridges[i].far, clamp01(up / (top + 0.01f)));
        body = glow(body, (struct color){ 0.50f, 0.22f, 0.06f }, near * (0.6f - 0.2f * (float)i));
        c = mix(c, body, clamp01((top - up) / s->pixel));
    }
    return c;
}

/* ---- the water ---- */

/* What is above, mirrored, broken by waves that grow towards us, with a path of light. */
static struct color water(const struct scene *s, float x, float y)
{
    float depth = y - HORIZON;
    float scale = 1 / (0.10f + depth * 0.42f); /* waves look smaller far away */
    float wave = fractal(s->seed + 90, x * 0.55f * scale, depth * 7.5f * scale, 4) - 0.5f;
    float fine = fractal(s->seed + 95, x * 1.9f * scale, depth * 26.0f * scale, 3) - 0.5f;
    float mirrored = HORIZON - depth * 1.12f - (wave * 1.1f + fine * 0.35f) * (0.10f + depth * 0.42f);
    float shift = (wave + fine) * (0.10f + depth * 0.30f);

    if (mirrored > HORIZON)
        mirrored = 2 * HORIZON - mirrored;
    struct color c = add_land(s, sky(s, x + shift, mirrored), x + shift, mirrored);
    float shade = ramp(0, 3.3f, depth);
    c = (struct color){ c.r * (0.86f - 0.30f * shade), c.g * (0.74f - 0.26f * shade), c.b * (0.84f - 0.18f * shade) };

    float half = 0.55f + depth * 0.42f, dx = (x - SUN_X) / half;
    float path = 1 / (1 + dx * dx * dx * dx * 1.6f);
    float sparkle = ramp(0.02f, 0.30f, wave * 0.75f + fine * 1.1f + 0.06f);
    return glow(c, (struct color){ 1.0f, 0.72f, 0.36f }, path * (0.10f + 0.95f * sparkle) * (1 - 0.18f * depth));
}

/* ---- in front: a hedge, and birds ---- */

static struct color add_hedge(const struct scene *s, struct color c, float x, float y)
{
    float edge = ramp(3.0f, 0, x) + ramp(11.5f, 16, x) * 0.8f;
    float bush =
        fractal(s->seed + 120, x * 1.1f, 0.4f, 3) * 1.5f + fractal(s->seed + 130, x * 9.0f, y * 9.0f, 3) * 0.75f;
    float top = 9.0f - (bush * (0.22f + edge) - 0.20f);
    struct color leaf = mix((struct color){ 0.045f, 0.030f, 0.085f }, (struct color){ 0.115f, 0.055f, 0.105f },
                            ramp(0.45f, 0.8f, fractal(s->seed + 140, x * 7, y * 7, 3)));

    return mix(c, leaf, clamp01((y - top) / (3 * s->pixel)));
}

static struct color add_birds(const struct scene *s, struct color c, float x, float y)
{
    static const float birds[][3] = {
        /* x, y, half the span */
        { 4.7f, 2.65f, 0.23f }, { 5.35f, 2.32f, 0.19f }, { 5.8f, 2.78f, 0.17f },
        { 6.5f, 2.48f, 0.15f }, { 4.1f, 2.2f, 0.14f },
    };

    for (size_t i = 0; i < sizeof(birds) / sizeof(birds[0]); i++) {
        float dx = (x - birds[i][0]) / birds[i][2], side = dx < 0 ? -dx : dx;
        if (side > 1)
            continue;
        /* Two arcs that meet in the body: down from it, then up to the wing's tip. */
        float wing = birds[i][1] - birds[i][2] * (1.5f * side - 1.6f * side * side);
        float off = y > wing ? y - wing : wing - y;
        float thick = birds[i][2] * 0.13f * (1.15f - side);
        c = mix(c, (struct color){ 0.10f, 0.05f, 0.16f }, 0.9f * clamp01((thick + s->pixel - off) / s->pixel));
    }
    return c;
}

/* ---- the picture ---- */

static struct color at(const struct scene *s, float x, float y)
{
    struct color c = y < HORIZON ? add_land(s, sky(s, x, y), x, y) : water(s, x, y);

    return add_hedge(s, add_birds(s, c, x, y), x, y);
}

/* Half a step of noise keeps the soft gradients from showing steps. */
static uint8_t level(float v, float dither)
{
    return (uint8_t)(clamp01(v) * 254.0f + dither);
}

int sunset_draw(struct buf *out, uint32_t width, uint32_t height, uint32_t seed)
{
    struct scene s = { .seed = seed, .pixel = WIDE / (float)width };
    uint8_t *pixels = malloc((size_t)width * height * 3), *to = pixels;

    if (pixels == NULL)
        return MESH_E_NOMEM;
    for (uint32_t py = 0; py < height; py++) {
        for (uint32_t px = 0; px < width; px++) {
            float x = ((float)px + 0.5f) * WIDE / (float)width, y = ((float)py + 0.5f) * 9.0f / (float)height;
            struct color c = at(&s, x, y);
            float dither = grid(seed + 200, (int)px, (int)py);
            *to++ = level(c.r, dither);
            *to++ = level(c.g, dither);
            *to++ = level(c.b, dither);
        }
    }
    int err = png_encode(out, pixels, width, height);
    free(pixels);
    return err;
}
