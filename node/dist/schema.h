/* schema.h - the one table of what may stand in a configuration: it drives reading, defaults, limits, the canonical
 * form and the reference in README.md. Private to node/dist.
 *
 *   text --tree--> tree --schema--> struct dist ... --schema--> canonical form (JSON, which is YAML, too) */
#ifndef HEDGEROW_DIST_SCHEMA_H
#define HEDGEROW_DIST_SCHEMA_H

#include "node/dist/dist_impl.h"
#include "node/dist/tree.h"

#define SCHEMA_PATH_MAX 16

struct reader {
    struct faults *faults;
    struct dist_arena *arena;
    struct { /* where in the file we are, for messages */
        const char *name;
        size_t index; /* of a list's entry; SIZE_MAX: none */
    } path[SCHEMA_PATH_MAX];
    size_t depth;
    struct dist *dist;                    /* that is read */
    bool media_origins[DIST_ORIGINS_MAX]; /* of it: those of type media */
    bool media;                           /* the behaviour that is read is of type media */
};

enum schema_type {
    SCHEMA_BOOL,
    SCHEMA_NUMBER,  /* unsigned, |width| bytes, |min| to |max| */
    SCHEMA_TIME,    /* mesh_ns, likewise */
    SCHEMA_SECONDS, /* int64_t, likewise */
    SCHEMA_WORD,    /* an enum of |width| bytes: the place among |words| */
    SCHEMA_TEXT,    /* struct slice */
    SCHEMA_TEXTS,   /* const struct slice * and, at |count_at|, how many: |min| to |max| */
    SCHEMA_COMMA,   /* struct slice: likewise, between commas, in the order in which they came */
    SCHEMA_NAMES,   /* struct dist_names */
    SCHEMA_PART,    /* fields of their own, in the same struct from |at| on */
    SCHEMA_LIST,    /* a pointer to structs, and at |count_at| how many: |min| to |max| */
    SCHEMA_OTHER,   /* as |read| and |write| do; they get the whole struct */
};

struct writer;
struct schema_field {
    const char *name;
    const char *help;
    enum schema_type type;
    size_t at, width, count_at;
    int64_t min, max;
    const char *const *words;
    const struct schema *of;
    /* Of texts: checks |n|, and copies what it says in normal form. False: it was said what is wrong. */
    bool (*take)(struct reader *r, const struct tree *n, struct slice *out);
    /* Of others. |n| may be NULL where |always|. */
    bool (*read)(struct reader *r, const struct tree *n, void *object);
    void (*write)(struct writer *w, const void *object);
    bool always;
    bool required;
    bool said;           /* in the canonical form also where it is as usual */
    const char *allowed; /* in words, where the rest does not say it */
    const char *or_else; /* what holds without it, where |init| does not say it */
};

struct schema {
    const char *what; /* "a distribution" */
    size_t size;
    const struct schema_field *fields;
    size_t n;
    void (*init)(void *object); /* what holds where nothing is said; NULL: zeros */
    bool (*finish)(struct reader *r, const struct tree *n, void *object); /* what fields say to each other */
    /* Stands a single value for the whole? */
    bool (*scalar)(struct reader *r, const struct tree *n, void *object);
    const char *scalar_allowed;
};

extern const struct schema schema_dist, schema_origin, schema_group, schema_behaviour, schema_error, schema_key,
    schema_key_group, schema_rule;
/* Parts of these; schema_of_cache has no fields, but says what holds for struct dist_cache without any. */
extern const struct schema schema_tls, schema_cache, schema_ttl, schema_request, schema_rate, schema_response,
    schema_cors, schema_of_cache, schema_steering;

/* As large as any struct that a schema is of. */
union schema_any {
    struct dist dist;
    struct dist_origin origin;
    struct dist_group group;
    struct dist_behaviour behaviour;
    struct dist_error error;
    struct dist_key key;
    struct dist_key_group key_group;
    struct dist_rule rule;
    struct dist_response response;
    struct dist_cache cache;
};

