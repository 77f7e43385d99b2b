/* hedgerow-sigv4: signs what it is told, so that another signer can be compared with ours. A request a line of standard
 * input, as JSON: {"method", "target", "fields": [[name, value], ...], "payload", "id", "secret", "region", "service",
 * "time": Unix seconds}; the value of Authorization a line of standard output. A service "s3" has its path signed as it
 * is sent. With {"target"} alone: the target as it would be sent. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "node/sigv4/sigv4.h"

static struct slice text_of(const json_t *object, const char *name)
{
    const json_t *text = json_object_get(object, name);

    return slice_of(json_string_value(text), json_string_length(text));
}

static int sign(struct buf *out, const json_t *line)
{
    struct sigv4_field fields[SIGV4_FIELDS_MAX];
    struct sigv4_request q = { text_of(line, "method"), text_of(line, "target"), fields, 0, text_of(line, "payload") };
    struct sigv4_keys keys = { text_of(line, "id"), text_of(line, "secret") };
    struct sigv4_scope scope = { .region = text_of(line, "region"), .service = text_of(line, "service") };
    static struct sigv4_memo memo;
    char time[SIGV4_TIME_MAX];
    size_t i;
    json_t *pair;

    scope.encode_path = scope.normalise_path = !slice_eq(scope.service, SLICE_LIT("s3"));
    json_array_foreach(json_object_get(line, "fields"), i, pair)
    {
        const json_t *name = json_array_get(pair, 0), *value = json_array_get(pair, 1);
        if (q.n == SIGV4_FIELDS_MAX)
            return -1;
        fields[q.n++] = (struct sigv4_field){ slice_of(json_string_value(name), json_string_length(name)),
                                              slice_of(json_string_value(value), json_string_length(value)) };
    }
    if (!sigv4_time(time, json_integer_value(json_object_get(line, "time"))))
        return -1;
    return sigv4_authorization(out, &memo, &keys, &scope, time, &q, NULL);
}

int main(void)
{
    struct buf out = BUF_EMPTY;
    char *text = NULL;
    size_t cap = 0;
    int err = 0;

    while (err == 0 && getline(&text, &cap, stdin) > 0) {
        json_t *line = json_loads(text, 0, NULL);
        buf_clear(&out);
        if (line == NULL)
            err = -1;
        else if (json_object_get(line, "method") == NULL)
            sigv4_target(&out, text_of(line, "target"));
        else
            err = sign(&out, line);
        json_decref(line);
        if (err == 0)
            printf("%.*s\n", SLICE_FMT(buf_slice(&out)));
    }
    free(text);
    buf_free(&out);
    return err != 0 || !buf_ok(&out);
}
