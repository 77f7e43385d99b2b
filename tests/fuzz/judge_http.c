/* judge_http.c - says what we make of messages, for others to be compared with (llhttp.mjs). Names of files on standard
 * input, one a line; of each file a line of JSON, texts in hexadecimal:
 * {"request": {"used": 40, "method": "474554", "target": "2f", "minor": 1, "framing": "none", "length": 0, "keep": true,
 *   "fields": ["486f7374", "68"]}, "response": null, "chunked": null} */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "node/http/chunked.h"
#include "node/http/parse.h"
#include "proto/base/buf.h"

#define FILE_MAX (256 * 1024)

static void put_hex(struct slice s)
{
    putchar('"');
    for (size_t i = 0; i < s.len; i++)
        printf("%02x", s.data[i]);
    putchar('"');
}

static void put_common(const struct http_body *body, const struct fields *fields, unsigned minor, bool keep, size_t used)
{
    static const char *const framings[] = { "none", "length", "chunked", "until-close" };

    printf("\"used\": %zu, \"minor\": %u, \"keep\": %s, \"framing\": \"%s\", \"length\": %llu, \"fields\": [", used, minor,
           keep ? "true" : "false", framings[body->framing], (unsigned long long)body->length);
    for (size_t i = 0; i < fields->n; i++) {
        printf("%s", i > 0 ? ", " : "");
        put_hex(fields->at[i].name);
        printf(", ");
        put_hex(fields->at[i].value);
    }
    printf("]");
}

static void put_request(struct slice in)
{
    static struct http_request r;
    struct http_cursor at = { 0 };
    size_t used;

    if (http_parse_request(in, &at, &r, &used) != 0) {
        printf("null");
        return;
    }
    printf("{\"method\": ");
    put_hex(r.method_text);
    printf(", \"target\": ");
    put_hex(r.target);
    printf(", ");
    put_common(&r.body, &r.fields, r.minor, r.keep_alive, used);
    printf("}");
}

static void put_response(struct slice in)
{
    static struct http_response r;
    struct http_cursor at = { 0 };
    size_t used;

    if (http_parse_response(in, &at, false, &r, &used) != 0) {
        printf("null");
        return;
    }
    printf("{\"status\": %u, ", (unsigned)r.status);
    put_common(&r.body, &r.fields, r.minor, r.keep_alive, used);
    printf("}");
}

static void put_chunked(struct slice in)
{
    struct buf body = BUF_EMPTY;
    struct slice rest = in, data;
    struct http_chunked c;

    http_chunked_init(&c);
    while (http_chunked_read(&c, &rest, &data) == 0 && !http_chunked_done(&c))
        buf_add_slice(&body, data);
    if (http_chunked_done(&c)) {
        printf("{\"used\": %zu, \"body\": ", in.len - rest.len);
        put_hex(buf_slice(&body));
        printf("}");
    } else {
        printf("null");
    }
    buf_free(&body);
}

int main(void)
{
    static uint8_t bytes[FILE_MAX];
    char name[4096];

    while (fgets(name, sizeof(name), stdin) != NULL) {
        name[strcspn(name, "\n")] = '\0';
        FILE *file = fopen(name, "rb");
        if (file == NULL) {
            fprintf(stderr, "judge_http: %s: %s\n", name, strerror(errno));
            return 1;
        }
        struct slice in = slice_of(bytes, fread(bytes, 1, sizeof(bytes), file));
        fclose(file);
        printf("{\"request\": ");
        put_request(in);
        printf(", \"response\": ");
        put_response(in);
        printf(", \"chunked\": ");
        put_chunked(in);
        printf("}\n");
    }
    return 0;
}
