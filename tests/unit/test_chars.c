#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "node/sf/chars.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS  "0123456789"

/* Each class as its RFC lists it. */
static void every_byte_is_in_its_classes(void **state)
{
    (void)state;
    static const struct {
        unsigned class;
        const char *members;
    } rows[] = {
        { CHARS_TOKEN, LETTERS DIGITS "!#$%&'*+-.^_`|~" },
        { CHARS_TARGET, LETTERS DIGITS "!\"$%&'()*+,-./:;<=>?@[\\]^_`{|}~" },
        { CHARS_HOST, LETTERS DIGITS "-._" },
        { CHARS_SF_TOKEN, LETTERS DIGITS "!#$%&'*+-.^_`|~:/" },
        { CHARS_URI, LETTERS DIGITS "-._~:/?#[]@!$&'()*+,;=%" },
        { CHARS_HEX, DIGITS "abcdefABCDEF" },
        { CHARS_DIGIT, DIGITS },
        { CHARS_ALPHA, LETTERS },
        { CHARS_UNRESERVED, LETTERS DIGITS "-._~" },
        { CHARS_PATH, LETTERS DIGITS "-._~!$&'()*+,;=:@/" },
        { CHARS_QUERY, LETTERS DIGITS "-._~!$&'()*+,;=:@/?" },
        { CHARS_PLAIN, LETTERS DIGITS " !#$%&'()*+,-./:;<=>?@[]^_`{|}~" },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (unsigned c = 0; c < 256; c++) {
            bool member = c != 0 && strchr(rows[i].members, (int)c) != NULL;
            if (chars_is((uint8_t)c, rows[i].class) != member)
                fail_msg("class %u, byte %02x", rows[i].class, c);
        }
    }
}

static void spans_end_at_the_first_other_byte(void **state)
{
    (void)state;
    assert_int_equal(chars_span(SLICE_LIT("Host: a"), CHARS_TOKEN), 4);
    assert_int_equal(chars_span(SLICE_LIT("Host"), CHARS_TOKEN), 4);
    assert_int_equal(chars_span(SLICE_LIT(":"), CHARS_TOKEN), 0);
    assert_true(chars_all(SLICE_LIT("a1"), CHARS_HEX));
    assert_false(chars_all(SLICE_LIT("a1g"), CHARS_HEX));
    assert_false(chars_all(SLICE_LIT(""), CHARS_HEX));
}

/* Every byte at every place of every length up to three vectors, read from exact memory; and so by the
 * portable twin. */
static void controls_are_found_wherever_they_are(void **state)
{
    (void)state;
    for (size_t len = 0; len <= 40; len++) {
        uint8_t *bytes = malloc(len > 0 ? len : 1);
        assert_non_null(bytes);
        for (size_t at = 0; at < len; at++) {
            for (unsigned c = 0; c < 256; c++) {
                memset(bytes, c % 3 == 0 ? '\t' : c % 3 == 1 ? 0x20 : 0x80, len);
                bytes[at] = (uint8_t)c;
                bool is_control = (c < 0x20 && c != 9) || c == 0x7F;
                assert_int_equal(chars_is_control((uint8_t)c), is_control);
                for (size_t from = 0; from <= len; from++) {
                    size_t want = is_control && from <= at ? at : len;
                    if (chars_control(slice_of(bytes, len), from) != want ||
                        chars_control_words(slice_of(bytes, len), from) != want)
                        fail_msg("byte %02x at %zu of %zu, from %zu", c, at, len, from);
                }
            }
        }
        free(bytes);
    }
}

static void of_two_controls_the_first_is_found(void **state)
{
    (void)state;
    assert_int_equal(chars_control(SLICE_LIT("0123456789\r\n0123456789\r\n"), 0), 10);
    assert_int_equal(chars_control(SLICE_LIT("0123456789\r\n0123456789\r\n"), 12), 22);
    assert_int_equal(chars_control(SLICE_LIT("\t\t\t\t\t\t\t\t\t\t\x7F"), 0), 10);
}

static void escapes_are_upper_case(void **state)
{
    (void)state;
    uint8_t out[3];
    chars_escape('\n', out);
    assert_memory_equal(out, "%0A", 3);
    chars_escape(0xFE, out);
    assert_memory_equal(out, "%FE", 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_is_in_its_classes),
        cmocka_unit_test(spans_end_at_the_first_other_byte),
        cmocka_unit_test(controls_are_found_wherever_they_are),
        cmocka_unit_test(of_two_controls_the_first_is_found),
        cmocka_unit_test(escapes_are_upper_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
