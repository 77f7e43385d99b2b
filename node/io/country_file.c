#include "node/io/country_file.h"

#include <errno.h>
#include <fcntl.h>
#include <maxminddb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "proto/base/err.h"

struct country_db {
    MMDB_s mmdb;
    _Atomic uint32_t refs;
};

static void db_unref(struct country_db *db)
{
    if (db == NULL || atomic_fetch_sub(&db->refs, 1) != 1)
        return;
    MMDB_close(&db->mmdb);
    free(db);
}

/* Copies |from| to a file in memory that nobody else can cut short: libmaxminddb maps what it opens. */
static int copy_of(int from, const char *path, struct buf *why)
{
    int to = memfd_create("countries", MFD_CLOEXEC);
    char bytes[65536];
    int64_t all = 0;
    ssize_t n = to < 0 ? -1 : 1;

    while (n > 0 && all <= COUNTRY_FILE_MAX && (n = read(from, bytes, sizeof(bytes))) > 0) {
        all += n;
        if (write(to, bytes, (size_t)n) != n)
            n = -1;
    }
    if (n == 0 && all <= COUNTRY_FILE_MAX)
        return to;
    if (all > COUNTRY_FILE_MAX)
        buf_addf(why, "%s is larger than 1 GiB", path);
    else
        buf_addf(why, "%s cannot be read to memory: %s", path, strerror(errno));
    if (to >= 0)
        close(to);
    return all > COUNTRY_FILE_MAX ? MESH_E_RANGE : MESH_E_NOMEM;
}

static int db_open(struct country_db **out, int copy, const char *path, struct buf *why)
{
    struct country_db *db = calloc(1, sizeof(*db));
    char name[32];

    if (db == NULL)
        return MESH_E_NOMEM;
    atomic_init(&db->refs, 1);
    snprintf(name, sizeof(name), "/proc/self/fd/%d", copy);
    int err = MMDB_open(name, MMDB_MODE_MMAP, &db->mmdb);
    if (err != MMDB_SUCCESS) {
        buf_addf(why, "%s is no file in MaxMind's format, or is damaged: %s", path, MMDB_strerror(err));
        free(db);
        return MESH_E_SYNTAX;
    }
    *out = db;
    return 0;
}

static void find_country(MMDB_entry_s *entry, char country[COUNTRY_BYTES])
{
    MMDB_entry_data_s found;

    if (MMDB_get_value(entry, &found, "country", "iso_code", NULL) != MMDB_SUCCESS || !found.has_data ||
        found.type != MMDB_DATA_TYPE_UTF8_STRING || found.data_size != 2)
        return;
    for (unsigned i = 0; i < 2; i++) {
        if (found.utf8_string[i] < 'A' || found.utf8_string[i] > 'Z')
            return;
    }
    memcpy(country, found.utf8_string, 2);
    country[2] = 0;
}

/* Degrees times 10,000 of |entry|'s location; false: there is none within |limit|. */
static bool find_degrees(MMDB_entry_s *entry, const char *which, double limit, int32_t *out)
{
    MMDB_entry_data_s found;

    if (MMDB_get_value(entry, &found, "location", which, NULL) != MMDB_SUCCESS || !found.has_data)
        return false;
    double degrees = found.type == MMDB_DATA_TYPE_DOUBLE  ? found.double_value
                     : found.type == MMDB_DATA_TYPE_FLOAT ? (double)found.float_value
                                                          : limit + 1;
    if (!(degrees >= -limit && degrees <= limit)) /* nor what is no number */
        return false;
    *out = (int32_t)(degrees * 10000 + (degrees < 0 ? -0.5 : 0.5));
    return true;
}

/* Where |address| is, as far as its entry has it in the right form. */
static void db_find(struct country_db *db, const struct mesh_addr *address, struct place *out, bool country_only)
{
    struct sockaddr_in v4 = { .sin_family = AF_INET };
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
    bool is_v4 = mesh_addr_is_v4(address);
    int err = MMDB_SUCCESS;

    memcpy(&v4.sin_addr, address->ip + 12, 4);
    memcpy(&v6.sin6_addr, address->ip, 16);
    MMDB_lookup_result_s at =
        MMDB_lookup_sockaddr(&db->mmdb, is_v4 ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6, &err);
    if (err != MMDB_SUCCESS || !at.found_entry)
        return;
    find_country(&at.entry, out->country);
    out->located = !country_only && find_degrees(&at.entry, "latitude", 90, &out->lat_e4) &&
                   find_degrees(&at.entry, "longitude", 180, &out->lon_e4);
    if (!out->located)
        out->lat_e4 = out->lon_e4 = 0;
}

static int read_file(struct country_file *f, struct country_db **out, struct buf *why)
{
    int fd = open(f->path, O_RDONLY | O_CLOEXEC), err, copy;

    if (fd < 0 || fstat(fd, &f->seen) != 0) {
        buf_addf(why, "%s cannot be opened: %s", f->path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return MESH_E_ABSENT;
    }
    copy = S_ISREG(f->seen.st_mode) ? copy_of(fd, f->path, why) : MESH_E_SYNTAX;
    if (copy == MESH_E_SYNTAX)
        buf_addf(why, "%s is not a file", f->path);
    close(fd);
    if (copy < 0)
        return copy;
    err = db_open(out, copy, f->path, why);
    close(copy);
    return err;
}

int country_file_open(struct country_file *f, const char *path, struct buf *why)
{
    memset(f, 0, sizeof(*f));
    f->path = path;
    pthread_mutex_init(&f->lock, NULL);
    int err = read_file(f, &f->db, why);
    if (err == 0)
        atomic_store(&f->version, 1);
    else
        country_file_close(f);
    return err;
}

void country_file_close(struct country_file *f)
{
    db_unref(f->db);
    f->db = NULL;
    pthread_mutex_destroy(&f->lock);
}

static bool same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

int country_file_refresh(struct country_file *f, struct buf *why)
{
    struct country_db *db = NULL;
    struct stat now;

    /* One that is gone for a moment, while another takes its place, is no news. */
    if (stat(f->path, &now) != 0 || same(&now, &f->seen))
        return 0;
    int err = read_file(f, &db, why);
    if (err != 0)
        return err;
    pthread_mutex_lock(&f->lock);
    struct country_db *old = f->db;
    f->db = db;
    atomic_fetch_add(&f->version, 1);
    pthread_mutex_unlock(&f->lock);
    db_unref(old);
    return 1;
}

static void find(struct country_file *f, struct country_view *v, const struct mesh_addr *address, struct place *out,
                 bool country_only)
{
    *out = (struct place){ .located = false };
    if (f == NULL)
        return;
    if (v->version != atomic_load_explicit(&f->version, memory_order_acquire)) {
        pthread_mutex_lock(&f->lock);
        struct country_db *old = v->db;
        v->db = f->db;
        v->version = atomic_load(&f->version);
        atomic_fetch_add(&v->db->refs, 1);
        pthread_mutex_unlock(&f->lock);
        db_unref(old);
    }
    db_find(v->db, address, out, country_only);
}

void country_find(struct country_file *f, struct country_view *v, const struct mesh_addr *address,
                  char country[COUNTRY_BYTES])
{
    struct place p;

    find(f, v, address, &p, true);
    memcpy(country, p.country, COUNTRY_BYTES);
}

void place_find(struct country_file *f, struct country_view *v, const struct mesh_addr *address, struct place *out)
{
    find(f, v, address, out, false);
}

void country_view_fini(struct country_view *v)
{
    db_unref(v->db);
    *v = (struct country_view){ .db = NULL };
}
