/* options.h - the flags of a command, read by one table each: strict, and when something is
 * wrong the message says what, and what to write instead. Pure functions; thread safe. */
#ifndef HEDGEROW_CLI_OPTIONS_H
#define HEDGEROW_CLI_OPTIONS_H

#include "node/coding/coder.h"
#include "node/core/methods.h"
#include "node/steer/view.h"
#include "proto/base/addr.h"
#include "proto/base/buf.h"
#include "proto/base/time.h"

/* How a process of ours ends. 78 is EX_CONFIG of sysexits.h. */
enum cli_exit {
    CLI_OK = 0,
    CLI_FAILED = 1,
    CLI_USAGE = 2,
    CLI_CONFIG = 78,
};

/* Reads |text| into |field|. 0, or a negative code with the reason appended to |why|. */
typedef int option_read(const char *text, void *field, struct buf *why);

struct option {
    const char *name;  /* "--http" */
    const char *arg;   /* what is to follow, such as ADDR:PORT; NULL: nothing, |field| is a bool */
    const char *help;  /* one line, or more with \n; NULL: not shown */
    option_read *read; /* NULL with |arg|: this flag's work is not there, and it is refused */
    size_t field;      /* offsetof in the command's struct */
    bool many;         /* may be given more than once */
};

#define OPTION_VALUES_MAX 64

/* What a command makes of its arguments. */
struct command_line {
    const char *command;  /* "mesh admit", for messages */
    const char *synopsis; /* "DIR --name NAME --zone ZONE", for help */
    const char *about;    /* a sentence or two, for help */
    const struct option *options;
    size_t options_n;
    size_t args_min, args_max; /* arguments that are no flags */
    const char *args_what;     /* what they are: "the mesh's directory" */
};

/* options_read reads |argc| words (the command's own name not among them) into |out| and
 * lends up to args_max plain arguments to |args|. Flags and arguments may be mixed;
 * "--flag=value" and "--flag value" are the same; "--" ends the flags; "--help" wins.
 * 0; 1 when help is asked for; or CLI_USAGE with the message in |why|. */
int options_read(const struct command_line *line, int argc, char *const *argv, void *out, const char **args,
                 struct buf *why);

/* options_read_given does the same, and sets |given|, OPTION_VALUES_MAX of them, for each of the table's flags that
 * was. */
int options_read_given(const struct command_line *line, int argc, char *const *argv, void *out, const char **args,
                       struct buf *why, bool *given);

/* options_help appends the help text. */
void options_help(const struct command_line *line, struct buf *out);

/* options_nearest returns the one of |names| most like |word|, or NULL when none is near.
 * |names| are |n| strings, |stride| bytes apart. */
const char *options_nearest(const char *word, const char *const *names, size_t n, size_t stride);

/* ---- kinds of values ---- */

option_read option_text;     /* const char *, lent; not empty */
option_read option_u32;      /* uint32_t, decimal */
option_read option_size;     /* uint64_t bytes: 512MiB, 20GiB, 1000000, 5MB */
option_read option_duration; /* mesh_ns: 400ms, 2s, 1.5s, 5m, 1h */
option_read option_listen;   /* struct option_addr: IP:PORT, port 0 picks a free one */
option_read option_methods;  /* struct methods, lent: get, options, all, and more behind a comma */
option_read option_texts;    /* struct option_hosts, which are any texts then */
option_read option_host;     /* struct option_hosts: HOST:PORT, name or address */

option_read option_codings; /* unsigned, CODING_BITs of those not named: off, or a list of br, gzip, zstd */

struct option_addr {
    bool given;
    struct mesh_addr addr;
};

struct option_hosts { /* as given, lent */
    const char *at[OPTION_VALUES_MAX];
    size_t n;
};

option_read option_viewer_address; /* struct option_viewer_addrs: IP, up to STEER_ADDRS_MAX times */
option_read option_place;          /* struct option_place: LAT,LON in degrees, north and east positive */

struct option_viewer_addrs {
    struct mesh_addr at[STEER_ADDRS_MAX];
    size_t n;
};

struct option_place {
    bool given;
    int32_t lat_e4, lon_e4; /* degrees times 10,000 */
};

/* option_duration_text writes |ns| as a flag would have it ("400ms"), for help texts. */
#define OPTION_DURATION_MAX 24
const char *option_duration_text(mesh_ns ns, char text[OPTION_DURATION_MAX]);

#endif
