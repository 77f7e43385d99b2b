/* hedgerow check: is a file what hedgerow run -c would take? */
#include <stdio.h>

#include "node/cli/cli.h"
#include "node/cli/node_file.h"
#include "node/cli/run_options.h"
#include "proto/digest.h"

struct check_options {
    const char *file;
    bool show, json;
};

static const struct option options[] = {
    { "--config", "FILE", "the file", option_text, offsetof(struct check_options, file), false },
    { "-c", "FILE", "the same", option_text, offsetof(struct check_options, file), false },
    { "--show", NULL, "print its distributions as they are understood, presets written out", NULL,
      offsetof(struct check_options, show), false },
    { "--json", NULL, "the same in the canonical form, which is JSON", NULL, offsetof(struct check_options, json),
      false },
};

static const struct command_line line = {
    .command = "check",
    .synopsis = "-c FILE [flags]",
    .about = "Reads a configuration as hedgerow run -c would, and says all that is wrong with it: file, line, column,\n"
             "field, what is allowed. Ends with 0 when nothing is, with 78 when something is.",
    .options = options,
    .options_n = sizeof(options) / sizeof(options[0]),
};

static void say_set(const char *path, const struct dist_file *f)
{
    size_t hosts = 0, origins = 0, behaviours = 0;

    if (f->set == NULL) {
        printf("%s: fine; no distributions.\n", path);
        return;
    }
    for (size_t i = 0; i < f->set->n; i++) {
        hosts += f->set->dists[i].hosts_n;
        origins += f->set->dists[i].origins_n;
        behaviours += f->set->dists[i].behaviours_n;
    }
    printf("%s: fine; %zu distribution%s, %zu host%s, %zu origin%s, %zu behaviour%s; digest %016llx.\n", path,
           f->set->n, f->set->n == 1 ? "" : "s", hosts, hosts == 1 ? "" : "s", origins, origins == 1 ? "" : "s",
           behaviours, behaviours == 1 ? "" : "s", (unsigned long long)f->set->digest);
}

static int show(const struct check_options *o, const struct dist_file *f)
{
    struct buf out = BUF_EMPTY;
    bool ok = true;

    if (f->set != NULL && o->json)
        dist_set_write(&out, f->set);
    else if (f->set != NULL)
        ok = dist_set_show(&out, f->set);
    ok = ok && buf_ok(&out);
    if (ok && out.len > 0)
        cli_put(stdout, buf_slice(&out));
    buf_free(&out);
    return ok ? CLI_OK : cli_fail(CLI_FAILED, line.command, "out of memory.");
}

int cli_check(int argc, char *const *argv)
{
    struct check_options o = { .file = NULL };
    struct dist_file f = { .set = NULL };
    struct buf why = BUF_EMPTY;
    int code;

    if (!cli_options(&line, argc, argv, &o, NULL, &code))
        return code;
    if (o.file == NULL)
        return cli_fail(CLI_USAGE, line.command, "which file? hedgerow check -c FILE");
    if (crypto_start() != 0)
        return cli_fail(CLI_FAILED, line.command, "the system gives no random numbers.");
    code = node_file_read(o.file, &f, &why);
    if (code == CLI_OK)
        code = run_options_check(&f, o.file, "", &why);
    if (why.len > 0)
        cli_put(stderr, buf_slice(&why));
    if (code == CLI_OK && (o.show || o.json))
        code = show(&o, &f);
    else if (code == CLI_OK)
        say_set(o.file, &f);
    dist_file_free(&f);
    buf_free(&why);
    return code;
}
