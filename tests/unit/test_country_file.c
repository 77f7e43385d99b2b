/* test_country_file.c - countries by a file in MaxMind's format, which Debian's MaxMind::DB::Writer makes here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "node/io/country_file.h"
#include "proto/base/err.h"

static char folder[] = "/tmp/hedgerow-countries-XXXXXX";
static char path[64], other[64];

/* Networks and countries in pairs, "192.0.2.0/24 DE ...", or "192.0.2.0/24 DE,50.11,8.68" with a place. False: the
 * module is not there. */
static bool make(const char *to, const char *pairs)
{
    char command[2048];

    snprintf(command, sizeof(command),
             "perl -e '"
             "eval { require MaxMind::DB::Writer::Tree } or exit 77;"
             "my %%types = (country => \"map\", iso_code => \"utf8_string\", location => \"map\","
             " latitude => \"double\", longitude => \"double\");"
             "my $t = MaxMind::DB::Writer::Tree->new(ip_version => 6, record_size => 24, database_type => \"Test\","
             " languages => [\"en\"], description => { en => \"test\" }, alias_ipv6_to_ipv4 => 0,"
             " remove_reserved_networks => 0, map_key_type_callback => sub { $types{$_[0]} });"
             "my @p = split / /, shift;"
             "while (my ($net, $code) = splice @p, 0, 2) {"
             " my ($c, $lat, $lon) = split /,/, $code; my %%e = $c eq \"-\" ? () : (country => { iso_code => $c });"
             " $e{location}{latitude} = $lat if defined $lat; $e{location}{longitude} = $lon if defined $lon;"
             " $t->insert_network($net, \\%%e) }"
             "open my $f, \">:raw\", shift or die; $t->write_tree($f); close $f;' '%s' '%s' 2>/dev/null",
             pairs, to);
    int code = system(command);
    if (WEXITSTATUS(code) == 77)
        return false;
    assert_int_equal(code, 0);
    return true;
}

static int start(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(path, sizeof(path), "%s/countries.mmdb", folder);
    snprintf(other, sizeof(other), "%s/other.mmdb", folder);
    return 0;
}

static int end(void **state)
{
    (void)state;
    unlink(path);
    unlink(other);
    return rmdir(folder);
}

static const char *find(struct country_file *f, struct country_view *v, const char *address)
{
    static char country[COUNTRY_BYTES];
    struct mesh_addr a;

    assert_int_equal(mesh_addr_parse(slice_str(address), &a), 0);
    country_find(f, v, &a, country);
    return country;
}

#define FIRST  "::192.0.2.0/120 DE ::198.51.100.0/120 FR 2001:db8:1::/48 AT ::203.0.113.0/120 - 2001:db8:2::/48 xx"
#define SECOND "::192.0.2.0/120 CH"

static void feat_S8_a_country_by_address_from_a_file_that_is_exchanged(void **state)
{
    struct country_file f;
    struct country_view v = { .db = NULL }, late = { .db = NULL };
    struct buf why = BUF_EMPTY;

    (void)state;
    if (!make(path, FIRST))
        skip();
    assert_int_equal(country_file_open(&f, path, &why), 0);
    assert_string_equal(find(&f, &v, "192.0.2.7:1"), "DE");
    assert_string_equal(find(&f, &v, "198.51.100.255:1"), "FR");
    assert_string_equal(find(&f, &v, "[2001:db8:1::5]:1"), "AT");
    assert_string_equal(find(&f, &v, "203.0.113.1:1"), "");     /* an entry without a country */
    assert_string_equal(find(&f, &v, "[2001:db8:2::1]:1"), ""); /* one that is none */
    assert_string_equal(find(&f, &v, "8.8.8.8:1"), "");
    assert_string_equal(find(NULL, &v, "192.0.2.7:1"), "");
    assert_int_equal(country_file_refresh(&f, &why), 0);

    /* Cut short in its place: refused, said once, and what was known stays. */
    FILE *file = fopen(path, "w");
    fputs("no such file", file);
    fclose(file);
    assert_int_equal(country_file_refresh(&f, &why), MESH_E_SYNTAX);
    assert_true(memmem(why.data, why.len, "MaxMind", 7) != NULL);
    assert_int_equal(country_file_refresh(&f, &why), 0);
    assert_string_equal(find(&f, &v, "192.0.2.7:1"), "DE");
    unlink(path);
    assert_int_equal(country_file_refresh(&f, &why), 0);
    assert_string_equal(find(&f, &late, "192.0.2.7:1"), "DE");

    assert_true(make(other, SECOND));
    assert_int_equal(rename(other, path), 0);
    assert_int_equal(country_file_refresh(&f, &why), 1);
    assert_string_equal(find(&f, &v, "192.0.2.7:1"), "CH");
    assert_string_equal(find(&f, &v, "198.51.100.1:1"), "");
    assert_string_equal(find(&f, &late, "192.0.2.7:1"), "CH");
    country_view_fini(&v);
    country_file_close(&f);
    assert_string_equal(find(&f, &late, "192.0.2.7:1"), "CH"); /* who holds it keeps it */
    country_view_fini(&late);
    buf_free(&why);
}