/* ---- reading ---- */
/* wrong says what is wrong with |n|: "FILE:1:2: distributions[0].hosts: " and the rest; always false. */
bool wrong(struct reader *r, const struct tree *n, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* wrong_field is the same of the field |name| of the map |n|, at the map itself where the field is not said. */
bool wrong_field(struct reader *r, const struct tree *n, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* wrong_choice: |n| is none of |words|. */
bool wrong_choice(struct reader *r, const struct tree *n, const char *const *words, size_t count);

void read_enter(struct reader *r, const char *name, size_t index);
void read_leave(struct reader *r);

/* read_fields reads the map |n| into |object|, whose defaults are there. False: something was wrong. read_object begins
 * with the defaults, and ends with what fields say to each other. */
bool read_fields(struct reader *r, const struct tree *n, const struct schema *s, void *object);
bool read_object(struct reader *r, const struct tree *n, const struct schema *s, void *object);

bool read_scalar(struct reader *r, const struct tree *n, const char *what);
bool read_number(struct reader *r, const struct tree *n, int64_t min, int64_t max, int64_t *out);
/* read_time: "10s", "1.5s", "200ms", "2m", "1h", "1d", or a plain number of seconds. In steps of a millisecond. */
bool read_time(struct reader *r, const struct tree *n, mesh_ns min, mesh_ns max, mesh_ns *out);
bool read_bool(struct reader *r, const struct tree *n, bool *out);
/* read_texts reads a list, or a single value that is one of one entry. Sorts if |sorted|; what is there twice is wrong.
 */
bool read_texts(struct reader *r, const struct tree *n, int64_t min, int64_t max,
                bool (*take)(struct reader *, const struct tree *, struct slice *), bool sorted,
                const struct slice **out, size_t *count);
bool read_names(struct reader *r, const struct tree *n,
                bool (*take)(struct reader *, const struct tree *, struct slice *), struct dist_names *out);
/* read_copy copies into the set's memory; false when there is none left, which is said. */
bool read_copy(struct reader *r, struct slice s, struct slice *out);
void *read_get(struct reader *r, size_t n, size_t size);
/* An id's place among |n| things of |stride| bytes that begin with theirs. */
bool read_id(struct reader *r, const struct tree *n, const char *what, const void *things, size_t count, size_t stride,
             uint16_t *out);

/* ---- kinds of text (take.c) ---- */
bool take_plain(struct reader *r, const struct tree *n, struct slice *out); /* 1 to 1024 bytes, no control characters */
bool take_comment(struct reader *r, const struct tree *n, struct slice *out);
bool take_id(struct reader *r, const struct tree *n, struct slice *out);
bool take_dist_name(struct reader *r, const struct tree *n, struct slice *out);
bool take_host(struct reader *r, const struct tree *n, struct slice *out);
bool take_tls_name(struct reader *r, const struct tree *n, struct slice *out);
bool take_file_name(struct reader *r, const struct tree *n, struct slice *out);
bool take_pattern(struct reader *r, const struct tree *n, struct slice *out);
bool take_rule_path(struct reader *r, const struct tree *n, struct slice *out);
bool take_glob(struct reader *r, const struct tree *n, struct slice *out);
bool take_root(struct reader *r, const struct tree *n, struct slice *out);
bool take_page(struct reader *r, const struct tree *n, struct slice *out);
bool take_folder(struct reader *r, const struct tree *n, struct slice *out);
bool take_method(struct reader *r, const struct tree *n, struct slice *out);
bool take_field_name(struct reader *r, const struct tree *n, struct slice *out); /* in lower case */
bool take_key_field(struct reader *r, const struct tree *n, struct slice *out);  /* that may be part of the key */
bool take_param(struct reader *r, const struct tree *n, struct slice *out);      /* of a query */
bool take_cookie(struct reader *r, const struct tree *n, struct slice *out);
bool take_removed(struct reader *r, const struct tree *n, struct slice *out);     /* from an answer, in lower case */
bool take_cors_header(struct reader *r, const struct tree *n, struct slice *out); /* a name, or a star */
bool take_cors_origin(struct reader *r, const struct tree *n, struct slice *out);
bool take_country(struct reader *r, const struct tree *n, struct slice *out);
bool take_region(struct reader *r, const struct tree *n, struct slice *out);
bool take_zone_region(struct reader *r, const struct tree *n, struct slice *out); /* of edges: cert_region */
bool take_pem(struct reader *r, const struct tree *n, struct slice *out);
bool take_redirect(struct reader *r, const struct tree *n, struct slice *out);
bool take_rewrite(struct reader *r, const struct tree *n, struct slice *out);
bool take_name(struct reader *r, const struct slice text, const struct tree *n, bool (*refuses)(struct slice),
               struct slice *out); /* a field's name, as written, that |refuses| does not */
bool take_value(struct reader *r, const struct tree *n, size_t max, struct slice *out);

/* Names of fields that nobody may set towards an origin (origin_refuses), nor set or remove in an answer
 * (answer_refuses); in lower case, a final * stands for the rest. */
bool origin_refuses(struct slice name);
bool answer_refuses(struct slice name);

/* ---- rules and hosts among each other (check.c, loops.c) ---- */
bool check_dist(struct reader *r, const struct tree *n, struct dist *d);
bool check_set(struct reader *r, const struct tree *list, const struct dist *dists, size_t n);
/* read_behaviours is the field behaviours of schema_dist; |n| may be NULL. */
bool read_behaviours(struct reader *r, const struct tree *n, void *object);
/* check_loops: does a redirect of |d| lead to itself? */
bool check_loops(struct reader *r, const struct tree *n, const struct dist *d);

/* ---- writing ---- */
struct writer {
    struct buf *out;
    const struct dist *dist; /* that is written */
};
void write_object(struct writer *w, const struct schema *s, const void *object);
void write_key(struct writer *w, const char *name); /* and the comma before it, if need be */
void write_comma(struct writer *w);
void write_part(struct writer *w, const struct schema *s, const void *object, const void *usual);
void write_text(struct writer *w, struct slice text);
void write_texts(struct writer *w, const struct slice *texts, size_t n);
void write_names(struct writer *w, const struct dist_names *names);
void write_time(struct writer *w, mesh_ns t);

/* write_usual appends what |f| is where it is not said, and nothing where that is no single value. */
void write_usual(struct buf *out, const struct schema *s, const struct schema_field *f);

/* schema_allowed appends what a field may be, in words; schema_default what it is without being said. */
void schema_allowed(struct buf *out, const struct schema_field *f);
void schema_default(struct buf *out, const struct schema *s, const struct schema_field *f);

#endif