static struct place place(struct country_file *f, struct country_view *v, const char *address)
{
    struct mesh_addr a;
    struct place p;

    assert_int_equal(mesh_addr_parse(slice_str(address), &a), 0);
    place_find(f, v, &a, &p);
    return p;
}

#define PLACES                                                                                          \
    "::192.0.2.0/120 DE,50.1109,8.6821 ::198.51.100.0/120 FR ::203.0.113.0/120 -,-33.86885,-179.99996 " \
    "2001:db8:1::/48 AT,48.2 2001:db8:2::/48 US,90.5,0 2001:db8:3::/48 US,40,180.01 2001:db8:4::/48 FJ,-90,180"

static void feat_L2_places_of_a_file_that_has_them(void **state)
{
    struct country_file f;
    struct country_view v = { .db = NULL };
    struct buf why = BUF_EMPTY;

    (void)state;
    if (!make(path, PLACES))
        skip();
    assert_int_equal(country_file_open(&f, path, &why), 0);
    struct place p = place(&f, &v, "192.0.2.7:1");
    assert_string_equal(p.country, "DE");
    assert_true(p.located);
    assert_int_equal(p.lat_e4, 501109);
    assert_int_equal(p.lon_e4, 86821);
    assert_string_equal(find(&f, &v, "192.0.2.7:1"), "DE");
    p = place(&f, &v, "198.51.100.7:1"); /* a country and no place */
    assert_true(strcmp(p.country, "FR") == 0 && !p.located);
    p = place(&f, &v, "203.0.113.7:1"); /* a place in no country; rounded */
    assert_true(p.country[0] == 0 && p.located);
    assert_int_equal(p.lat_e4, -338689);
    assert_int_equal(p.lon_e4, -1800000);
    /* Half of a place, or one that is not on the globe, is none. */
    static const char *const nowhere[] = { "[2001:db8:1::1]:1", "[2001:db8:2::1]:1", "[2001:db8:3::1]:1", "8.8.8.8:1" };
    for (size_t i = 0; i < sizeof(nowhere) / sizeof(nowhere[0]); i++) {
        p = place(&f, &v, nowhere[i]);
        assert_true(!p.located && p.lat_e4 == 0 && p.lon_e4 == 0);
    }
    p = place(&f, &v, "[2001:db8:4::1]:1");
    assert_true(p.located && p.lat_e4 == -900000 && p.lon_e4 == 1800000);
    assert_false(place(NULL, &v, "192.0.2.7:1").located);
    country_view_fini(&v);
    country_file_close(&f);
    buf_free(&why);
}

static void feat_S8_what_is_no_such_file_is_refused(void **state)
{
    struct country_file f;
    struct buf why = BUF_EMPTY;

    (void)state;
    unlink(path);
    assert_int_equal(country_file_open(&f, path, &why), MESH_E_ABSENT);
    assert_int_equal(country_file_open(&f, folder, &why), MESH_E_SYNTAX);
    if (!make(path, FIRST))
        skip();
    /* Cut anywhere, or with bytes changed: it opens or it does not, and nothing breaks. */
    FILE *file = fopen(path, "r");
    static char bytes[65536];
    size_t len = fread(bytes, 1, sizeof(bytes), file);
    fclose(file);
    for (size_t i = 0; i < len; i += 7) {
        struct country_view v = { .db = NULL };
        size_t keep = i % 2 ? i : len;
        bytes[i] ^= 0x5a;
        file = fopen(path, "w");
        fwrite(bytes, 1, keep, file);
        fclose(file);
        bytes[i] ^= 0x5a;
        buf_clear(&why);
        if (country_file_open(&f, path, &why) != 0) {
            assert_true(why.len > 0);
            continue;
        }
        find(&f, &v, "192.0.2.7:1");
        find(&f, &v, "[2001:db8:1::5]:1");
        country_view_fini(&v);
        country_file_close(&f);
    }
    buf_free(&why);
}

static void feat_S8_lists_allow_or_block_and_who_is_unknown_is_let_in(void **state)
{
    const struct slice list[] = { SLICE_LIT("DE"), SLICE_LIT("AT") };

    (void)state;
    assert_true(countries_allow(DIST_GEO_ALLOW, list, 2, "AT") && !countries_allow(DIST_GEO_ALLOW, list, 2, "FR"));
    assert_true(!countries_allow(DIST_GEO_BLOCK, list, 2, "AT") && countries_allow(DIST_GEO_BLOCK, list, 2, "FR"));
    assert_true(countries_allow(DIST_GEO_ALLOW, list, 2, "") && countries_allow(DIST_GEO_BLOCK, list, 2, ""));
    assert_true(countries_allow(DIST_GEO_ANY, list, 2, "FR") && !countries_allow(DIST_GEO_ALLOW, NULL, 0, "FR"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(feat_S8_a_country_by_address_from_a_file_that_is_exchanged),
        cmocka_unit_test(feat_L2_places_of_a_file_that_has_them),
        cmocka_unit_test(feat_S8_what_is_no_such_file_is_refused),
        cmocka_unit_test(feat_S8_lists_allow_or_block_and_who_is_unknown_is_let_in),
    };
    return cmocka_run_group_tests(tests, start, end);
}
